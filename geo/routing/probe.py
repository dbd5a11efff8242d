"""Can this machine run `routingkit-cch`? Asked in a child process: the answer may be a crash.

Its wheels are compiled for the processor of whoever built them: elsewhere the first call, not the
import, may end in an illegal instruction, which would take the server with it.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from typing import Final

PROBE_TIMEOUT_S: Final = 20.0
"""A cold start of the interpreter on a slow disk takes a few seconds at most."""

PROBE_SCRIPT: Final = """
import routingkit_cch as rk
tail, head = [0, 1, 2, 3, 0], [1, 2, 3, 0, 2]
cch = rk.CCH(list(rk.compute_order_inertial(4, tail, head, [0., 0., 1., 1.], [0., 1., 1., 0.])),
             tail, head, False)
metric = rk.CCHMetric(cch, [1, 2, 3, 4, 9])
before = rk.CCHManyToOne(metric, [0, 1]).distances_to_multi([(2, 5)])
rk.CCHMetricPartialUpdater(cch).apply(metric, {1: 20})
metric.reset([1, 20, 3, 4, 9])
path = rk.CCHQuery(metric).run_multi([(0, 0)], [(2, 0)]).arc_path
print("probe", before, path)
"""
PROBE_ANSWER: Final = "probe [8, 7] [4]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    ok: bool
    why: str
    """Empty when ok; else a line for the log."""


def probe(script: str = PROBE_SCRIPT, timeout_s: float = PROBE_TIMEOUT_S) -> Verdict:
    """Run the script in a child process and judge by its exit and its answer."""
    if not sys.executable:
        return Verdict(ok=False, why="no interpreter to try it with")
    command = [sys.executable, "-c", script]
    try:
        done = subprocess.run(  # noqa: S603  our own interpreter, our own script
            command, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        return Verdict(ok=False, why=f"the trial did not end within {timeout_s:.0f} s")
    except OSError as error:
        return Verdict(ok=False, why=f"the trial could not start: {error}")
    if done.returncode < 0:
        return Verdict(ok=False, why=f"the trial was killed by signal {-done.returncode}")
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return Verdict(ok=False, why=lines[-1])
    if done.stdout.strip() != PROBE_ANSWER:
        return Verdict(ok=False, why="the trial gave a wrong answer")
    return Verdict(ok=True, why="")


@cache
def cch_verdict() -> Verdict:
    """The probe's verdict, asked once per process."""
    return probe()
