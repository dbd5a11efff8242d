"""Replay of a span of time: where everybody was, what happened, and when the room knew of it.

Everything is read from one state of the database. Who reads where officers were is in the command
log before he sees it. Knows no face. (`server.replay` computes recommendations again.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from math import ceil
from typing import Any, Final

from geo.errors import ExtentError
from server.dispatch.clock import happened_at
from server.dispatch.errors import Impossible
from server.journal.kinds import JournalKind
from server.oneatatime import OneAtATime
from server.playbackviews import HappeningView, PastRoadView, PlaybackView, TrackPageView, TrackView
from server.stores import happenings, journal, retention, roadstate, tracks
from server.stores.pool import snapshot
from server.stores.roadentries import where_of
from server.stores.roadstate import CONDITIONS, STATES, ConditionRow, RoadStateRow
from server.surveyor import Surveyor
from server.views import JournalEntryView

SPAN_MAX: Final = timedelta(hours=6)
LEAD: Final = timedelta(minutes=15)
"""So much of every track before the span comes with it."""
FIXES_MAX: Final = 40_000
"""Of one answer; of more, less of each track is taken."""
STEP_S_MIN: Final = 1.0
STEP_S_MAX: Final = 600.0
THINNED_S_MAX: Final = 1_800.0
"""Beyond one fix in so many seconds an answer says nothing: there are pages, and shorter spans."""
STALE_S: Final = 120.0
"""From here on a position is no longer where a unit is, as on the console."""
HAPPENINGS_MAX: Final = 5_000
WAITING_MAX: Final = 4
LINES_MAX: Final = 200
"""Closed roads that are drawn; the others are told of without a line."""

_SHOWN: Final = frozenset(
    {"incident", "recommendation", "decision", "order", "sos", "work", "stance", "road"}
    | {"condition", "radio", "mitigation", "shift"}
)
"""First parts of the kinds of the command log that belong to what happened in the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """From `since` to before `until`; of each device at most one fix in `step_s`."""

    since: datetime
    until: datetime
    step_s: float = STEP_S_MIN

    def require(self) -> None:
        """Raises `Impossible` (`bad_span`, `bad_step`)."""
        if not timedelta(0) < self.until - self.since <= SPAN_MAX:
            hours = SPAN_MAX // timedelta(hours=1)
            text = f"From must lie before to, by at most {hours} hours."
            raise Impossible("bad_span", text, {"hours_max": hours})
        if not STEP_S_MIN <= self.step_s <= STEP_S_MAX:
            text = f"step is {STEP_S_MIN:.0f} to {STEP_S_MAX:.0f} seconds."
            raise Impossible("bad_step", text, {"min": STEP_S_MIN, "max": STEP_S_MAX})


class PlaybackDesk:
    """`by` is who reads: `user:<username>`."""

    def __init__(self, *, pool: Any, surveyor: Surveyor, map_id: str) -> None:
        self._pool, self._surveyor, self._map_id = pool, surveyor, map_id
        self._one = OneAtATime(WAITING_MAX)

    async def playback(self, asked: Asked, *, by: str) -> PlaybackView:
        """Raises `Impossible` (`bad_span`, `bad_step`, `too_many`), `TooMany`, `SurveyorBusy`."""
        asked.require()
        async with self._one.turn():
            async with snapshot(self._pool) as conn:
                found = await self._read(conn, asked)
            await self._log_reading(asked, found.tracks, by=by)
        return found

    async def tracks(self, asked: Asked, *, after: str, by: str) -> TrackPageView:
        """Of the next devices after one, whole; "" is before the first.

        As many as fit into FIXES_MAX where each says something in every step, one at least. Raises
        `Impossible` (`bad_span`, `bad_step`), `TooMany`.
        """
        asked.require()
        span_s = (asked.until - asked.since + LEAD).total_seconds()
        limit = max(1, int(FIXES_MAX * asked.step_s / span_s))
        async with self._one.turn():
            async with snapshot(self._pool) as conn:
                device_ids = await tracks.devices(conn, after=after, limit=limit)
                found = await _tracks(conn, asked, asked.step_s, device_ids)
                units = await happenings.units(conn, {each.unit_id for each in found})
            await self._log_reading(asked, found, by=by)
        return TrackPageView(
            since=asked.since,
            until=asked.until,
            step_s=asked.step_s,
            units=units,
            tracks=found,
            next_after=device_ids[-1] if len(device_ids) == limit else None,
        )

    async def _read(self, conn: Any, asked: Asked) -> PlaybackView:
        since, until = asked.since, asked.until
        step_s = await _step_s(conn, asked)
        found = await _tracks(conn, asked, step_s, None)
        shifts = _whole("shifts", await happenings.shifts(conn, since, until))
        orders = _whole("orders", await happenings.orders(conn, since, until))
        entries, left_out = await _entries(conn, since, until)
        unit_ids = {each.unit_id for each in chain(found, shifts, orders)}
        return PlaybackView(
            since=since,
            until=until,
            step_s=step_s,
            thinned=step_s > asked.step_s,
            coarse=await retention.any_coarse(conn, since - LEAD, until),
            stale_s=STALE_S,
            units=await happenings.units(conn, unit_ids),
            tracks=found,
            shifts=shifts,
            silences=_whole("silences", await happenings.silences(conn, since, until)),
            incidents=_whole("incidents", await happenings.incidents(conn, since, until)),
            orders=orders,
            roads=await self._roads(conn, since, until),
            happenings=[_happening(each) for each in entries],
            happenings_left_out=left_out,
        )

    async def _roads(self, conn: Any, since: datetime, until: datetime) -> list[PastRoadView]:
        states = await roadstate.held(conn, STATES, since, until)
        lines = [await self._lines(each) for each in states[:LINES_MAX]]
        lines += [None] * (len(states) - len(lines))
        conditions = await roadstate.held(conn, CONDITIONS, since, until)
        return [
            *(_road(row, drawn) for row, drawn in zip(states, lines, strict=True)),
            *map(_condition, conditions),
        ]

    async def _lines(self, row: RoadStateRow) -> list[list[tuple[float, float]]] | None:
        """None: it lies nowhere on this map."""
        assert row.extent is not None
        try:
            found = await self._surveyor.survey(
                where_of(row.extent), of_this_map=row.map_id == self._map_id
            )
        except ExtentError:
            return None
        return [[(lon, lat) for lon, lat in line.tolist()] for line in found.lines]

    async def _log_reading(self, asked: Asked, found: Sequence[TrackView], *, by: str) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            await journal.append(
                conn,
                actor=by,
                subject=by,
                kind=JournalKind.REPLAY_READ,
                body={
                    "since": asked.since,
                    "until": asked.until,
                    "units": len({each.unit_id for each in found}),
                    "fixes": sum(len(each.at_s) for each in found),
                },
            )


