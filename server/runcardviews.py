"""What people see of run cards and checklists."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from server.dispatch.runcards import SHIPPED_VERSION, RunCard, RunCards, Term, plain
from server.runcarddesk import Overview
from server.stores.checklists import Checklist
from server.views import Priority, View


class IncidentTypeView(View, frozen=True):
    """One row of GET /api/incident-types: what every face must know of a type."""

    code: str
    priority: Priority
    scene_min: int
    units: int
    names: dict[str, str]
    """By language, `en` and `zh`; so the next two."""
    equipment: list[dict[str, str]]
    steps: list[dict[str, str]]
    retired: bool = False
    """Of old incidents alone: no new one can be opened with it."""


class RunCardVersionView(View, frozen=True):
    version: int
    created_at: datetime
    created_by: str
    reason: str
    cards: int
    """How many it has."""


class RunCardsView(View, frozen=True):
    """GET /api/run-cards: what is in force, and the newest versions."""

    version: int
    """0: the set that comes with Ridgeline."""
    unusable: int | None
    """The version that was put in force, where this program cannot use it: it goes by `version`
    until another is."""
    activated_at: datetime | None
    activated_by: str | None
    reason: str | None
    set: dict[str, Any]
    """docs/run-cards.md has the form."""
    versions: list[RunCardVersionView]


class RunCardSetView(View, frozen=True):
    """One version whole."""

    version: int
    set: dict[str, Any]


class RunCardChangesView(View, frozen=True):
    """What a set would change: fields by card; `added`, `removed`, `moved`."""

    changes: dict[str, list[str]]


class ChecklistStepView(View, frozen=True):
    words: dict[str, str]
    """By language, `en` and `zh`."""
    ticked_by: str | None = None
    ticked_at: datetime | None = None


class ChecklistView(View, frozen=True):
    """Of one incident; `version`: of the run cards that it is of."""

    version: int
    steps: list[ChecklistStepView]


def incident_types(cards: RunCards) -> list[IncidentTypeView]:
    """Those that can be chosen, in order; then those that cannot any more."""
    words = {each.code: _words(each) for each in cards.equipment}
    chosen = [_type(each, words) for each in cards.cards]
    return chosen + [_type(each, words, retired=True) for each in cards.retired]


def run_cards(found: Overview) -> RunCardsView:
    active, version = found.active, found.cards.version
    put = SHIPPED_VERSION if active is None else active.version or SHIPPED_VERSION
    return RunCardsView(
        version=version,
        unusable=None if put == version else put,
        activated_at=active.activated_at if active else None,
        activated_by=active.activated_by if active else None,
        reason=active.reason if active else None,
        set=plain(found.cards),
        versions=[
            RunCardVersionView(
                version=row.version,
                created_at=row.created_at,
                created_by=row.created_by,
                reason=row.reason,
                cards=row.cards,
            )
            for row in found.versions
        ],
    )


def checklist(found: Checklist) -> ChecklistView:
    ticks = {each.step: each for each in found.ticks}
    return ChecklistView(
        version=found.version,
        steps=[
            ChecklistStepView(
                words={"en": each.en, "zh": each.zh},
                ticked_by=ticks[n].ticked_by if n in ticks else None,
                ticked_at=ticks[n].ticked_at if n in ticks else None,
            )
            for n, each in enumerate(found.card.steps)
        ],
    )


def _type(
    card: RunCard, words: dict[str, dict[str, str]], *, retired: bool = False
) -> IncidentTypeView:
    return IncidentTypeView(
        code=card.code,
        priority=card.priority,
        scene_min=card.scene_min,
        units=card.units,
        names={"en": card.en, "zh": card.zh},
        equipment=[words.get(code, {"en": code, "zh": code}) for code in card.equipment],
        steps=[{"en": each.en, "zh": each.zh} for each in card.steps],
        retired=retired,
    )


def _words(term: Term) -> dict[str, str]:
    return {"en": term.en, "zh": term.zh}
