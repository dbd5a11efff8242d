"""How a unit gets on that has accepted an order: told from its fixes and the rest of its way.

A drive is followed sight by sight. A sight is one fix with what the roads say of it: how long the
rest of the way takes from there, as it is going. Sight by sight the drive says:

* **drifting**: it would arrive later than it promised when it accepted, by more than a few minutes
  and more than a share of its way. The median of the last three sights, so that one fix on the
  wrong road says nothing.
* **stopped**: it has been at one spot for minutes, which is neither the place nor a known queue.
* **driving away**: the rest of its way grows while it moves. What grew is summed up, each step no
  faster than driving the wrong way makes it grow, and every metre in the right direction takes off
  what it saved: hairpins, where only the distance grows, and fixes that jump to the other bank of
  a gorge, where the way grows by ten minutes at once, stay below.
* **there**, by its position: near, slow, and with no road left to drive; a road that is near as the
  crow flies and ten minutes below is not the place. Kept apart from what the unit reports.
* **gone**: it was there, and is far from it.

Silence is none of these: a gap between two sights proves no standstill, and without a new sight
nothing changes. Each has two limits, so that it does not flutter. Knows no road, no store and no
clock; `server.enroutewatch` looks. Every number is a starting value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from server.dispatch.sights import Promise, Rules, Sight, Trouble, apart_m, gap_s

KEPT: Final = 3
"""Sights that are compared with the newest; also of how many a median is taken."""
WRONG_WAY: Final = 1.5
"""s of way that a second of driving the wrong way adds at most: back again, and a margin."""
STEP_S_MAX: Final = 60.0
"""s of a step that count: what was driven in a silence is known by its ends alone."""
JUMP_S: Final = 60.0
"""s. A way that grows by so much more than driving explains was found on another road."""
ROAD_LEFT_S: Final = 60.0
"""s by road to a place that is near as the crow flies: farther by road, it is not there."""
CALM_SHARE: Final = 0.5
"""Of a limit: below it a trouble is over."""
AWAY_CAP: Final = 1.5
"""Of its limit: no more is summed up, so that who turns round is soon on the way again."""
STIRRED: Final = 3.0
"""Times the radius of a standstill: one fix so far off is a departure, not an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """A unit's way to one place as far as it was seen. A new one knows nothing."""

    promise: Promise | None = None
    """None: nobody could say; then the first sight that can."""
    began: Sight | None = None
    """The first."""
    set_off: bool = False
    """It said so, or was seen to move: before, its departure is waited for elsewhere."""
    troubles: frozenset[Trouble] = frozenset()
    arrived_at: datetime | None = None
    """Since when it was there by its position, the first time."""
    sights: tuple[Sight, ...] = ()
    """The last, oldest first."""
    still: Sight | None = None
    """The first of the present standstill."""
    away_s: float = 0.0
    near: Sight | None = None
    """The first of its present stay at the place."""
    far: Sight | None = None
    """The first of those far from it after it was there."""

    @property
    def arrives_at(self) -> datetime | None:
        """As the last sights have it, without the one that is most off; None: nobody can say."""
        known = [at.timestamp() for each in self.sights if (at := each.arrives_at) is not None]
        if not known:
            return None
        return datetime.fromtimestamp(median(known), tz=self.sights[-1].at.tzinfo)

    @property
    def late_s(self) -> float:
        """s after its promise; below 0: before."""
        at = self.arrives_at
        return 0.0 if at is None or self.promise is None else (at - self.promise.at).total_seconds()

    @classmethod
    def resumed(
        cls,
        rules: Rules,
        *,
        promise: Promise | None,
        set_off: bool,
        troubles: frozenset[Trouble],
        arrived_at: datetime | None,
    ) -> Drive:
        """As whoever looked before left it: what was wrong is so until it is seen to be over."""
        return cls(
            promise=promise,
            set_off=set_off or Trouble.STOPPED in troubles,
            troubles=troubles,
            arrived_at=arrived_at,
            away_s=rules.away_s if Trouble.AWAY in troubles else 0.0,
        )


def follow(drive: Drive, sight: Sight, rules: Rules, *, reported_there: bool = False) -> Drive:
    """The drive after one more sight; one that is not newer than the last changes nothing.

    `reported_there`: the unit says that it is at the place, or was.
    """
    last = drive.sights[-1] if drive.sights else None
    if last is not None and sight.at <= last.at:
        return drive
    drive = replace(
        drive,
        promise=drive.promise or _own_promise(sight),
        began=drive.began or sight,
        set_off=drive.set_off or _set_off(drive, sight, rules),
        still=_still(drive, sight, rules),
        away_s=_away_s(drive, sight, rules),
        sights=(*drive.sights, sight)[-KEPT:],
    )
    drive = _arrival(drive, sight, last, rules)
    there = reported_there or drive.arrived_at is not None
    return replace(drive, troubles=frozenset(_troubles(drive, sight, rules, there=there)))


