"""The common form of the benchmarks."""

from __future__ import annotations

import json
import time
from collections import Counter
from functools import partial
from itertools import pairwise, permutations

import pytest

from benchmarks._report import (
    Options,
    Row,
    interleaved_ms,
    main,
    share_row,
    telling,
    timing_row,
    wilson,
)


def test_json_is_one_object_and_leaves_out_what_does_not_apply(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(options: Options) -> list[Row]:
        assert options.quick
        return [timing_row("eta_200_to_1", "ridgeline", [1.0, 2.0, 3.0], map="andorra")]

    main("example", run, "What is compared.", ["--json", "--quick", "--seed", "7"])

    report = json.loads(capsys.readouterr().out)
    assert report == {
        "benchmark": "example",
        "seed": 7,
        "quick": True,
        "rows": [
            {
                "metric": "eta_200_to_1",
                "system": "ridgeline",
                "unit": "ms",
                "map": "andorra",
                "p50": 2.0,
                "p99": 2.98,
                "n": 3,
            }
        ],
    }


def test_table_shows_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    main("example", lambda _: [share_row("wrong_share", "straight_line", 3, 10)], None, [])

    assert "wrong_share" in capsys.readouterr().out


def test_systems_take_turns_and_none_is_always_first() -> None:
    calls: list[tuple[str, int]] = []

    samples = interleaved_ms(
        {"a": lambda k: calls.append(("a", k)), "b": lambda k: calls.append(("b", k))},
        rounds=4,
        warm_up=0,
    )

    assert calls == [(n, k) for k in range(4) for n in ("ab" if k % 2 == 0 else "ba")]
    assert {name: len(times) for name, times in samples.items()} == {"a": 4, "b": 4}


@pytest.mark.parametrize("names", ["abcd", "abcde"])
def test_each_system_comes_right_after_every_other_equally_often(names: str) -> None:
    calls: list[list[str]] = [[] for _ in range(2 * len(names))]

    def call(name: str, number: int) -> None:
        calls[number].append(name)

    interleaved_ms({name: partial(call, name) for name in names}, rounds=len(calls), warm_up=0)

    followed = Counter(pair for turns in calls for pair in pairwise(turns))
    assert followed == dict.fromkeys(permutations(names, 2), 2)


def test_a_slow_system_sits_out_what_is_beyond_its_budget() -> None:
    calls: list[str] = []
    prepared: list[str] = []

    def slow(_: int) -> None:
        calls.append("slow")
        time.sleep(0.002)

    samples = interleaved_ms(
        {"slow": slow, "quick": lambda _: calls.append("quick")},
        rounds=9,
        warm_up=3,
        before=prepared.append,
        budget_ms=1.0,
    )

    assert len(samples["quick"]) == 9
    assert len(samples["slow"]) == 2
    assert calls.count("slow") == 3
    assert prepared == calls


def test_wilson_interval_against_published_values() -> None:
    """Newcombe (1998), Statistics in Medicine 17:857, table I, method 3."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)


def test_progress_is_told_by_phase_and_by_fifths(capsys: pytest.CaptureFixture[str]) -> None:
    tell = telling(Options(seed=1, quick=True, as_json=False), "map")

    for phase, share in (("land", 0.0), ("land", 0.1), ("land", 0.19), ("land", 0.5), ("sea", 0.0)):
        tell(phase, share)

    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" ", 1)[1].strip() for line in lines] == [
        "map: land 0%",
        "map: land 50%",
        "map: sea 0%",
    ]
