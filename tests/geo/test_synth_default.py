"""The demonstration's county at its full size."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from geo.roadmap import SourceMap
from geo.synth import county


@pytest.fixture(scope="module")
def source() -> SourceMap:
    return county(7)


def test_has_a_seat_fifteen_townships_and_their_villages(source: SourceMap) -> None:
    kinds = Counter(place.kind for place in source.places)
    towns = [place for place in source.places if place.kind == "town"]

    assert sum(town.name.endswith("县城") for town in towns) == 1
    assert sum(town.name.endswith(("镇", "乡")) for town in towns) == 15
    assert kinds["village"] == 255
    assert kinds["station"] == 9
    assert max(source.places, key=lambda place: place.population).name.endswith("县城")


def test_names_are_unique(source: SourceMap) -> None:
    assert max(Counter(place.name for place in source.places).values()) == 1


def test_lies_in_high_mountains(source: SourceMap) -> None:
    assert source.elevation is not None
    height = source.elevation.height_m

    assert 250 < height.min() < 900
    assert 2400 < height.max() < 4200
    assert np.isfinite(height).all()


def test_covers_its_area(source: SourceMap) -> None:
    west, south, east, north = source.bounds
    width_km = (east - west) * 111.32 * np.cos(np.radians((south + north) / 2))

    assert width_km * (north - south) * 110.78 == pytest.approx(2230, rel=0.03)


def test_has_numbered_roads_rivers_and_lakes(source: SourceMap) -> None:
    refs = {way.tags["ref"][0] for way in source.ways if "ref" in way.tags}

    assert refs == {"G", "S", "X"}
    assert any(way.tags.get("tunnel") == "yes" for way in source.ways)
    assert any(river.name.endswith("江") for river in source.waterways)
    assert {"water", "forest", "farmland", "residential"} <= {area.kind for area in source.areas}
