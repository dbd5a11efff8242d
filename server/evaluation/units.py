"""One unit of the county: where it is, what it does, and what it may be sent to do next."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from geo.departure import Departure
from geo.driving.speed import Profile
from geo.driving.vehicles import Mode
from geo.roadmap import RoadMap
from server.dispatch.mitigation import Mitigation
from server.dispatch.orders import OrderState
from server.evaluation.scenario import Call, Post
from server.evaluation.trips import Trip
from server.views import UnitStatus


class Doing(StrEnum):
    AT_HOME = "at_home"
    PATROL = "patrol"
    RETURNING = "returning"
    ORDERED = "ordered"
    """Until it drives."""
    EN_ROUTE = "en_route"
    ON_SCENE = "on_scene"
    MOVING_UP = "moving_up"
    """To another post, to wait there."""
    AT_POST = "at_post"


STATUS = {
    Doing.ORDERED: UnitStatus.ASSIGNED,
    Doing.EN_ROUTE: UnitStatus.EN_ROUTE,
    Doing.ON_SCENE: UnitStatus.ON_SCENE,
}


ORDER = {
    Doing.ORDERED: OrderState.ISSUED,
    Doing.EN_ROUTE: OrderState.EN_ROUTE,
    Doing.ON_SCENE: OrderState.ON_SCENE,
}


@dataclass(slots=True, kw_only=True)
class Job:
    """One call, and what became of it."""

    call: Call
    refused: set[str] = field(default_factory=set)
    """Units that said no, or nothing, a while ago."""
    attempts: int = 0
    released: int = 0
    """How often a unit under way to it was called off."""
    unit: str | None = None
    eta_s: float | None = None
    """As foretold for the unit that went, from the order on."""
    later_s: float = 0.0
    """How much later than the first of those free it was foretold to be there; below 0: sooner."""
    ordered_s: float = 0.0
    set_out_s: float = 0.0
    arrived_s: float = 0.0
    """0.0: nobody has come."""
    done_s: float = 0.0
    """0.0: it is not done."""
    given_up_s: float = 0.0
    """When the run ended that nobody had come in."""
    camera_alive: bool = True
    """From the order until done."""

    measures: set[Mitigation] = field(default_factory=set)
    """What was done for its camera."""

    @property
    def answered(self) -> bool:
        """Somebody came."""
        return self.arrived_s > 0.0

    @property
    def response_s(self) -> float:
        """From the call to the first officer at the place; of one that nobody came to, so far."""
        return (self.arrived_s if self.answered else self.given_up_s) - self.call.at_s


@dataclass(slots=True, kw_only=True)
class Unit:
    """Mutable; the run changes it."""

    number: int
    post: Post
    at: Departure
    """Where it stands, or stood when its trip began."""
    doing: Doing = Doing.AT_HOME
    trip: Trip | None = None
    driving: Mode = Mode.ROUTINE
    turn: int = 0
    """Grows with everything it is told to do: what was planned for an older turn is void."""
    outings: int = 0
    docked: bool = False
    """The camera hangs on the charger, at home."""
    measures: frozenset[Mitigation] = frozenset()
    """What is done for its camera, until it is at home again."""
    pack_due: bool = False
    """The next crew brings a charged camera, as soon as the unit is at home."""
    job: Job | None = None
    """Its order's, also while that has not reached it."""
    asked: Job | None = None
    """The job that a unit under way is asked to take instead."""
    diversions: int = 0
    """Since it was last at a place, or free."""
    on_duty: bool = True
    heard: bool = True
    """It has been in contact since its last job, so the room knows that it is free."""
    standby: int | None = None
    """Number of the post that it drives to, to wait there."""
    recalled: bool = False
    """It is asked to turn back: another is there much sooner."""

    @property
    def call_sign(self) -> str:
        return self.post.call_sign

    @property
    def status(self) -> UnitStatus:
        """As the room sees it."""
        if self.doing in STATUS:
            return STATUS[self.doing]
        if not self.heard:
            return UnitStatus.ON_SCENE
        if not self.on_duty and self.job is None:
            return UnitStatus.OFF_DUTY
        return UnitStatus.AVAILABLE if self.job is None else UnitStatus.ASSIGNED

    @property
    def is_free(self) -> bool:
        return self.status is UnitStatus.AVAILABLE

    @property
    def free_s(self) -> float:
        """When the room expects it to be free again: as foretold, and as the run card says; 0.0:
        it has no job, or has not said yes."""
        job = self.job
        if job is None or job.eta_s is None or self.doing not in STATUS:
            return 0.0
        return job.ordered_s + job.eta_s + 60.0 * job.call.type.scene_min

    @property
    def drives_to_job(self) -> bool:
        """And not the last stretch on foot."""
        return self.doing is Doing.EN_ROUTE and self.trip is not None

    @property
    def on_foot(self) -> bool:
        """Its vehicle stands, and it walks to the place."""
        return self.doing is Doing.EN_ROUTE and self.trip is None

    def profile(self, mode: Mode) -> Profile:
        return Profile(vehicle=self.post.vehicle, mode=mode)

    def place(self, now_s: float, roadmap: RoadMap) -> Departure:
        return self.at if self.trip is None else self.trip.place(now_s, roadmap)
