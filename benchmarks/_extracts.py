"""Maps as every router takes them: an OpenStreetMap extract, and elevation beside it.

The synthetic one is our own invention written as .osm.pbf and GeoTIFF, so that all systems begin
with the same two files. It takes long to invent, so it is kept and made only once.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import osmium
import rasterio
from osmium.osm import mutable
from rasterio.transform import Affine

from benchmarks._andorra import ROOT
from geo.mapmaking.progress import Progress, silent
from geo.roadmap import Elevation, SourceMap
from geo.synth import county

SYNTH_SEED = 20_260_101
SYNTH_KM2 = {
    "synth-50k": 6_000.0,
    "synth-150k": 18_000.0,
    "synth-500k": 60_000.0,
    "synth-1m": 120_000.0,
}
"""Area of the invented maps, by about how many junctions they have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """What a map is built of."""

    name: str
    osm: Path
    dem: tuple[Path, ...]


def andorra() -> Extract:
    """The real one. Exits with a clear line without the data."""
    data = Path(os.environ.get("RIDGELINE_TEST_DATA", ROOT.parent / "shared" / "data"))
    osm = data / "andorra.osm.pbf"
    if not osm.exists():
        sys.exit(f"There is no andorra.osm.pbf in {data}; name its folder in RIDGELINE_TEST_DATA.")
    return Extract(name="andorra", osm=osm, dem=tuple(sorted(data.glob("*.hgt.zip"))))


def synthetic(folder: Path, name: str, area_km2: float, progress: Progress = silent) -> Extract:
    """The invented one, kept in `folder`: the same seed and area give the same files."""
    kept = kept_at(folder, name, area_km2)
    extract = Extract(name=name, osm=kept / f"{name}.osm.pbf", dem=(kept / f"{name}.tif",))
    if not kept.exists():
        half = kept.with_suffix(".half")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        source = county(SYNTH_SEED, area_km2=area_km2, progress=progress)
        assert source.elevation is not None
        progress("write", 0.0)
        write_osm(source, half / extract.osm.name)
        write_dem(source.elevation, half / extract.dem[0].name)
        half.rename(kept)
        progress("write", 1.0)
    return extract


def kept_at(folder: Path, name: str, area_km2: float) -> Path:
    return folder / f"{name}-{SYNTH_SEED}-{area_km2:.0f}"


def write_osm(source: SourceMap, path: Path) -> None:
    """Roads and named places of a source map as .osm.pbf: nodes by id, then ways by id."""
    ids = np.concatenate([way.node_ids for way in source.ways])
    lonlat = np.concatenate([way.lonlat for way in source.ways])
    node_ids, first = np.unique(ids, return_index=True)
    place_id = int(node_ids[-1])
    with osmium.SimpleWriter(str(path)) as writer:
        for number, place in zip(node_ids.tolist(), lonlat[first].tolist(), strict=True):
            writer.add_node(mutable.Node(id=number, version=1, location=place))
        for place in source.places:
            place_id += 1
            tags = {"name": place.name, "place": place.kind, "population": str(place.population)}
            if place.kind == "station":
                tags = {"name": place.name, "amenity": "police"}
            at = (place.lon, place.lat)
            writer.add_node(mutable.Node(id=place_id, version=1, location=at, tags=tags))
        for way in sorted(source.ways, key=lambda way: way.way_id):
            nodes = way.node_ids.tolist()
            writer.add_way(mutable.Way(id=way.way_id, version=1, nodes=nodes, tags=way.tags))


def write_dem(elevation: Elevation, path: Path) -> None:
    """Heights as a GeoTIFF in degrees, NaN where unknown."""
    rows, columns = elevation.height_m.shape
    step_lon, step_lat = elevation.step_lon, elevation.step_lat
    west, north = elevation.west - step_lon / 2, elevation.north + step_lat / 2
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=columns,
        height=rows,
        count=1,
        dtype="float32",
        crs="EPSG:4326",
        transform=Affine(step_lon, 0.0, west, 0.0, -step_lat, north),
        nodata=float("nan"),
        compress="deflate",
    ) as file:
        file.write(elevation.height_m, 1)
