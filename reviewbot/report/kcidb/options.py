"""Names what a submission to KCIDB takes from config.toml."""

from __future__ import annotations

import re

from msgspec import Struct

from reviewbot.model.errors import ConfigError

_ORIGIN = re.compile(r"[a-z0-9_]+")
_PATH = re.compile(r"([a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*)?")


class KcidbOptions(Struct, frozen=True):
    """The keys of [kcidb]."""

    origin: str
    path: str
    fail_on: str
    build_id: str
    tree_name: str
    git_repository_url: str
    patch_url: str

    def check(self) -> None:
        """Raise ConfigError for what KCIDB does not take, or needs and is not there."""
        if not self.origin:
            raise ConfigError(
                "kcidb needs origin under [kcidb] in config.toml: the name that KernelCI has agreed on with you"
            )
        if not _ORIGIN.fullmatch(self.origin):
            raise ConfigError(f"[kcidb] origin is {self.origin!r}; KCIDB takes lower-case letters, digits and _")
        if not _PATH.fullmatch(self.path):
            raise ConfigError(f"[kcidb] path is {self.path!r}, but must be like static.reviewbot")
        if (self.build_id and not _ORIGIN.fullmatch(self.build_id.partition(":")[0])) or "\0" in self.build_id:
            raise ConfigError(f"[kcidb] build_id is {self.build_id!r}, but must be like myorigin:1234")
        if self.git_repository_url and not self.git_repository_url.startswith("https://"):
            raise ConfigError("[kcidb] git_repository_url must begin with https://")
