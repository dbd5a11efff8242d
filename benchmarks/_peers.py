"""OSRM and Valhalla in this process, each set to what answers its question quickest.

Both take coordinates and find the road themselves in every query; neither can be told beforehand.

`osrm`      contraction hierarchies (CH) for questions, multi-level Dijkstra (MLD) for changes: a
            road is closed by `osrm-customize` with a speed file and loading the result, which is
            the way it has; its own car profile, which leaves tracks out
`valhalla`  one actor; a road is closed by `exclude_locations` in the request, all weights change by
            another `top_speed` in it: it weighs roads while it searches, so a change costs nothing
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._extracts import Extract
from benchmarks._routers import Closure, Places, Router, Seconds, missing, run

LOCATIONS_MAX = 100_000
SNAP_RADIUS_M = 2_000.0
SEARCH_CUTOFF_M = 200
TOP_SPEEDS_KMH = (90, 70)
CONFIG = "valhalla.json"
MATRIX_ALGORITHM = "timedistancematrix"
"""To one target many times quicker than its own choice, `costmatrix`; to twenty no slower."""


class OsrmSystem:
    name = "osrm"
    note = "CH; finds the road in the query"

    def absent(self) -> str | None:
        return missing("osrm-bindings", "osrm")

    def build(self, extract: Extract, folder: Path) -> None:
        """Both algorithms, from one extraction."""
        import osrm

        home = Path(osrm.__file__).parent
        ch, mld = folder / "osrm" / "ch", folder / "osrm" / "mld"
        mld.mkdir(parents=True)
        profile = str(home / "share" / "profiles" / "car.lua")
        output = ("--output", str(mld / "map.osrm"))
        run([_tool(home, "extract"), str(extract.osm), "-p", profile, *output])
        shutil.copytree(mld, ch)
        run([_tool(home, "contract"), str(ch / "map.osrm")])
        run([_tool(home, "partition"), str(mld / "map.osrm")])
        run([_tool(home, "customize"), str(mld / "map.osrm")])
        shutil.copytree(mld, folder / "osrm" / "pristine")

    def open(self, folder: Path, places: Places) -> Router:
        return OsrmRouter(folder / "osrm", places)


class OsrmRouter:
    def __init__(self, home: Path, places: Places) -> None:
        import osrm

        self._osrm: Any = osrm
        self._customize = _tool(Path(osrm.__file__).parent, "customize")
        self._lonlat = [tuple(place) for place in places.lonlat.tolist()]
        self._mld, self._pristine = home / "mld", home / "pristine"
        self._asked = self._unchanged = self._engine(home / "ch", "CH")
        self.restore()  # a run that was cut off may have left a road closed

    def etas(self, units: Sequence[int], scene: int) -> Seconds:
        return self.matrix(units, [scene])[:, 0]

    def matrix(self, units: Sequence[int], scenes: Sequence[int]) -> Seconds:
        at = [self._lonlat[place] for place in (*units, *scenes)]
        wanted = self._osrm.TableParameters(
            coordinates=at,
            sources=list(range(len(units))),
            destinations=list(range(len(units), len(at))),
            annotations=["duration"],
            radiuses=[SNAP_RADIUS_M] * len(at),
            generate_hints=False,
        )
        rows = self._asked.Table(wanted)["durations"]
        return np.array([[np.inf if s is None else s for s in row] for row in rows], np.float64)

    def route(self, unit: int, scene: int) -> object:
        wanted = self._osrm.RouteParameters(
            coordinates=[self._lonlat[unit], self._lonlat[scene]],
            radiuses=[SNAP_RADIUS_M] * 2,
            geometries="polyline6",
            overview="full",
            generate_hints=False,
        )
        return self._asked.Route(wanted)["routes"][0]["geometry"]

    def close_road(self, closure: Closure) -> None:
        speeds = self._mld / "closed.csv"
        pairs = zip(closure.osm_nodes, closure.osm_nodes[1:], strict=False)
        speeds.write_text("".join(f"{a},{b},0\n{b},{a},0\n" for a, b in pairs))
        self._customized("--segment-speed-file", str(speeds))

    def reweight(self, number: int) -> None:
        """Without new speeds to read, so a lower bound."""
        self._customized()

    def restore(self) -> None:
        self._asked = self._unchanged
        for kept in self._pristine.iterdir():
            changed = self._mld / kept.name
            if changed.stat().st_mtime_ns != kept.stat().st_mtime_ns:
                shutil.copy2(kept, changed)

    def shut(self) -> None:
        self._asked = self._unchanged = None

    def _customized(self, *options: str) -> None:
        run([self._customize, str(self._mld / "map.osrm"), *options])
        self._asked = self._engine(self._mld, "MLD")

    def _engine(self, folder: Path, algorithm: str) -> Any:
        return self._osrm.OSRM(
            storage_config=str(folder / "map.osrm"),
            algorithm=algorithm,
            use_shared_memory=False,
            max_locations_distance_table=LOCATIONS_MAX,
        )


class ValhallaSystem:
    name = "valhalla"
    note = "finds the road in the query"

    def absent(self) -> str | None:
        return missing("pyvalhalla", "valhalla")

    def build(self, extract: Extract, folder: Path) -> None:
        import valhalla

        home = folder / "valhalla"
        (home / "tiles").mkdir(parents=True)
        tar = home / "tiles.tar"
        tar.touch()  # the library wants it to be there before it is built
        config = valhalla.get_config(tile_extract=tar, tile_dir=home / "tiles")
        tar.unlink()
        limits = config["service_limits"]["auto"]
        limits |= {"max_locations": LOCATIONS_MAX, "max_matrix_location_pairs": LOCATIONS_MAX}
        limits["max_matrix_distance"] = limits["max_distance"] = 1e7
        config["thor"]["source_to_target_algorithm"] = MATRIX_ALGORITHM
        options = ("-c", str(home / CONFIG))
        (home / CONFIG).write_text(json.dumps(config))
        tools = Path(valhalla.__file__).parent / "bin"
        run([str(tools / "valhalla_build_tiles"), *options, str(extract.osm)])
        run([sys.executable, "-m", "valhalla.valhalla_build_extract", *options])

    def open(self, folder: Path, places: Places) -> Router:
        return ValhallaRouter(folder / "valhalla", places)


class ValhallaRouter:
    def __init__(self, home: Path, places: Places) -> None:
        import valhalla

        self._actor = valhalla.Actor(home / CONFIG)
        lonlat = places.lonlat.tolist()
        search = {"search_cutoff": SEARCH_CUTOFF_M, "radius": 0, "minimum_reachability": 0}
        self._locations = [{"lon": lon, "lat": lat, **search} for lon, lat in lonlat]
        self._options: dict[str, object] = {}

    def etas(self, units: Sequence[int], scene: int) -> Seconds:
        return self.matrix(units, [scene])[:, 0]

    def matrix(self, units: Sequence[int], scenes: Sequence[int]) -> Seconds:
        sources = [self._locations[unit] for unit in units]
        targets = [self._locations[scene] for scene in scenes]
        wanted = {"sources": sources, "targets": targets, "costing": "auto", "verbose": False}
        found = self._actor.matrix(wanted | self._options)["sources_to_targets"]["durations"]
        return np.array([[np.inf if s is None else s for s in row] for row in found], np.float64)

    def route(self, unit: int, scene: int) -> object:
        ends = [self._locations[unit], self._locations[scene]]
        wanted = {"locations": ends, "costing": "auto", "directions_type": "none"}
        return self._actor.route(wanted | self._options)["trip"]["legs"][0]["shape"]

    def close_road(self, closure: Closure) -> None:
        lon, lat = closure.middle
        self._options = {"exclude_locations": [{"lon": lon, "lat": lat}]}

    def reweight(self, number: int) -> None:
        top_speed = TOP_SPEEDS_KMH[number % 2]
        self._options = {"costing_options": {"auto": {"top_speed": top_speed}}}

    def restore(self) -> None:
        self._options = {}

    def shut(self) -> None:
        del self._actor


def _tool(home: Path, name: str) -> str:
    return str(home / "bin" / f"osrm-{name}")
