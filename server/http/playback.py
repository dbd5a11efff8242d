"""Replay of a span of time over HTTP, for supervisors: to play on the map, or to keep."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.http.errors import ApiError, json
from server.http.measures import csv
from server.http.needs import Services, guarded, instant, real, term
from server.measuresheet import sheet
from server.playbackdesk import STEP_S_MIN, Asked
from server.playbackviews import PlaybackView, TrackView
from server.stores.users import User


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    desk, sealer = services.playback, services.sealer

    async def played(request: Request, user: User) -> PlaybackView:
        asked = _asked(request)
        await sealer.before_reading()  # what happened last has its place in the log
        return await desk.playback(asked, by=user.actor)

    async def replay(request: Request, user: User) -> Response:
        return json(await played(request, user))

    async def geojson(request: Request, user: User) -> Response:
        return json(features(await played(request, user)))

    async def table(request: Request, user: User) -> Response:
        found = await played(request, user)
        return csv(positions_csv(found), f"replay-{found.since:%Y%m%d-%H%M}.csv")

    async def tracks(request: Request, user: User) -> Response:
        after = term(request, "after")
        return json(await desk.tracks(_asked(request), after=after, by=user.actor))

    return [
        Route("/api/replay/tracks", guarded(tracks, "supervisor")),
        Route("/api/replay", guarded(replay, "supervisor")),
        Route("/api/replay.csv", guarded(table, "supervisor")),
        Route("/api/replay.geojson", guarded(geojson, "supervisor")),
    ]


_COLUMNS: Final = (
    *("unit", "device", "observed_at", "received_at", "lon", "lat"),
    *("speed_mps", "heading_deg", "battery_pct", "piece"),
)


def positions_csv(found: PlaybackView) -> str:
    """A line a position, by device; nobody knows where it was between two of different pieces."""
    call_signs = {each.id: each.call_sign for each in found.units}
    return sheet(
        _COLUMNS,
        (
            line
            for track in found.tracks
            for line in _lines(track, call_signs[track.unit_id], found.since)
        ),
    )


def _lines(track: TrackView, call_sign: str, since: datetime) -> Iterator[list[str]]:
    for place, at_s in enumerate(track.at_s):
        observed = since + timedelta(seconds=at_s)
        heard = observed + timedelta(seconds=track.lag_s[place])
        rest = (track.speed_mps, track.heading_deg, track.battery_pct)
        yield [
            *(call_sign, track.device_id, observed.isoformat(), heard.isoformat()),
            *(f"{track.lon[place]:.6f}", f"{track.lat[place]:.6f}"),
            *("" if each[place] is None else str(each[place]) for each in rest),
            str(track.run[place]),
        ]


def features(found: PlaybackView) -> dict[str, Any]:
    """A GeoJSON FeatureCollection: a line for each unbroken piece of a track, with the times of
    its points, and a point for each incident."""
    call_signs = {each.id: each.call_sign for each in found.units}
    lines = [
        feature
        for track in found.tracks
        for feature in _pieces(track, call_signs[track.unit_id], found.since)
    ]
    incidents = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [each.lon, each.lat]},
            "properties": {
                "kind": "incident",
                "number": each.number,
                "type": each.type,
                "priority": each.priority,
                "place": each.place,
                "opened_at": each.opened_at,
                "closed_at": each.closed_at,
            },
        }
        for each in found.incidents
    ]
    return {"type": "FeatureCollection", "features": lines + incidents}


def _pieces(track: TrackView, call_sign: str, since: datetime) -> list[dict[str, Any]]:
    pieces: dict[int, list[int]] = {}
    for place, run in enumerate(track.run):
        pieces.setdefault(run, []).append(place)
    return [_piece(track, places, call_sign, since) for places in pieces.values()]


def _piece(track: TrackView, places: list[int], call_sign: str, since: datetime) -> dict[str, Any]:
    points = [[track.lon[each], track.lat[each]] for each in places]
    observed = [since + timedelta(seconds=track.at_s[each]) for each in places]
    heard = [
        at + timedelta(seconds=track.lag_s[each]) for at, each in zip(observed, places, strict=True)
    ]
    alone = len(points) == 1
    return {
        "type": "Feature",
        "geometry": {
            "type": "Point" if alone else "LineString",
            "coordinates": points[0] if alone else points,
        },
        "properties": {
            "kind": "track",
            "unit": call_sign,
            "device": track.device_id,
            "observed_at": observed,
            "received_at": heard,
        },
    }


def _asked(request: Request) -> Asked:
    """Raises `ApiError` 400."""
    since, until = instant(request, "from"), instant(request, "to")
    if since is None or until is None:
        raise ApiError(400, "malformed", "from and to say which span; both are needed.")
    return Asked(since=since, until=until, step_s=real(request, "step", default=STEP_S_MIN))
