"""Adds man pages and shell completions, made from the parser of the command line, to a wheel.

Hatchling loads this file by its path. Who builds needs argparse-manpage and shtab; who runs the program does not.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SharedFiles(BuildHookInterface[Any]):
    """Puts into share/ what other programs look for there: man, bash, zsh."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the files in a temporary folder. An editable install has none: what it would show is still changing."""
        self._made: Path | None = None
        if version == "editable":
            return
        top = Path(self.root)
        sys.path.insert(0, self.root)  # the build runs outside of the checkout's own environment
        try:
            from shipping import completions, manpages

            texts = {
                **{f"share/man/man1/{name}": text for name, text in manpages.pages(top).items()},
                **{f"share/{path}": text for path, text in completions.scripts().items()},
            }
        finally:
            sys.path.remove(self.root)
        self._made = Path(tempfile.mkdtemp(prefix="reviewbot-share-"))
        for path, text in texts.items():
            file = self._made / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            build_data["shared_data"][str(file)] = path

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the temporary folder."""
        if self._made is not None:
            shutil.rmtree(self._made)
