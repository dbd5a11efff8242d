"""Steps of a plan that belong together are taken together."""

from __future__ import annotations

import numpy as np

from server.dispatch.assignment import plan
from server.dispatch.demand import Mover, OpenIncident, Rules, Standing
from server.dispatch.proposals import Proposal, proposals
from server.views import Priority


def an_incident(name: str, priority: Priority = "priority", wanted: int = 1) -> OpenIncident:
    return OpenIncident(incident_id=name, priority=priority, waited_s=60.0, wanted=wanted)


def under_way(name: str, to: str, remaining_s: float) -> Mover:
    return Mover(
        unit_id=name,
        call_sign=name,
        standing=Standing.UNDER_WAY,
        incident_id=to,
        remaining_s=remaining_s,
    )


def free(name: str) -> Mover:
    return Mover(unit_id=name, call_sign=name)


def made(
    incidents: list[OpenIncident], units: list[Mover], minutes: list[list[float]]
) -> tuple[Proposal, ...]:
    return proposals(plan(incidents, units, np.array(minutes) * 60.0, rules=Rules()))


def test_a_free_unit_for_a_waiting_incident_is_a_step_of_its_own() -> None:
    (found,) = made([an_incident("a")], [free("p1"), free("p2")], [[9.0], [7.0]])

    assert [(each.unit_id, each.incident_id) for each in found.moves] == [("p2", "a")]
    assert (found.called_off, found.saves_s) == ((), None)


def test_whoever_is_relieved_and_who_comes_instead_are_one_step() -> None:
    (found,) = made([an_incident("a")], [under_way("p1", "a", 1800.0), free("p2")], [[30.0], [5.0]])

    assert [(each.unit_id, each.incident_id) for each in found.moves] == [("p2", "a")]
    assert [each.unit_id for each in found.called_off] == ["p1"]
    assert found.saves_s == 25.0 * 60.0


def test_a_swap_that_saves_less_than_the_margin_is_not_proposed() -> None:
    assert (
        made([an_incident("a")], [under_way("p1", "a", 1200.0), free("p2")], [[20.0], [11.0]]) == ()
    )


def test_a_diverted_unit_and_the_one_for_its_released_job_are_one_step() -> None:
    incidents = [an_incident("a"), an_incident("b", "emergency")]
    units = [under_way("p1", "a", 900.0), free("p2")]

    (found,) = made(incidents, units, [[15.0, 3.0], [18.0, 30.0]])

    steps = [(each.unit_id, each.incident_id) for each in found.moves]
    assert steps == [("p1", "b"), ("p2", "a")]
    assert [each.released_id for each in found.called_off] == ["a"]


def test_steps_that_do_not_touch_each_other_are_proposed_apart_in_any_order() -> None:
    incidents = [an_incident("a"), an_incident("b")]
    units = [under_way("p1", "a", 1800.0), free("p2"), free("p3")]
    minutes = [[30.0, 40.0], [5.0, 90.0], [90.0, 6.0]]

    found = made(incidents, units, minutes)
    turned = made(incidents[::-1], units[::-1], [row[::-1] for row in minutes[::-1]])

    assert [each.key for each in found] == ["p2>a -p1", "p3>b"]
    assert turned == found
