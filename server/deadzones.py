"""Dead zones as they are in force: what was learned, with what people said of it laid over it.

A picture is made once per version and verdict and never changes. Knows no store and no thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from devices.intake import distance_m
from geo.ground import Route
from geo.radio.ahead import Silence, silences
from geo.radio.evidence import Outlook
from geo.radio.pieces import Pieces
from geo.radio.zones import DeadZone, dead_zones
from geo.roadmap import RoadMap
from server.stores.deadzones import VerdictRow
from server.surveyor import Surveyor, Words

Bools = NDArray[np.bool_]
Standing = Literal["learned", "confirmed", "dismissed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedZone:
    """A zone with words for people."""

    zone: DeadZone
    standing: Standing
    """`dismissed`: learned, and not in force."""
    place: Words
    doors: tuple[Words, ...]
    """Of each door of the zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZonePicture:
    """What is in force on one map."""

    roadmap: RoadMap
    pieces: Pieces
    dead: Bools
    """(2P,) by directed piece."""
    zones: tuple[NamedZone, ...] = ()
    """Those that a person dismissed among them."""
    version: int | None = None
    """None: nothing learned is in force."""

    def ahead(self, route: Route) -> list[Silence]:
        """Where radio ends and comes back on a way."""
        return silences(self.roadmap, self.pieces, self.dead, route)

    def silent_at(self, edge: int, fraction: float) -> bool:
        """Whether there is no radio at a place, in one direction at least."""
        count = int(self.pieces.first[edge + 1] - self.pieces.first[edge])
        piece = int(self.pieces.first[edge]) + min(int(fraction * count), count - 1)
        return bool(self.dead[2 * piece : 2 * piece + 2].any())

    def doors_near(self, lon: float, lat: float, within_m: float) -> list[tuple[int, float]]:
        """Edge and share of the doors of every zone in force of which one door or the middle of
        some line lies so near."""
        found: list[tuple[int, float]] = []
        for named in self.zones:
            if named.standing == "dismissed":
                continue
            points = [line[len(line) // 2].tolist() for line in named.zone.lines]
            points += [(door.lon, door.lat) for door in named.zone.doors]
            if any(distance_m(lon, lat, *point) <= within_m for point in points):
                found += [(door.edge, door.fraction) for door in named.zone.doors]
        return found

    def zone(self, number: int) -> NamedZone | None:
        """The zone of this id."""
        return next((each for each in self.zones if each.zone.id == number), None)


def no_zones(roadmap: RoadMap) -> ZonePicture:
    """Of a map of which nothing is known."""
    pieces = Pieces.of(roadmap)
    dead = np.zeros(2 * pieces.count, dtype=np.bool_)
    return ZonePicture(roadmap=roadmap, pieces=pieces, dead=dead)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What was learned and what people say of it, without words."""

    dead: Bools
    zones: tuple[tuple[DeadZone, Standing], ...]


def judged(
    roadmap: RoadMap, pieces: Pieces, outlook: Outlook | None, verdicts: Sequence[VerdictRow]
) -> Judged:
    """The newest word of a piece holds over what was learned; a withdrawn one says nothing."""
    if outlook is None or len(outlook.passages) != 2 * pieces.count:
        nothing = np.zeros(2 * pieces.count, dtype=np.int32)
        share = np.zeros(2 * pieces.count, dtype=np.float32)
        outlook = Outlook(silent_share=share, passages=nothing, silences=nothing)
    said = _said(pieces.count, verdicts)
    confirmed, dismissed = np.repeat(said == "confirmed", 2), np.repeat(said == "dismissed", 2)
    dead = (outlook.dead | confirmed) & ~dismissed
    zones: list[tuple[DeadZone, Standing]] = [
        (each, "confirmed" if (said[each.pieces] == "confirmed").any() else "learned")
        for each in dead_zones(roadmap, pieces, dead, outlook)
    ]
    put_by = dead_zones(roadmap, pieces, outlook.dead & dismissed, outlook)
    zones += [(each, "dismissed") for each in put_by]
    return Judged(dead=dead, zones=tuple(zones))


async def named(
    roadmap: RoadMap, pieces: Pieces, found: Judged, version: int | None, surveyor: Surveyor
) -> ZonePicture:
    """The picture, with words from the surveyor."""
    places = await surveyor.stretches([_parts(pieces, zone) for zone, _ in found.zones])
    doors = await surveyor.points(
        [(door.edge, door.fraction) for zone, _ in found.zones for door in zone.doors]
    )
    left = iter(doors)
    zones = [
        NamedZone(
            zone=zone,
            standing=standing,
            place=place,
            doors=tuple(next(left) for _ in zone.doors),
        )
        for (zone, standing), place in zip(found.zones, places, strict=True)
    ]
    return ZonePicture(
        roadmap=roadmap, pieces=pieces, dead=found.dead, zones=tuple(zones), version=version
    )


def _said(count: int, verdicts: Sequence[VerdictRow]) -> NDArray[np.object_]:
    """(P,) the newest word of each piece; "" for none."""
    said = np.full(count, "", dtype=object)
    for each in verdicts:
        piece = np.array(each.piece, dtype=np.int64)
        said[piece[(piece >= 0) & (piece < count)]] = (
            "" if each.verdict == "withdrawn" else each.verdict
        )
    return said


def _parts(pieces: Pieces, zone: DeadZone) -> list[tuple[int, float, float]]:
    low, high = pieces.span(zone.pieces)
    edges = pieces.edge_of(zone.pieces)
    return list(zip(edges.tolist(), low.tolist(), high.tolist(), strict=True))
