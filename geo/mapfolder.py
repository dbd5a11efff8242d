"""A `RoadMap` as a folder: `meta.json`, one `.npy` per array, names and places as JSON.

`meta.json` holds the format version and the SHA-256 of every other file. Loading believes
nothing: versions, checksums, shapes and index ranges are checked, and an error says which file
is wrong and what to do. Saving is atomic: the folder is written aside and renamed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shlex
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.errors import MapFolderError
from geo.mapmaking import features
from geo.mapmaking.order import is_permutation
from geo.roadmap import (
    FORMAT_VERSION,
    Barrier,
    Elevation,
    MapMeta,
    RoadClass,
    RoadMap,
    Smoothness,
    Surface,
)

META_FILE = "meta.json"
FORMAT = "ridgeline-map"
META_BYTES_MAX = 1 << 20
REBUILD = "Build the map again with `ridgeline map build` or `ridgeline map synth`."

Array = NDArray[Any]

ARRAYS: dict[str, tuple[type[np.generic], str]] = {
    "node_lonlat": (np.float64, "N2"),
    "node_barrier": (np.uint8, "N"),
    "ban_leave": (np.int32, "B"),
    "ban_enter": (np.int32, "B"),
    "edge_order": (np.uint32, "M"),
    "edge_tail": (np.int32, "M"),
    "edge_head": (np.int32, "M"),
    "edge_first_point": (np.int64, "M+1"),
    "edge_length_m": (np.float32, "M"),
    "edge_class": (np.uint8, "M"),
    "edge_surface": (np.uint8, "M"),
    "edge_flags": (np.uint16, "M"),
    "edge_maxspeed_kmh": (np.uint8, "M2"),
    "edge_lanes": (np.uint8, "M"),
    "edge_smoothness": (np.uint8, "M"),
    "edge_width_dm": (np.uint8, "M"),
    "edge_crossing_s": (np.float32, "M"),
    "edge_way_id": (np.int64, "M"),
    "edge_name": (np.int32, "M"),
    "edge_ref": (np.int32, "M"),
    "point_lonlat": (np.float64, "P2"),
    "point_ele_m": (np.float32, "P"),
}
"""Type and shape of each array: N nodes, M edges, P points, B forbidden turns."""
MAPPED = frozenset({"point_lonlat", "point_ele_m"})
"""Read lazily from disk: large, and only parts are touched."""
ELEVATION_FILE = "elevation.npy"


def is_map_folder(folder: Path) -> bool:
    """Whether a folder says of itself that it holds a map."""
    with contextlib.suppress(MapFolderError):
        return bool(_read_meta(folder))
    return False


def save(roadmap: RoadMap, folder: Path | str) -> None:
    """Write the map; replaces an older map there, refuses any other folder that is not empty."""
    target = Path(folder)
    check_target(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.new-", dir=target.parent))
        try:
            _write(roadmap, aside)
            aside.chmod(0o755)
            _swap(aside, target)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise MapFolderError(f"{target}: cannot write the map: {error}") from error


def check_target(target: Path) -> None:
    """Raise MapFolderError where `save` would refuse: a file, or a folder of something else."""
    if not target.exists() or is_map_folder(target):
        return
    if not target.is_dir():
        raise MapFolderError(f"{target} is a file. Name a folder for the map.")
    if any(target.iterdir()):
        raise MapFolderError(
            f"{target} is not empty and holds no map. Name an empty or a new folder."
        )


def _write(roadmap: RoadMap, folder: Path) -> None:
    for name in ARRAYS:
        np.save(folder / f"{name}.npy", getattr(roadmap, name), allow_pickle=False)
    if roadmap.elevation is not None:
        np.save(folder / ELEVATION_FILE, roadmap.elevation.height_m, allow_pickle=False)
    features.write(roadmap, folder)
    meta = {
        "format": FORMAT,
        **asdict(roadmap.meta),
        "counts": {
            "nodes": roadmap.node_count,
            "edges": roadmap.edge_count,
            "points": len(roadmap.point_lonlat),
            "bans": len(roadmap.ban_leave),
            "names": len(roadmap.names),
            "places": len(roadmap.places),
            "areas": len(roadmap.areas),
            "waterways": len(roadmap.waterways),
        },
        "elevation": _elevation_meta(roadmap.elevation),
        "sha256": {path.name: _sha256(path) for path in sorted(folder.iterdir())},
    }
    text = json.dumps(meta, ensure_ascii=False, indent=2) + "\n"
    (folder / META_FILE).write_text(text, encoding="utf-8")
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _elevation_meta(elevation: Elevation | None) -> dict[str, float] | None:
    if elevation is None:
        return None
    return {name: getattr(elevation, name) for name in ("west", "north", "step_lon", "step_lat")}


def _swap(aside: Path, target: Path) -> None:
    """Put the new folder in the old one's place; the old one goes only when the new one stands."""
    if target.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old-", dir=target.parent))
        target.rename(old / target.name)
        aside.rename(target)
        shutil.rmtree(old)
    else:
        aside.rename(target)


