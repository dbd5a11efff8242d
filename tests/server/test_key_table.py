"""The console's table of keys: a key does one thing."""

from __future__ import annotations

import re
from collections import Counter

from tests.conftest import ROOT

TABLE = ROOT / "web" / "src" / "console" / "keys" / "table.ts"


def test_no_key_is_given_out_twice() -> None:
    """A second one would silently take the place of the first."""
    lines = re.findall(r'^  \w+: \["\w+", (".*")\],$', TABLE.read_text(), re.MULTILINE)
    keys = Counter(re.findall(r'"([^"]+)"', ", ".join(lines)))

    assert len(keys) > 30
    assert [key for key, count in keys.items() if count > 1] == []
