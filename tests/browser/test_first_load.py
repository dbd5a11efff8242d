"""What a face weighs before anything is opened: a county's line is a thin one."""

from __future__ import annotations

import pytest

from benchmarks.console import WEB, bundle
from tests.conftest import missing

KILOBYTES_MAX = {"console": 150, "handset": 60, "audit": 70, "admin": 50, "login": 30}
"""Gzipped, without map tiles; the first two are promised, the others keep what is."""


@pytest.mark.parametrize("face", KILOBYTES_MAX)
def test_a_face_weighs_no_more_than_its_budget(face: str) -> None:
    if not (WEB / f"{face}.html").exists():
        missing("the web pages are not built: make setup")

    weighs = bundle(face).value

    assert weighs is not None
    assert 10 < weighs < KILOBYTES_MAX[face]
