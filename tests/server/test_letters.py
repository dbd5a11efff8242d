"""Where the log of a guest stands: settled in whatever order, nothing is lost or said again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.gateways.guests.letters import Standing

SEQS = range(1, 13)


@given(st.permutations(SEQS), st.integers(0, len(SEQS)))
def test_cursor_stands_before_the_first_that_is_open(order: list[int], count: int) -> None:
    standing, open_ones = Standing(cursor_seq=0), set(SEQS)
    for seq in order[:count]:
        before = standing
        standing = standing.after(seq, open_ones)
        open_ones.discard(seq)

        assert standing.cursor_seq >= before.cursor_seq
        assert {each for each in SEQS if not standing.has(each)} == open_ones
        assert all(each > standing.cursor_seq for each in standing.settled)

    if not open_ones:
        assert standing == Standing(cursor_seq=len(SEQS))


@given(st.sets(st.sampled_from(SEQS), min_size=1), st.integers(0, 5))
def test_what_lies_beyond_what_was_read_stays_open(read: set[int], cursor_seq: int) -> None:
    """Only what was read is known; the log may hold more above."""
    beyond = {cursor_seq + each for each in read}
    highest = max(beyond)

    standing = Standing(cursor_seq=cursor_seq).after(highest, beyond)

    assert standing.has(highest)
    assert not standing.has(highest + 1)
