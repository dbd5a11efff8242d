"""What a device keeps of the command log, and shows again."""

from __future__ import annotations

from itertools import pairwise

import pytest

from devices.checkpoints import DAY_MS, DAYS_MAX, Checkpoints
from devices.storage import Batch, MemoryStorage
from protocols.native import Ack, Report, State
from tests.devices.test_client import SERVER_MS, a_client, a_task, cut, give, go_live, sent


def a_note(size: int, origin: str = "ridgeline/1") -> str:
    return f"{origin}\n{size}\nAAAA\n\n\u2014 ridgeline BBBB\n"


def test_the_newest_is_shown_with_every_step_and_every_hello() -> None:
    client = a_client()
    go_live(client, ckpt=a_note(5))
    give(client, a_task(1))
    (receipt,) = [each for each in sent(client) if isinstance(each, State)]
    assert receipt.seen == a_note(5)

    give(client, Ack(up=1, ckpt=a_note(7)))
    client.report("c1", Report.SHOWN, at_ms=SERVER_MS)
    (shown,) = [each for each in sent(client) if isinstance(each, State)]
    cut(client)

    assert shown.seen == a_note(7)
    assert go_live(client, now=100.0, up=2).seen == a_note(7)


def test_it_outlives_a_restart() -> None:
    storage = MemoryStorage()
    go_live(a_client(storage), ckpt=a_note(5))

    assert go_live(a_client(storage)).seen == a_note(5)


def test_before_the_first_there_is_nothing_to_show() -> None:
    assert go_live(a_client()).seen == ""


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (a_note(4), a_note(5)),
        (a_note(5), a_note(5)),
        (a_note(6), a_note(6)),
        (a_note(1, "another"), a_note(1, "another")),
        ("", a_note(5)),
        ("no checkpoint", a_note(5)),
        (a_note(10**20), a_note(5)),
    ],
)
def test_a_shorter_log_takes_no_longer_ones_place(given: str, shown: str) -> None:
    kept = Checkpoints(Batch(MemoryStorage()), {})
    kept.take(a_note(5), SERVER_MS)

    kept.take(given, SERVER_MS)

    assert kept.newest == shown


def test_a_clock_that_was_years_ahead_for_a_while_costs_no_day() -> None:
    kept = Checkpoints(Batch(MemoryStorage()), {})
    kept.take(a_note(1), SERVER_MS)
    kept.take(a_note(2), SERVER_MS + 700 * DAY_MS)

    for day in range(1, 6):
        for hour in range(24):
            kept.take(a_note(24 * day + hour), SERVER_MS + day * DAY_MS + hour * DAY_MS // 24)

    assert len(kept.kept) >= 6
    assert [each.at for each in kept.kept] == sorted(each.at for each in kept.kept)


def test_of_the_days_before_one_each_is_kept() -> None:
    storage = MemoryStorage()
    batch = Batch(storage)
    kept = Checkpoints(batch, {})
    for hour in range(24 * (DAYS_MAX + 5)):
        kept.take(a_note(1 + hour), SERVER_MS + hour * DAY_MS // 24)
    batch.commit()

    again = Checkpoints(Batch(storage), storage.load())

    ages = [(again.kept[-1].at - each.at) / DAY_MS for each in again.kept]
    assert len(again.kept) == DAYS_MAX
    assert ages == sorted(ages, reverse=True)
    assert all(0.9 < a - b <= 2 for a, b in pairwise(ages[:-1]))
    assert again.newest == a_note(24 * (DAYS_MAX + 5))
