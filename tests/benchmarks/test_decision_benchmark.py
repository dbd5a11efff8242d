"""The decision benchmark asks the same of both, and really decides."""

from __future__ import annotations

import asyncio
from random import Random

import numpy as np
import pytest

from benchmarks import decision
from benchmarks.decision import Room
from geo.roadmap import RoadMap


def test_the_bare_times_are_those_of_the_same_units_to_the_same_incidents(
    small_map: RoadMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decision, "UNITS", 12)
    monkeypatch.setattr(decision, "INCIDENTS", 3)
    with asyncio.Runner() as runner:
        wait = runner.get_loop().run_until_complete
        room = Room(small_map, Random(3), wait)
        wait(room.open())
        made = [room.recommend(number) for number in range(3)]
        bare = [room.bare(number) for number in range(3)]
        every = room.bare_all(0)
        shared = room.reoptimise(0)
        wait(room.close())

    for one, times in zip(made, bare, strict=True):
        known = [each for each in one.record.premises.contenders if each.off_road_m is not None]
        assert sum(len(part) for part in times) == len(known)
        soonest_s = min(float(part.min()) for part in times)
        assert soonest_s <= min(each.eta_s for each in known if each.eta_s is not None) + 120.0
    assert sum(part.shape[1] for part in every if len(part)) >= 3
    assert np.isfinite(every[0]).any()
    assert len(shared.assignments) == 3
