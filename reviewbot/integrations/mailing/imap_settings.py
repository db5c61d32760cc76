"""Reads what git's own settings say of an IMAP server, and asks git's credential helpers for its password."""

from __future__ import annotations

import subprocess
import urllib.parse
from collections.abc import Mapping

from msgspec import Struct

from reviewbot.integrations.mailing.transport import NotHandedOut
from reviewbot.model.errors import ConfigError, InputError

_PORTS = {"imap": 143, "imaps": 993}
_PATIENCE = 10  # seconds for git config; a person may take any time for a password


class ImapSettings(Struct, frozen=True):
    """The server of imap.* in git's configuration. `tunnel`: the command that leads to it, if it is no host."""

    host: str
    port: int
    encrypted: bool
    user: str = ""
    password: str = ""
    verify: bool = True
    tunnel: str = ""

    @property
    def shown(self) -> str:
        """The server in a sentence."""
        return "the tunnel of imap.tunnel" if self.tunnel else self.host

    def credentials(self) -> tuple[str, str]:
        """User and password; git asks for what it does not know. Raises NotHandedOut where nobody has them."""
        if self.user and self.password:
            return self.user, self.password
        answer = self._credential("fill", {"username": self.user} if self.user else {})
        if "username" not in answer or "password" not in answer:
            raise NotHandedOut(f"no password for {self.host}: git credential fill gives none")
        return answer["username"], answer["password"]

    def approved(self, user: str, password: str) -> None:
        """Tell git's helpers that a password was right, so that they may keep it."""
        if not self.password:
            self._credential("approve", {"username": user, "password": password})

    def rejected(self, user: str, password: str) -> None:
        """Tell git's helpers that a password was wrong, so that they forget it."""
        if not self.password:
            self._credential("reject", {"username": user, "password": password})

    def _credential(self, action: str, more: Mapping[str, str]) -> dict[str, str]:
        host = self.host if self.port == _PORTS[self._protocol] else f"{self.host}:{self.port}"
        asked = {"protocol": self._protocol, "host": host, **more}
        given = "".join(f"{key}={value}\n" for key, value in asked.items()) + "\n"
        try:
            done = subprocess.run(
                ["git", "credential", action], input=given, stdout=subprocess.PIPE, text=True, check=False
            )
        except OSError as error:
            raise NotHandedOut(f"git cannot be started: {error.strerror}") from error
        return dict(line.partition("=")[::2] for line in done.stdout.splitlines() if "=" in line)

    @property
    def _protocol(self) -> str:
        return "imaps" if self.encrypted else "imap"


def imap_settings() -> ImapSettings:
    """The server that git is set up for. Raises ConfigError where there is none."""
    tunnel, host = _setting("imap.tunnel"), _setting("imap.host")
    if not tunnel and not host:
        raise ConfigError("git's settings name no IMAP server: git config --global imap.host imaps://imap.example.org")
    url = urllib.parse.urlsplit(host if "://" in host else f"imap://{host}")
    if url.scheme not in _PORTS or not (url.hostname or tunnel):
        raise ConfigError(f"imap.host is {host!r}, but must be like imaps://imap.example.org")
    port = _setting("imap.port")
    try:
        number = int(port) if port else url.port or _PORTS[url.scheme]
    except ValueError as error:
        raise ConfigError(f"imap.port is {port or host!r}, which is no port") from error
    return ImapSettings(
        url.hostname or "localhost",
        number,
        url.scheme == "imaps",
        _setting("imap.user"),
        _setting("imap.pass"),
        _setting("imap.sslverify").lower() not in ("false", "no", "off", "0"),
        tunnel,
    )


def _setting(key: str) -> str:
    try:
        asked = ["git", "config", "--get", key]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as error:
        raise InputError(f"git config cannot be read: {error}") from error
    return done.stdout.strip()
