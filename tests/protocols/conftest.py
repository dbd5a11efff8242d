"""Recorded messages of real devices and of other people's codecs, where they are there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import ROOT, missing


@pytest.fixture(scope="session")
def vectors_dir() -> Path:
    """Public test vectors, which are not of this repository."""
    folder = Path(os.environ.get("RIDGELINE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "vectors").is_dir():
        missing(f"there are no vectors in {folder}; RIDGELINE_TEST_DATA names its folder")
    return folder / "vectors"
