"""Counters and gauges."""

from __future__ import annotations

from server.metrics import Metrics


def test_labels_make_their_own_series() -> None:
    metrics = Metrics()

    metrics.count("records_rejected", kind="no_fix")
    metrics.count("records_rejected", 2, kind="teleport")

    assert metrics.value("records_rejected", kind="no_fix") == 1
    assert metrics.value("records_rejected", kind="teleport") == 2
    assert metrics.value("records_rejected") == 0


def test_text_is_one_value_a_line() -> None:
    metrics = Metrics()
    metrics.count("reports", step="done")
    metrics.gauge("consoles", lambda: 3)

    assert metrics.text() == 'ridgeline_reports_total{step="done"} 1\nridgeline_consoles 3\n'


def test_looking_does_not_make_a_series() -> None:
    metrics = Metrics()

    metrics.value("reports", step="done")

    assert metrics.text() == ""
