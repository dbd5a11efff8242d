"""How long tests wait for what will come."""

from __future__ import annotations

from typing import Final

PATIENCE_S: Final = 60.0
"""Not how long anything takes, but when a hang is called one, on however slow and busy a machine:
no wait of a test for a socket, a row or another task is shorter."""
