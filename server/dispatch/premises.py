"""What a recommendation follows from, as one value, and the recommendation that follows.

`answer` is the whole way from the premises to what people see, so nothing that is not in them can
make a difference; what is added to a `Contender` or to the `Scene` is in them by itself. The text
of an answer that is compared and signed is JSON with every key in order (`canonical`): the same for
a view as for the row that it was kept in, whatever fields views get later. Pure.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from geo.meeting import Meeting
from server.dispatch.contenders import Way, pair_view, recommendation_view
from server.dispatch.doubts import remarks
from server.dispatch.pairs import choose
from server.dispatch.ranking import Contender, Ranking, Scene, rank
from server.views import PairView, RecommendationView

_canonical: Final = msgspec.json.Encoder(order="sorted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """All that an answer follows from."""

    recommendation_id: str
    incident_id: str
    computed_at: datetime
    map_id: str
    road_version: int
    conditions: tuple[str, ...]
    """Those that held anywhere, the county's first."""
    run_cards_version: int
    scene: Scene
    contenders: tuple[Contender, ...]
    ways: dict[str, Way | None]
    """By unit id, of those whose way was looked at; None: there is none."""
    meeting: Meeting | None = None
    """Where the two meet that `pairs.choose` names; None: nowhere, or not two."""
    meeting_place: str = ""
    """In words."""


def answer(premises: Premises, ranking: Ranking | None = None) -> RecommendationView:
    """What follows; `ranking` where `rank` has said already what it says of these."""
    ranked = ranking or rank(premises.scene, premises.contenders)
    found = recommendation_view(
        ranked,
        recommendation_id=premises.recommendation_id,
        incident_id=premises.incident_id,
        computed_at=premises.computed_at,
        map_id=premises.map_id,
        ways=premises.ways,
        remarks=remarks(premises.scene),
    )
    return msgspec.structs.replace(
        found,
        pair=_pair(premises, ranked),
        road_version=premises.road_version,
        conditions=list(premises.conditions),
        run_cards_version=premises.run_cards_version,
    )


def _pair(premises: Premises, ranked: Ranking) -> PairView | None:
    pair = choose(premises.scene, [each.contender for each in ranked.candidates])
    if pair is None:
        return None
    return pair_view(pair, premises.scene, premises.meeting, premises.meeting_place)


def canonical(view: RecommendationView | object) -> bytes:
    """UTF-8 JSON, keys in order at every level, no spaces; of a view or of its kept row."""
    return _canonical.encode(view)


def sha256(data: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(data).hexdigest()
