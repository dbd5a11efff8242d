"""Which spares help, and where they lie on a way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.dispatch.spares import NEAR_M, Spare, SpareKind, spares_near

WAY = [(100.00, 27.00), (100.10, 27.00), (100.10, 27.10)]
"""Ten kilometres east, then eleven north."""
KM_EAST = 1.0 / 99.2
"""Degrees of longitude of a kilometre at 27 N."""
KM_NORTH = 1.0 / 111.2


def a_spare(**changed: object) -> Spare:
    spare = Spare(
        id="s1",
        label="pack-1",
        kind=SpareKind.PACK,
        fits=frozenset({"BC-4G"}),
        station="North",
        at=(100.05, 27.0),
        unit_id=None,
        charged=True,
        taken=False,
    )
    return replace(spare, **changed)  # type: ignore[arg-type]  # any field


def test_a_spare_beside_the_way_is_found_with_how_far_it_is() -> None:
    beside = a_spare(at=(100.05, 27.0 + 0.5 * KM_NORTH))

    (near,) = spares_near([beside], model="BC-4G", way=WAY)

    assert near.off_m == pytest.approx(500, abs=2)
    assert near.after_m == pytest.approx(4960, abs=20)


@pytest.mark.parametrize(
    "changed",
    [
        {"charged": False},
        {"taken": True, "station": None, "at": None},
        {"fits": frozenset({"BC-5G"})},
        {"at": (100.05, 27.0 + 1.1 * NEAR_M / 1000 * KM_NORTH)},
        {"station": None, "at": None, "unit_id": "another"},
    ],
    ids=["empty", "taken", "another model", "too far", "in another vehicle"],
)
def test_what_does_not_help_is_left_out(changed: dict[str, object]) -> None:
    assert spares_near([a_spare(**changed)], model="BC-4G", way=WAY, unit_id="u1") == []


def test_own_vehicle_comes_first_then_along_the_way_then_packs() -> None:
    spares = [
        a_spare(id="late", at=(100.10, 27.09)),
        a_spare(id="bank", kind=SpareKind.POWER_BANK, fits=frozenset()),
        a_spare(id="pack"),
        a_spare(id="own", station=None, at=None, unit_id="u1"),
    ]

    found = spares_near(spares, model="BC-4G", way=WAY, unit_id="u1")

    assert [near.spare.id for near in found] == ["own", "pack", "bank", "late"]


def test_only_kinds_that_are_asked_for() -> None:
    spares = [a_spare(), a_spare(id="bank", kind=SpareKind.POWER_BANK, fits=frozenset())]
    kinds = frozenset({SpareKind.POWER_BANK})

    assert [near.spare.id for near in spares_near(spares, model="x", way=WAY, kinds=kinds)] == [
        "bank"
    ]


def test_a_way_may_be_one_place_but_not_none() -> None:
    (near,) = spares_near([a_spare()], model="BC-4G", way=[(100.05 + KM_EAST / 2, 27.0)])

    assert near.after_m == 0.0
    assert near.off_m == pytest.approx(500, abs=2)
    with pytest.raises(ValueError, match="one corner"):
        spares_near([a_spare()], model="BC-4G", way=[])
