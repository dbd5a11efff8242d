"""Build hook: a wheel carries the built web pages, so whoever installs it needs no Node.js."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WebPagesHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs the npm build before a wheel is packed; an editable install builds by `make setup`."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable" or (Path(self.root) / "server/web/console.html").exists():
            return
        npm = ["sh", str(Path(self.root) / "web/npm.sh")]
        subprocess.run([*npm, "ci"], check=True)
        subprocess.run([*npm, "run", "build"], check=True)