def _troubles(drive: Drive, sight: Sight, rules: Rules, *, there: bool) -> set[Trouble]:
    had = drive.troubles
    if there:
        return {Trouble.LEFT} if _left(drive, sight, rules) else set()
    found = {
        Trouble.DRIFT: _drifts(drive, rules, had=Trouble.DRIFT in had),
        Trouble.STOPPED: _stopped(drive, sight, rules),
        Trouble.AWAY: _beyond(drive.away_s, rules.away_s, had=Trouble.AWAY in had),
    }
    return {trouble for trouble, is_so in found.items() if is_so}


def _own_promise(sight: Sight) -> Promise | None:
    at = sight.arrives_at
    return None if at is None else Promise(at=at, way_s=(at - sight.at).total_seconds())


def _beyond(value: float, limit: float, *, had: bool) -> bool:
    return value > (CALM_SHARE * limit if had else limit)


def _drifts(drive: Drive, rules: Rules, *, had: bool) -> bool:
    if drive.promise is None:
        return False
    if sum(each.left_s is not None for each in drive.sights) < KEPT:
        return had  # too few for a median: one fix on the wrong road would be all that is known
    limit_s = max(rules.drift_s, rules.drift_share * drive.promise.way_s)
    return _beyond(drive.late_s, limit_s, had=had)


# -- standing still -----------------------------------------------------------------------


def _set_off(drive: Drive, sight: Sight, rules: Rules) -> bool:
    """Two sights in a row away from where it accepted: one may be an error."""
    if drive.began is None:
        return False
    beyond_m = STIRRED * rules.still_m
    return all(apart_m(drive.began, each) > beyond_m for each in (drive.sights[-1], sight))


def _still(drive: Drive, sight: Sight, rules: Rules) -> Sight:
    """Where the present standstill began. One sight elsewhere may be an error, two are not."""
    stopped = Trouble.STOPPED in drive.troubles
    if drive.still is None:
        since = sight.at - timedelta(seconds=rules.stopped_s if stopped else 0.0)
        return replace(sight, at=since)
    off_m, last = apart_m(drive.still, sight), drive.sights[-1]
    if gap_s(last, sight) > rules.silent_s:
        return drive.still if stopped and off_m <= rules.still_m else sight
    if off_m > STIRRED * rules.still_m and _moves(sight, rules):
        return sight
    elsewhere = off_m > rules.still_m and apart_m(drive.still, last) > rules.still_m
    return last if elsewhere else drive.still


def _stopped(drive: Drive, sight: Sight, rules: Rules) -> bool:
    assert drive.still is not None
    if not drive.set_off or sight.excused or sight.place_m <= rules.arrived_m:
        return False
    return gap_s(drive.still, sight) >= rules.stopped_s


def _moves(sight: Sight, rules: Rules) -> bool:
    return sight.speed_mps is not None and sight.speed_mps > rules.slow_mps


# -- the wrong way ------------------------------------------------------------------------


def _away_s(drive: Drive, sight: Sight, rules: Rules) -> float:
    """How much longer the rest of its way became by driving; what another weather did is none."""
    last = drive.sights[-1] if drive.sights else None
    if last is None or last.left_s is None or sight.left_s is None or last.roads != sight.roads:
        return drive.away_s
    if apart_m(last, sight) <= rules.slow_mps * gap_s(last, sight) / 2:
        return drive.away_s  # it stands: what differs is the receiver's error
    step_s = min(gap_s(last, sight), STEP_S_MAX)
    grew_s = sight.left_s - last.left_s
    if grew_s > WRONG_WAY * gap_s(last, sight) + JUMP_S:
        return drive.away_s
    grown_s = drive.away_s + min(grew_s, WRONG_WAY * step_s)
    return min(max(0.0, grown_s), AWAY_CAP * rules.away_s)


# -- at the place -------------------------------------------------------------------------


def _arrival(drive: Drive, sight: Sight, last: Sight | None, rules: Rules) -> Drive:
    if not _at_the_place(sight, last, rules):
        near = None
    elif drive.near is None or last is None or gap_s(last, sight) > rules.silent_s:
        near = sight
    else:
        near = drive.near
    arrived_at = drive.arrived_at
    if arrived_at is None and near is not None and gap_s(near, sight) >= rules.arrived_s:
        arrived_at = near.at
    far = sight if sight.place_m > rules.left_m else None
    return replace(drive, near=near, arrived_at=arrived_at, far=far and (drive.far or far))


def _at_the_place(sight: Sight, last: Sight | None, rules: Rules) -> bool:
    if sight.place_m > rules.arrived_m:
        return False
    if sight.road_s is not None and sight.road_s > ROAD_LEFT_S:
        return False  # near as the crow flies alone
    if sight.speed_mps is not None:
        return sight.speed_mps <= rules.slow_mps
    return last is not None and apart_m(last, sight) <= rules.slow_mps * gap_s(last, sight)


def _left(drive: Drive, sight: Sight, rules: Rules) -> bool:
    """Only who was there by position, too: a place put wrongly on the map is not left."""
    if drive.arrived_at is None:
        return False
    if Trouble.LEFT in drive.troubles:
        return sight.place_m > CALM_SHARE * rules.left_m
    return drive.far is not None and gap_s(drive.far, sight) >= rules.left_s