def read_info(folder: Path | str) -> dict[str, Any]:
    """The contents of `meta.json`, its format checked; nothing else is read."""
    return _read_meta(Path(folder))


def load(folder: Path | str) -> RoadMap:
    """Read and verify a map; raises MapFolderError naming the file and what to do."""
    root = Path(folder)
    meta = _read_meta(root)
    _verify_files(root, meta)
    arrays = {name: _load_array(root, f"{name}.npy", name in MAPPED) for name in ARRAYS}
    _check_shapes(root, arrays, meta)
    try:
        fields: dict[str, Any] = {**arrays, **features.read(root)}
        roadmap = RoadMap(meta=_map_meta(meta), elevation=_load_elevation(root, meta), **fields)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise MapFolderError(
            f"{root}: the contents do not fit together ({error}). {REBUILD}"
        ) from (error)
    _check_ranges(root, roadmap)
    return roadmap


def _read_meta(root: Path) -> dict[str, Any]:
    path = root / META_FILE
    if not root.exists():
        raise MapFolderError(f"{root}: there is no such folder. {REBUILD}")
    if not path.is_file():
        raise MapFolderError(f"{root}: {META_FILE} is missing, so this is no map folder. {REBUILD}")
    try:
        with path.open("rb") as file:
            meta = json.loads(file.read(META_BYTES_MAX))
    except (OSError, ValueError) as error:
        raise MapFolderError(f"{path}: cannot be read ({error}). {REBUILD}") from error
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise MapFolderError(f"{path}: this is not the description of a map. {REBUILD}")
    if meta.get("format_version") != FORMAT_VERSION:
        raise MapFolderError(
            f"{path}: format version {meta.get('format_version')}, this program reads version "
            f"{FORMAT_VERSION}. {_rebuild(root, meta)}"
        )
    return meta


def _rebuild(root: Path, meta: dict[str, Any]) -> str:
    """The command that makes this map again, as far as the map says what it was made of."""
    source, out = str(meta.get("source", "")), shlex.quote(str(root))
    if made_up := _MADE_UP.search(source):
        seed, area_km2 = made_up.groups()
        command = f"ridgeline map synth --seed {seed} --area-km2 {area_km2} --out {out}"
    elif source.startswith(_EXTRACT):
        file = shlex.quote(source.removeprefix(_EXTRACT))
        tiles = " --dem TILE" if meta.get("elevation") else ""
        name = f" --name {shlex.quote(str(meta['name']))}" if meta.get("name") else ""
        command = f"ridgeline map build {file}{tiles}{name} --out {out}"
    else:
        return REBUILD
    return f"Build the map again: {command}"


_MADE_UP = re.compile(r"synthetic county, seed (-?\d+), ([\d.e+]+) km²")
_EXTRACT = "OpenStreetMap extract "


