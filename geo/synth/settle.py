"""Settlements on their roads: streets, names, populations, police stations, built-up ground."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from geo.roadmap import Place
from geo.synth import kinds
from geo.synth.names import Name, NameBook
from geo.synth.network import Line, Network
from geo.synth.places import Counts, Sites
from geo.synth.streets import Layout, headings, lay_out
from geo.synth.terrain import CELL_M, Frame, Terrain

Field: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

COUNTY_NAME = Name("岭脊", "Lingji")
NAMED_HAMLETS = 0.35
"""Share of hamlets with a name on the map."""

_SEAT = Layout(
    along=11, across=5, block_m=(112, 88), wobble_m=5, keep=0.9,
    kind=kinds.STREET, minor=kinds.STREET, slope_max=0.16,
)  # fmt: skip
_TOWN = Layout(
    along=5, across=2, block_m=(82, 66), wobble_m=6, keep=0.84,
    kind=kinds.STREET, minor=kinds.ALLEY, slope_max=0.22,
)  # fmt: skip
_VILLAGE = Layout(
    along=3, across=1, block_m=(56, 46), wobble_m=10, keep=0.76,
    kind=kinds.ALLEY, minor=kinds.YARD, slope_max=0.34,
)  # fmt: skip
_HAMLET = Layout(
    along=1, across=1, block_m=(48, 42), wobble_m=9, keep=0.62,
    kind=kinds.YARD, minor=kinds.YARD, slope_max=0.42,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What one window holds in the end."""

    lines: list[Line]
    places: list[Place]
    built_up: Mask


def settle(
    rng: np.random.Generator,
    terrain: Terrain,
    corner: tuple[int, int],
    network: Network,
    sites: Sites,
    counts: Counts,
    book: NameBook,
) -> Settled:
    """Lay the streets of every settlement and name it; `corner` is the window's first cell."""
    window = (
        slice(corner[0], corner[0] + network.shape[0]),
        slice(corner[1], corner[1] + network.shape[1]),
    )
    slope = _buildable_slope(terrain, window)
    street_names = [f"{book.short().chinese}路" for _ in range(24)] + ["人民路", "建设路"]
    seat = np.array([sites.seat])
    for cells, layout in (
        (seat, _SEAT),
        (sites.towns, _TOWN),
        (sites.villages, _VILLAGE),
        (sites.hamlets, _HAMLET),
    ):
        built = cells[network.on_road[cells]]
        for cell, heading in zip(built.tolist(), headings(network, built).tolist(), strict=True):
            size = _of_own_size(rng, layout)
            lay_out(rng, network, cell, heading, size, slope, street_names)
    places = _Places(terrain.frame, corner, network)
    _name_all(rng, places, corner, sites, counts, book)
    return Settled(lines=network.lines, places=places.found, built_up=_built_up(network, sites))


def _of_own_size(rng: np.random.Generator, layout: Layout) -> Layout:
    """Towns differ in size."""
    if layout is not _TOWN:
        return layout
    return replace(layout, along=int(rng.integers(3, 7)), across=int(rng.integers(2, 4)))


class _Places:
    """Collects places at cells of a window."""

    def __init__(self, frame: Frame, corner: tuple[int, int], network: Network) -> None:
        self.found: list[Place] = []
        self._frame = frame
        self._corner_m = np.array([corner[1], corner[0]]) * CELL_M
        self._network = network

    def add(
        self,
        cell: int,
        name: Name,
        kind: str,
        people: int = 0,
        aside_m: tuple[float, float] = (0, 0),
    ) -> None:
        xy = self._network.cell_xy[cell] + self._corner_m + np.array(aside_m)
        lon, lat = self._frame.lonlat(xy[None])[0].tolist()
        self.found.append(
            Place(
                name=name.chinese, kind=kind, lon=lon, lat=lat, population=people, latin=name.latin
            )
        )


def _name_all(
    rng: np.random.Generator,
    places: _Places,
    corner: tuple[int, int],
    sites: Sites,
    counts: Counts,
    book: NameBook,
) -> None:
    seat = COUNTY_NAME if corner == (0, 0) else book.short()
    places.add(sites.seat, seat.with_ending("县城", "Xiancheng"), "town", _people(rng, 62_000, 0.2))
    stations = [(sites.seat, seat.with_ending("县公安局", "Xian Gong'anju"))]
    for rank, cell in enumerate(sites.towns.tolist()):
        stem = book.short()
        ending = ("镇", "Zhen") if rank < len(sites.towns) * 0.6 else ("乡", "Xiang")
        people = _people(rng, 11_000 / (1 + 0.12 * rank), 0.25)
        places.add(cell, stem.with_ending(*ending), "town", people)
        stations.append((cell, stem.with_ending("派出所", "Paichusuo")))
    for cell in sites.villages.tolist():
        name = book.short().with_ending("村", "Cun")
        places.add(cell, name, "village", _people(rng, 620, 0.5))
    for cell in sites.hamlets.tolist():
        if rng.random() < NAMED_HAMLETS:
            places.add(cell, book.long(), "hamlet", _people(rng, 70, 0.5))
    for cell, name in stations[: counts.stations]:
        places.add(cell, name, "station", aside_m=(70, 45))


def _people(rng: np.random.Generator, typical: float, spread: float) -> int:
    return round(float(typical * np.exp(rng.normal(0, spread))))


def _buildable_slope(terrain: Terrain, window: tuple[slice, slice]) -> Field:
    """Slope, and far too steep where there is water."""
    slope = terrain.slope[window].copy()
    wet = ndimage.binary_dilation(
        terrain.lake[window] | (terrain.drained_m2[window] > 3e7), iterations=1
    )
    slope[wet] = 9.0
    return slope


def _built_up(network: Network, sites: Sites) -> Mask:
    """Cells with streets of the seat, towns and villages."""
    rows, cols = network.shape
    streets = [
        line.xy_m for line in network.lines if line.tags["highway"] in ("residential", "service")
    ]
    dense = _lines_over(streets, (rows, cols)).astype(np.float64)
    near = np.zeros((rows, cols), dtype=np.bool_)
    near.ravel()[[sites.seat, *sites.towns.tolist(), *sites.villages.tolist()]] = True
    near = ndimage.binary_dilation(near, iterations=12)
    mask: Mask = (ndimage.gaussian_filter(dense, 0.9) > 0.55) & near
    return mask


def _lines_over(lines: list[Field], shape: tuple[int, int]) -> NDArray[np.int64]:
    """How many of the lines have a point in each cell."""
    rows, cols = shape
    if not lines:
        return np.zeros(shape, dtype=np.int64)
    owner = np.repeat(np.arange(len(lines)), [len(xy_m) for xy_m in lines])
    cell = np.clip(
        np.rint(np.concatenate(lines) / CELL_M).astype(np.int64), 0, (cols - 1, rows - 1)
    )
    once = np.unique(owner * (rows * cols) + cell[:, 1] * cols + cell[:, 0])
    return np.bincount(once % (rows * cols), minlength=rows * cols).reshape(shape)
