"""Which engine runs here: the quick one where its probe passes, else the exact one."""

from __future__ import annotations

import logging
from functools import cache
from typing import Final, Literal, get_args

from geo.errors import EngineUnavailable
from geo.routing.cch_engine import CchEngine
from geo.routing.engine import Engine, Graph, Weights
from geo.routing.probe import cch_verdict
from geo.routing.scipy_engine import ScipyEngine

EngineName = Literal["auto", "scipy", "cch"]
ENGINE_NAMES: Final[tuple[str, ...]] = get_args(EngineName)

log = logging.getLogger(__name__)


def choose(graph: Graph, weights: Weights, engine: EngineName = "auto") -> Engine:
    """Make the engine asked for. Raises EngineUnavailable if `cch` is asked for and cannot run."""
    if engine not in ENGINE_NAMES:
        raise ValueError(f"engine is one of {', '.join(ENGINE_NAMES)}")
    if engine == "scipy":
        return ScipyEngine(graph, weights)
    verdict = cch_verdict()
    if verdict.ok:
        return CchEngine(graph, weights)
    if engine == "cch":
        raise EngineUnavailable(f"the cch engine cannot run here: {verdict.why}")
    _say_once(verdict.why)
    return ScipyEngine(graph, weights)


@cache
def _say_once(why: str) -> None:
    log.warning("routing by the exact SciPy engine, slower on large maps: %s", why)
