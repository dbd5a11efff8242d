"""Who answered, where nobody gave a badge: no more is claimed than is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.dispatch.answers import NATIVE, Claim, Path, answerer
from server.dispatch.orders import (
    BY_OFFICER,
    OrderState,
    Speaker,
    Statement,
    Why,
    decide,
    unanswerable,
)

TWO = frozenset({"B-1", "B-2"})
TERMINAL = Path(name="jt808", names_people=False)
badges = st.sampled_from(["", "B-1", "B-2", "B-3"])
crews = st.frozensets(st.sampled_from(["B-1", "B-2", "B-3"]), max_size=3)
paths = st.builds(
    Path,
    name=st.just("jt808"),
    carrier=st.sampled_from([None, "B-1", "B-9"]),
    names_people=st.booleans(),
)


@pytest.mark.parametrize(
    ("badge", "path", "crew", "of_unit", "answer"),
    [
        ("B-1", TERMINAL, TWO, True, ("B-1", Claim.NAMED)),
        ("", TERMINAL, TWO, True, ("", Claim.UNNAMED)),
        ("", TERMINAL, frozenset({"B-7"}), True, ("B-7", Claim.ALONE)),
        ("", TERMINAL, frozenset(), True, ("", Claim.UNNAMED)),
        ("", Path(name="tak", carrier="B-2", names_people=False), TWO, True, ("B-2", "carrier")),
        ("", Path(name="tak", carrier="B-9", names_people=False), TWO, True, ("", "unnamed")),
        ("", TERMINAL, frozenset({"B-7"}), False, ("", Claim.NAMED)),
        ("", NATIVE, frozenset({"B-7"}), True, ("", Claim.NAMED)),
    ],
    ids=["badge", "nobody knows", "alone", "no crew", "carrier", "carrier of another unit",
         "question to the leader", "our own device names its person"],
)  # fmt: skip
def test_what_is_claimed(
    badge: str, path: Path, crew: frozenset[str], of_unit: bool, answer: tuple[str, Claim]
) -> None:
    assert answerer(badge, path, crew, of_unit=of_unit) == answer


@given(badges, paths, crews, st.booleans())
def test_no_badge_is_made_up(badge: str, path: Path, crew: frozenset[str], of_unit: bool) -> None:
    found, claim = answerer(badge, path, crew, of_unit=of_unit)

    if claim is Claim.NAMED:
        assert found == badge
    elif claim is Claim.UNNAMED:
        assert (found, of_unit, path.names_people) == ("", True, False)
    else:
        assert found in crew


@pytest.mark.parametrize("state", sorted(BY_OFFICER))
def test_unnamed_person_is_a_person(state: OrderState) -> None:
    before = OrderState.ON_SCENE if state is OrderState.FEEDBACK else OrderState.SHOWN
    said = Statement(state=state, speaker=Speaker.DEVICE, unnamed=True, reason="blocked")

    assert decide(before, 3, said, crew=TWO).applied
    machine = Statement(state=state, speaker=Speaker.DEVICE, reason="blocked")
    assert decide(before, 3, machine, crew=TWO).why is Why.NO_BADGE


def test_wrong_badge_is_refused_whatever_else_is_said() -> None:
    assert unanswerable("B-9", TWO, unnamed=True) is Why.NOT_IN_UNIT
