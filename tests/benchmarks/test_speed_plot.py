"""The speed plot: a road is found, driven, and drawn as whole SVG."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.speed_plot import measure, svg
from geo.roadmap import RoadMap


def a_numbered_road(roadmap: RoadMap) -> str:
    refs, counts = np.unique(roadmap.edge_ref[roadmap.edge_ref >= 0], return_counts=True)
    return roadmap.names[int(refs[counts.argmax()])]


def test_a_road_is_drawn(small_map: RoadMap) -> None:
    ref = a_numbered_road(small_map)
    run = measure(small_map, ref)
    root = ElementTree.fromstring(svg(run))
    words = [text.text or "" for text in root.iter("{http://www.w3.org/2000/svg}text")]

    assert run.km[-1] > 1.0
    assert (run.speed_kmh <= run.cap_kmh + 1e-6).all()
    assert run.minutes[1] < run.minutes[0]
    assert any(ref in one for one in words)
    assert {"Height, m", "Speed, km/h"} <= set(words)


def test_a_road_that_is_not_there_is_said(small_map: RoadMap) -> None:
    with pytest.raises(SystemExit, match="No road of this map has the number X-1"):
        measure(small_map, "X-1")
