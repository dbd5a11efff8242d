"""A simulated device keeps what it is asked to, and its crew does what it said yes to."""

from __future__ import annotations

import pytest

from devices.sim.thrift import Thrift
from protocols.native import Limits


@pytest.mark.parametrize(
    ("limits", "has_signal", "mode"),
    [
        (Limits(), True, "stream"),
        (Limits(stream="low"), True, "stream"),
        (Limits(stream="snippets"), True, "record"),
        (Limits(stream="off"), True, "record"),
        (Limits(rsrp_min=-110), True, "stream"),
        (Limits(rsrp_min=-110), False, "record"),
    ],
    ids=["none", "low", "snippets", "off", "signal", "no_signal"],
)
def test_stream_runs_as_far_as_the_limits_allow(
    limits: Limits, mode: str, *, has_signal: bool
) -> None:
    thrift = Thrift()

    thrift.keep(limits)

    assert thrift.mode("stream", has_signal=has_signal) == mode
    assert thrift.mode("standby", has_signal=has_signal) == "standby"


def test_newer_limits_take_the_place_of_those_before() -> None:
    thrift = Thrift()
    thrift.keep(Limits(stream="off", fix_s=60))

    thrift.keep(Limits())

    assert thrift.mode("stream", has_signal=True) == "stream"
    assert thrift.fix_s(10.0) == 10.0


def test_fixes_come_no_sooner_than_asked() -> None:
    thrift = Thrift()
    thrift.keep(Limits(fix_s=30))

    assert (thrift.fix_s(10.0), thrift.fix_s(60.0)) == (30.0, 60.0)


def test_crew_charges_as_it_said_until_it_is_home() -> None:
    thrift = Thrift()
    thrift.follow("charge_in_car")

    assert thrift.charges(driving=True)
    assert not thrift.charges(driving=False)
    thrift.follow("power_bank")
    assert thrift.charges(driving=False)
    thrift.come_home()
    assert not thrift.charges(driving=True)


def test_crew_sets_by_hand_what_the_device_cannot() -> None:
    thrift = Thrift()

    thrift.follow("record_locally")

    assert thrift.limits == Limits(stream="off")
