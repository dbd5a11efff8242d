"""Measurements: each module says what it compares and why that is fair.

`.venv/bin/python -m benchmarks.NAME [--json] [--quick] [--seed N]`
"""
