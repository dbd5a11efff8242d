"""Checkpoints as the standard writes them, and nothing else."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.journal.checkpoint import Checkpoint
from server.journal.merkle import EMPTY_ROOT
from server.journal.notes import NoteError, Signer

KEY = Signer(name="ridgeline", secret=bytes(range(32)))
FOUND = Checkpoint(origin="ridgeline.example/county", size=42, root=EMPTY_ROOT)


def test_a_checkpoint_is_three_lines_that_people_can_read() -> None:
    root = base64.b64encode(EMPTY_ROOT).decode()

    assert str(FOUND) == f"ridgeline.example/county\n42\n{root}\n"


lines = st.text(
    st.characters(min_codepoint=0x20, exclude_characters="\u2028\u2029\x85", codec="utf-8"),
    min_size=1,
    max_size=40,
).filter(lambda each: not each.startswith("\u2014 "))


@given(lines, st.integers(0, 10**18), st.binary(min_size=32, max_size=32), st.lists(lines))
def test_what_was_signed_is_read_as_it_was(
    origin: str, size: int, root: bytes, extra: list[str]
) -> None:
    made = Checkpoint(origin=origin, size=size, root=root, extra=tuple(extra))

    assert Checkpoint.verified(made.signed(KEY), KEY.verifier) == made


def test_another_key_or_another_text_is_refused() -> None:
    note = FOUND.signed(KEY)
    other = Signer(name="ridgeline", secret=bytes(32))

    with pytest.raises(NoteError, match="did not sign"):
        Checkpoint.verified(note, other.verifier)
    with pytest.raises(NoteError, match="does not fit"):
        Checkpoint.verified(note.replace("\n42\n", "\n41\n"), KEY.verifier)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "county\n",
        "county\n42\n",
        "county\n42\nAAAA\n",
        f"county\n042\n{base64.b64encode(EMPTY_ROOT).decode()}\n",
        f"county\n-1\n{base64.b64encode(EMPTY_ROOT).decode()}\n",
        f"county\nmany\n{base64.b64encode(EMPTY_ROOT).decode()}\n",
        f"\n42\n{base64.b64encode(EMPTY_ROOT).decode()}\n",
        f"county\n42\n{base64.b64encode(EMPTY_ROOT).decode()}",
        f"county\n42\n{base64.b64encode(EMPTY_ROOT).decode()}\n\n",
        f"county\n42\n{base64.b64encode(EMPTY_ROOT).decode()}!\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(text)
