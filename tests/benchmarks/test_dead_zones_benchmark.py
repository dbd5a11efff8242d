"""The benchmark of dead zones: they are found, nothing else is, and false alarms go."""

from __future__ import annotations

import random

import numpy as np
import pytest

from benchmarks._links import DEAD_S, arrivals
from benchmarks.dead_zones import Tally, World, gorges, measure, rows_of, table
from geo.ground import Ground
from geo.learning.school import School
from tests.small_county import small_county

SEED = 400
"""Apart from those of the published table."""


@pytest.fixture(scope="module")
def tallies() -> dict[int, Tally]:
    roadmap = small_county()
    ground = Ground(roadmap, engine="scipy")
    found = {step: Tally() for step in (0, 5)}
    world = World(ground, School(roadmap), gorges(roadmap, SEED), SEED, 3)
    measure(world, found, SEED)
    return found


def test_the_gorge_is_found_and_nothing_else(tallies: dict[int, Tally]) -> None:
    tally = tallies[5]

    assert tally.dead >= 5
    assert tally.both >= 0.7 * tally.dead
    assert tally.called - tally.both <= 1  # the piece at its mouth


def test_a_known_gorge_is_no_false_alarm_and_units_are_back_in_time(
    tallies: dict[int, Tally],
) -> None:
    before, after = tallies[0], tallies[5]

    assert before.alarms["without", 90.0] >= 3
    assert after.alarms["with", 90.0] == 0
    assert after.alarms["without", 90.0] == before.alarms["without", 90.0]  # the same others
    assert after.in_time == after.explained > 0


def test_who_comes_to_grief_inside_is_missed_all_the_same(tallies: dict[int, Tally]) -> None:
    assert 0.0 < np.median(tallies[5].found_min["with"]) < 15.0


def test_every_step_has_a_line(tallies: dict[int, Tally]) -> None:
    lines = table(list(rows_of("small", tallies))).splitlines()

    assert [line.split(" |")[0] for line in lines[2:]] == ["| no zones", "| n = 5"]


def test_fixes_of_a_silence_arrive_after_it_and_all_others_at_once() -> None:
    at_s = np.arange(0.0, 600.0, 10.0)
    silent = np.zeros(601, np.bool_)
    silent[200:400] = True

    received = arrivals(at_s, silent, random.Random(3))

    inside = (at_s >= 200.0) & (at_s < 400.0)
    assert (received[inside] >= 400.0).all()
    assert (received[at_s < 200.0] - at_s[at_s < 200.0] <= 2.0).all()
    later = at_s > 400.0 + 60.0 + 30.0
    assert (received[later] - at_s[later] <= 2.0).all()


def test_a_silence_shorter_than_two_heartbeats_is_sent_again_on_the_same_connection() -> None:
    at_s = np.arange(0.0, 300.0, 10.0)
    silent = np.zeros(301, np.bool_)
    silent[100 : 100 + int(DEAD_S) - 30] = True

    received = arrivals(at_s, silent, random.Random(3))

    assert np.isfinite(received).all()
    assert received[10:16].min() >= 160.0


def test_who_never_has_signal_again_is_not_heard() -> None:
    at_s = np.arange(0.0, 300.0, 10.0)
    silent = np.arange(301) >= 100

    received = arrivals(at_s, silent, random.Random(3))

    assert np.isinf(received[at_s >= 100.0]).all()
    assert np.isfinite(received[at_s < 100.0]).all()
