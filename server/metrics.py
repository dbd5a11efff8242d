"""Counters and gauges of this process, as plain numbers, and as text for a scraper.

Text format: Prometheus exposition format 0.0.4 (name{label="value"} number, one a line).
Knows nothing of what is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

SERIES_LEN_MAX = 1000
"""Distinct names with labels; labels come from closed sets, so reaching it is our bug."""


class Metrics:
    """Counts up, and asks gauges for their value when read."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()
        self._gauges: dict[str, Callable[[], float]] = {}

    def count(self, name: str, by: int = 1, **labels: str) -> None:
        """Add `by` to a counter."""
        self._counts[name, tuple(sorted(labels.items()))] += by
        assert len(self._counts) <= SERIES_LEN_MAX

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        """Offer a value that is read when somebody looks; a second offer replaces the first."""
        self._gauges[name] = read

    def value(self, name: str, **labels: str) -> int:
        """What a counter stands at; 0 when nothing was counted."""
        return self._counts[name, tuple(sorted(labels.items()))]

    def gauge_value(self, name: str) -> float | None:
        """What a gauge reads now; None: nobody offers it."""
        read = self._gauges.get(name)
        return None if read is None else read()

    def text(self) -> str:
        """Everything, one value a line, names prefixed with `ridgeline_`."""
        lines = [
            f"ridgeline_{name}_total{_braces(labels)} {value}"
            for (name, labels), value in sorted(self._counts.items())
        ]
        lines += [f"ridgeline_{name} {read():g}" for name, read in sorted(self._gauges.items())]
        return "".join(f"{line}\n" for line in lines)


def _braces(labels: tuple[tuple[str, str], ...]) -> str:
    return "{" + ",".join(f'{key}="{value}"' for key, value in labels) + "}" if labels else ""
