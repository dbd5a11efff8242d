"""Extents of closed roads and conditions as JSON, and what the command log says about them."""

from __future__ import annotations

from typing import Any, assert_never

import msgspec

from geo.live.extent import Direction, Pick, Picks, RoadSpan, Where, Zone
from server.journal.kinds import JournalKind as Kind
from server.roadviews import EdgesExtent, ExtentView, PickView, PolygonExtent, RoadExtent
from server.stores.journal import Entry
from server.stores.roadstate import ConditionRow, RoadStateRow

Row = RoadStateRow | ConditionRow


def stored(where: Where) -> dict[str, Any]:
    """An extent for a jsonb column."""
    found: dict[str, Any] = msgspec.to_builtins(_extent_view(where))
    return found


def where_of(extent: dict[str, Any] | ExtentView) -> Where:
    """The core's form of an extent, from a jsonb column or from a request."""
    view = msgspec.convert(extent, ExtentView) if isinstance(extent, dict) else extent
    match view:
        case EdgesExtent():
            return Picks(
                edges=tuple(
                    Pick(
                        edge=each.edge,
                        direction=Direction(each.direction),
                        lon=each.lon,
                        lat=each.lat,
                        bearing_deg=each.bearing_deg,
                    )
                    for each in view.edges
                )
            )
        case RoadExtent():
            return RoadSpan(
                ref=view.ref,
                from_km=view.from_km,
                to_km=view.to_km,
                direction=Direction(view.direction),
            )
        case PolygonExtent():
            return Zone(corners=tuple(view.corners))
    assert_never(view)


def spell_set(row: Row, *, version: int) -> Entry:
    """A road was closed or slowed, or a condition set; now or for later."""
    body: dict[str, Any] = {
        "number": row.number,
        **_what(row),
        "place": row.place,
        "reason": row.reason,
        "extent": row.extent,
        "starts_at": row.starts_at,
        "expires_at": row.expires_at,
        "version": version,
    }
    if isinstance(row, RoadStateRow):
        body["map"] = row.map_id
        kind = Kind.ROAD_CLOSED if row.factor is None else Kind.ROAD_SLOWED
    else:
        kind = Kind.CONDITION_SET
    return Entry(actor=row.set_by, subject=_subject(row), kind=kind, body=body)


def spell_begun(row: Row, *, version: int) -> Entry:
    """What was scheduled came into force."""
    kind = Kind.ROAD_BEGUN if isinstance(row, RoadStateRow) else Kind.CONDITION_BEGUN
    return Entry(actor="system", subject=_subject(row), kind=kind, body=_short(row, version))


def spell_ended(row: Row, *, version: int) -> Entry:
    """The road is as the map has it again: by hand, or because the time ran out."""
    kind = Kind.ROAD_REOPENED if isinstance(row, RoadStateRow) else Kind.CONDITION_ENDED
    body = _short(row, version) | {"ended_at": row.ended_at, "reason": row.end_reason}
    return Entry(actor=str(row.ended_by), subject=_subject(row), kind=kind, body=body)


def _subject(row: Row) -> str:
    return f"{'road' if isinstance(row, RoadStateRow) else 'condition'}:{row.id}"


def _what(row: Row) -> dict[str, Any]:
    if isinstance(row, ConditionRow):
        return {"condition": row.condition}
    return {"change": row.state} if row.factor is None else {"change": "slow", "factor": row.factor}


def _short(row: Row, version: int) -> dict[str, Any]:
    return {"number": row.number, **_what(row), "place": row.place, "version": version}


def _extent_view(where: Where) -> ExtentView:
    match where:
        case Picks():
            return EdgesExtent(
                edges=[
                    PickView(
                        edge=each.edge,
                        direction=each.direction.value,
                        lon=round(each.lon, 7),
                        lat=round(each.lat, 7),
                        bearing_deg=round(each.bearing_deg, 1),
                    )
                    for each in where.edges
                ]
            )
        case RoadSpan():
            return RoadExtent(
                ref=where.ref,
                from_km=where.from_km,
                to_km=where.to_km,
                direction=where.direction.value,
            )
        case Zone():
            return PolygonExtent(corners=list(where.corners))
    assert_never(where)
