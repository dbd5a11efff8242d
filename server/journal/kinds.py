"""Everything the command log can say, as a closed set.

A kind is written by name, so one that is missing here does not pass the type check; the sentences
that a supervisor reads are in web/src/audit/locales, and a test holds the two together.
"""

from __future__ import annotations

from enum import StrEnum


class JournalKind(StrEnum):
    """Dotted, past tense. The first part is what the entry is about, and a filter of the search."""

    INCIDENT_OPENED = "incident.opened"
    INCIDENT_UNASSIGNED = "incident.unassigned"
    """Its last running order ended without the job being done."""
    INCIDENT_CLOSED = "incident.closed"
    RECOMMENDATION_COMPUTED = "recommendation.computed"
    DECISION_TAKEN = "decision.taken"

    ORDER_ISSUED = "order.issued"
    ORDER_DELIVERED = "order.delivered"
    ORDER_SHOWN = "order.shown"
    ORDER_STANDBY = "order.standby"
    """The unit answers later."""
    ORDER_ACCEPTED = "order.accepted"
    ORDER_UNABLE = "order.unable"
    ORDER_EN_ROUTE = "order.en_route"
    ORDER_ON_SCENE = "order.on_scene"
    ORDER_FEEDBACK = "order.feedback"
    ORDER_DONE = "order.done"
    ORDER_CANCELLED = "order.cancelled"
    ORDER_RECALLED = "order.recalled"
    """The unit let go of it, as it was asked to; so the next two."""
    ORDER_SUPERSEDED = "order.superseded"
    ORDER_HANDED_OVER = "order.handed_over"
    ORDER_EXPIRED = "order.expired"
    ORDER_UNDELIVERABLE = "order.undeliverable"
    ORDER_RECALL_REQUESTED = "order.recall_requested"
    ORDER_RECALL_RECEIVED = "order.recall_received"
    ORDER_RECALL_DECLINED = "order.recall_declined"
    ORDER_TIMER_FIRED = "order.timer_fired"
    """What was waited for did not come in time."""
    ORDER_ESCALATED = "order.escalated"
    ORDER_ESCALATION_ENDED = "order.escalation_ended"
    ORDER_LEADER_ANSWERED = "order.leader_answered"
    """Its unit did not, and the leader says whether he sees to it."""
    ORDER_WELFARE_ANSWERED = "order.welfare_answered"
    ORDER_NOTICE_RECEIVED = "order.notice_received"
    """A device knows that the order is over."""
    ORDER_REPORT_IGNORED = "order.report_ignored"
    """A report that changed nothing, and why."""

    SOS_RAISED = "sos.raised"
    """An officer calls for help."""
    SOS_WITHDRAWN = "sos.withdrawn"
    """The officer says that it was a false alarm."""
    SOS_ACKNOWLEDGED = "sos.acknowledged"
    SOS_PLACED = "sos.placed"
    """A dispatcher found out where the call comes from."""

    WORK_RAISED = "work.raised"
    """A person must see to something."""
    WORK_CLAIMED = "work.claimed"
    WORK_SETTLED = "work.settled"
    """By a person, or by itself because its cause is gone."""

    ROAD_CLOSED = "road.closed"
    ROAD_SLOWED = "road.slowed"
    ROAD_BEGUN = "road.begun"
    """What was set for later came into force."""
    ROAD_REOPENED = "road.reopened"
    """Closed or slowed no more: somebody ended it, or its time was over."""
    CONDITION_SET = "condition.set"
    CONDITION_BEGUN = "condition.begun"
    CONDITION_ENDED = "condition.ended"

    LEARNING_LEARNED = "learning.learned"
    """A version of travel times was learned from drives."""
    LEARNING_ACTIVATED = "learning.activated"
    """A version was put in force."""
    LEARNING_SET_ASIDE = "learning.set_aside"
    """The model alone was put in force."""
    LEARNING_CARRIED = "learning.carried"
    """Drives of an older map count on this one."""
    LEARNING_CARRY_ENDED = "learning.carry_ended"
    """They do so no more."""

    DEAD_ZONES_LEARNED = "dead_zones.learned"
    """A version of dead zones was learned from drives."""
    DEAD_ZONES_ACTIVATED = "dead_zones.activated"
    DEAD_ZONES_SET_ASIDE = "dead_zones.set_aside"
    """None of the learned versions is in force any more."""
    DEAD_ZONE_CONFIRMED = "dead_zones.confirmed"
    DEAD_ZONE_DISMISSED = "dead_zones.dismissed"
    DEAD_ZONE_WITHDRAWN = "dead_zones.withdrawn"
    """What a person said of a zone does not hold any more."""

    RADIO_OVERDUE = "radio.overdue"
    """A unit did not come out of a dead zone in time."""
    RADIO_BACK = "radio.back"
    """It was heard again after that."""
    RADIO_UNRECEIVED = "radio.unreceived"
    """A unit is about to enter a dead zone and has not received all of its order."""

    SHIFT_STARTED = "shift.started"
    SHIFT_ENDED = "shift.ended"

    USER_SIGNED_IN = "user.signed_in"
    USER_SIGN_IN_FAILED = "user.sign_in_failed"
    USER_SIGNED_OUT = "user.signed_out"
    USER_CREATED = "user.created"
    USER_CHANGED = "user.changed"
    USER_PASSWORD_CHANGED = "user.password_changed"  # noqa: S105 (the name of an event)
    USER_PASSWORD_RESET = "user.password_reset"  # noqa: S105 (the name of an event)

    STATION_CREATED = "station.created"
    STATION_CHANGED = "station.changed"
    OFFICER_CREATED = "officer.created"
    OFFICER_CHANGED = "officer.changed"
    UNIT_CREATED = "unit.created"
    UNIT_CHANGED = "unit.changed"
    DEVICE_ENROLLED = "device.enrolled"
    DEVICE_CHANGED = "device.changed"

    SPARE_CREATED = "spare.created"
    SPARE_TAKEN = "spare.taken"
    SPARE_PUT = "spare.put"
    """It was brought back or moved, or came off its charger."""
    SPARE_CHANGED = "spare.changed"
    SPARE_RETIRED = "spare.retired"

    JOURNAL_READ = "journal.read"
