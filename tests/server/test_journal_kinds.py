"""Whatever the command log can say, the audit page says in a sentence, in both languages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from server.dispatch.answers import Claim
from server.dispatch.orders import OrderState, Why
from server.dispatch.worklist import ItemKind
from server.gateways.guests.registry import PROTOCOLS
from server.http import faces
from server.http.access import LOGGED_ACTS, LOGGED_READS, LOOKS, shown
from server.journal.kinds import JournalKind
from tests.conftest import ROOT

FACES = [path.parent for path in sorted((ROOT / "web" / "src").glob("**/locales/en.json"))]
LANGUAGES = ("en", "zh")


def words(folder: Path, language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((folder / f"{language}.json").read_text())
    return found


def placeholders(sentence: str) -> list[str]:
    """Names of values; one that is itself in words has a Chinese twin, `skills` and `skills_zh`."""
    return sorted(name.removesuffix("_zh") for name in re.findall(r"\{(\w+)\}", sentence))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_has_a_name_a_sentence_and_a_group_to_filter_by(language: str) -> None:
    known = words(ROOT / "web/src/audit/locales", language)

    wanted = {f"{part}.{kind}" for kind in JournalKind for part in ("kind", "say")}
    wanted |= {f"group.{kind.split('.')[0]}" for kind in JournalKind}

    assert wanted - known.keys() == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_that_is_logged_as_looked_at_has_words(language: str) -> None:
    known = words(ROOT / "web/src/audit/locales", language)

    wanted = {f"route.GET {shown(path)}" for path in (*LOOKS, *LOGGED_READS)}
    wanted |= {f"route.POST {shown(path)}" for path in LOGGED_ACTS}
    wanted |= {f"route.GET /{page}" for page in faces.FACES}
    assert wanted - known.keys() == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_to_ignore_a_report_has_words(language: str) -> None:
    known = words(ROOT / "web/src/audit/locales", language)

    assert {f"why.{why}" for why in (*Why, "unknown", "unstorable")} - known.keys() == set()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("face", "part"), [("audit", ""), ("console/decision", "orders.")])
def test_every_way_of_an_answer_and_every_claim_has_words(
    face: str, part: str, language: str
) -> None:
    known = words(ROOT / "web/src" / face / "locales", language)

    wanted = {f"{part}path.{protocol}" for protocol in PROTOCOLS}
    wanted |= {f"{part}claim.{claim}" for claim in Claim if claim}
    assert wanted - known.keys() == set()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("face", "part"), [("audit", "item"), ("console/work", "work.kind")])
def test_every_kind_of_the_worklist_has_words(face: str, part: str, language: str) -> None:
    known = words(ROOT / "web/src" / face / "locales", language)

    assert {f"{part}.{kind}" for kind in ItemKind} - known.keys() == set()


def test_every_step_of_an_order_is_a_kind() -> None:
    assert {f"order.{state}" for state in OrderState} <= {str(kind) for kind in JournalKind}


@pytest.mark.parametrize("folder", FACES, ids=lambda folder: folder.parent.name)
def test_both_languages_say_the_same_values(folder: Path) -> None:
    english, chinese = (words(folder, language) for language in LANGUAGES)

    assert english.keys() == chinese.keys()
    differing = {key for key in english if placeholders(english[key]) != placeholders(chinese[key])}
    assert differing == set()
