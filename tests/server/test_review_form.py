"""The JSON of a review has the fields that docs/review.md says, no more and no fewer."""

from __future__ import annotations

import re
from typing import Final

import pytest
from msgspec import Struct

from server import reviewviews as views
from tests.conftest import ROOT

OBJECTS: Final[dict[str, type[Struct]]] = {
    "review": views.ReviewView,
    "incident": views.ReviewedIncidentView,
    "link": views.LinkView,
    "cause": views.CauseView,
    "choice": views.ChoiceView,
    "order": views.OrderReviewView,
    "eta": views.EtaReviewView,
    "battery": views.BatteryReviewView,
    "hindsight": views.HindsightView,
    "other": views.OtherwiseView,
    "drive": views.DriveReviewView,
    "mitigation": views.MitigationReviewView,
    "moment": views.MomentView,
    "photo": views.ReviewPhotoView,
}


@pytest.mark.parametrize("name", OBJECTS)
def test_every_field_is_told_of(name: str) -> None:
    text = (ROOT / "docs" / "review.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| {name} \| (.*) \|$", text, re.MULTILINE)

    assert row is not None
    assert tuple(re.findall(r"`(\w+)`", row[1])) == OBJECTS[name].__struct_fields__