async def _tracks(
    conn: Any, asked: Asked, step_s: float, device_ids: Sequence[str] | None
) -> list[TrackView]:
    """Of these devices; None: of all."""
    found = await tracks.load(
        conn,
        asked.since,
        asked.until,
        lead=LEAD,
        step_s=step_s,
        stale_s=STALE_S,
        device_ids=device_ids,
    )
    return [TrackView(**asdict(each)) for each in found]


async def _step_s(conn: Any, asked: Asked) -> float:
    """As asked, or longer where there would be too many fixes."""
    begins = asked.since - LEAD
    fixes, devices = await tracks.count(conn, begins, asked.until)
    if fixes <= FIXES_MAX:
        return asked.step_s
    needed = ceil((asked.until - begins).total_seconds() * devices / FIXES_MAX)
    if needed > THINNED_S_MAX:
        text = f"{devices} devices are too many for so long a span: ask for a shorter one, or page."
        raise Impossible("too_many", text, {"max": FIXES_MAX})
    return max(asked.step_s, float(needed))


async def _entries(
    conn: Any, since: datetime, until: datetime
) -> tuple[list[JournalEntryView], bool]:
    """Entries of the log that tell what happened, oldest first; whether the oldest are missing."""
    found = await happenings.entries(conn, _SHOWN, since, until, limit=HAPPENINGS_MAX + 1)
    return found[-HAPPENINGS_MAX:], len(found) > HAPPENINGS_MAX


def _happening(entry: JournalEntryView) -> HappeningView:
    """With when a device said that it happened, where one did."""
    told, offset_s = entry.body.get("device_at"), entry.body.get("clock_offset_s")
    device_at = datetime.fromisoformat(told).astimezone(UTC) if isinstance(told, str) else None
    known_s = float(offset_s) if isinstance(offset_s, (int, float)) else None
    return HappeningView(
        at=happened_at(device_at, known_s, entry.at),
        heard_at=entry.at,
        seq=entry.seq,
        kind=entry.kind,
        actor=entry.actor,
        subject=entry.subject,
        body=entry.body,
        redacted=entry.redacted,
    )


def _road(row: RoadStateRow, lines: list[list[tuple[float, float]]] | None) -> PastRoadView:
    assert row.begun_at is not None, "it held"
    return PastRoadView(
        kind=row.state,
        place=row.place,
        reason=row.reason,
        condition="",
        begun_at=row.begun_at,
        ended_at=row.ended_at,
        lines=lines,
    )


def _condition(row: ConditionRow) -> PastRoadView:
    assert row.begun_at is not None, "it held"
    corners = row.extent["corners"] if row.extent else None
    return PastRoadView(
        kind="condition",
        place=row.place,
        reason=row.reason,
        condition=row.condition,
        begun_at=row.begun_at,
        ended_at=row.ended_at,
        lines=None if corners is None else [[*corners, corners[0]]],
    )


def _whole(what: str, found: list[Any]) -> list[Any]:
    """Raises `Impossible` (`too_many`)."""
    if len(found) > happenings.LEN_MAX:
        text = f"There are more than {happenings.LEN_MAX} {what}. Ask for a shorter span."
        raise Impossible("too_many", text, {"max": happenings.LEN_MAX})
    return found