def _verify_files(root: Path, meta: dict[str, Any]) -> None:
    sums = meta.get("sha256")
    needed = {f"{name}.npy" for name in ARRAYS} | set(features.FILES)
    if meta.get("elevation"):
        needed.add(ELEVATION_FILE)
    if not isinstance(sums, dict):
        raise MapFolderError(f"{root / META_FILE}: checksums are missing. {_rebuild(root, meta)}")
    if lacking := sorted(needed - set(sums)):
        raise MapFolderError(
            f"{root}: made by an older program, without {', '.join(lacking)}. "
            f"{_rebuild(root, meta)}"
        )
    for name in sorted(needed):
        path = root / name
        if not path.is_file():
            raise MapFolderError(f"{path}: the file is missing. {REBUILD}")
        try:
            same = _sha256(path) == sums[name]
        except OSError as error:
            raise MapFolderError(f"{path}: cannot be read ({error}).") from error
        if not same:
            raise MapFolderError(f"{path}: damaged, its checksum does not match. {REBUILD}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _load_array(root: Path, name: str, mapped: bool) -> Array:
    path = root / name
    try:
        array: Array = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise MapFolderError(f"{path}: cannot be read as an array ({error}). {REBUILD}") from error
    return array


def _check_shapes(root: Path, arrays: dict[str, Array], meta: dict[str, Any]) -> None:
    try:
        counts = meta["counts"]
        names = {"N": "nodes", "M": "edges", "P": "points", "B": "bans"}
        sizes = {letter: counts[name] + 0 for letter, name in names.items()}
    except (KeyError, TypeError) as error:
        raise MapFolderError(f"{root / META_FILE}: the counts are missing. {REBUILD}") from error
    for name, (dtype, shape) in ARRAYS.items():
        length = sizes[shape[0]] + shape.endswith("+1")
        expected = (length, 2) if shape.endswith("2") else (length,)
        array = arrays[name]
        if array.dtype != np.dtype(dtype) or array.shape != expected:
            raise MapFolderError(
                f"{root / name}.npy: {array.dtype} {array.shape} where {np.dtype(dtype)} "
                f"{expected} belongs. {REBUILD}"
            )


def _map_meta(meta: dict[str, Any]) -> MapMeta:
    fields = {name: meta[name] for name in MapMeta.__dataclass_fields__}
    west, south, east, north = (float(value) for value in fields.pop("bounds"))
    return MapMeta(bounds=(west, south, east, north), **fields)


def _load_elevation(root: Path, meta: dict[str, Any]) -> Elevation | None:
    frame = meta["elevation"]
    if frame is None:
        return None
    height_m = _load_array(root, ELEVATION_FILE, mapped=True)
    if height_m.ndim != 2 or height_m.dtype != np.float32 or not height_m.size:
        raise ValueError(f"{ELEVATION_FILE} is no grid of float32")
    if not (frame["step_lon"] > 0 and frame["step_lat"] > 0):
        raise ValueError("the elevation grid has no step")
    return Elevation(height_m=height_m, **{name: float(frame[name]) for name in frame})


def _check_ranges(root: Path, m: RoadMap) -> None:
    nodes, points = m.node_count, len(m.point_lonlat)
    first = m.edge_first_point
    checks = {
        "node_lonlat.npy": np.isfinite(m.node_lonlat).all(),
        "node_barrier.npy": _within(m.node_barrier, 0, len(Barrier)),
        "ban_leave.npy": _within(m.ban_leave, 0, 2 * m.edge_count),
        "ban_enter.npy": _within(m.ban_enter, 0, 2 * m.edge_count),
        "edge_crossing_s.npy": np.isfinite(m.edge_crossing_s).all()
        and not (m.edge_crossing_s < 0).any(),
        "edge_order.npy": is_permutation(m.edge_order, m.edge_count),
        "edge_tail.npy": _within(m.edge_tail, 0, nodes),
        "edge_head.npy": _within(m.edge_head, 0, nodes),
        "edge_first_point.npy": first[0] == 0
        and first[-1] == points
        and (np.diff(first) > 1).all(),
        "edge_length_m.npy": np.isfinite(m.edge_length_m).all() and (m.edge_length_m > 0).all(),
        "edge_class.npy": _within(m.edge_class, 0, len(RoadClass)),
        "edge_surface.npy": _within(m.edge_surface, 0, len(Surface)),
        "edge_smoothness.npy": _within(m.edge_smoothness, 0, len(Smoothness)),
        "edge_name.npy": _within(m.edge_name, -1, len(m.names)),
        "edge_ref.npy": _within(m.edge_ref, -1, len(m.names)),
        "point_lonlat.npy": np.isfinite(m.point_lonlat).all(),
    }
    for name, good in checks.items():
        if not good:
            raise MapFolderError(f"{root / name}: holds values out of range. {REBUILD}")


def _within(array: Array, low: int, end: int) -> bool:
    return not array.size or bool(low <= array.min() and array.max() < end)
