"""Checks in, what became of them on a Patchwork of our own out."""

from __future__ import annotations

import time

import pytest

from patchworkserver import TOKEN, patchwork
from reviewbot.integrations.patchwork import poster as patchwork_module
from reviewbot.integrations.patchwork.checks import PatchCheck
from reviewbot.integrations.patchwork.client import Server, ServerAddress, Token
from reviewbot.integrations.patchwork.poster import Poster
from reviewbot.report.origin import MailOrigin

ID = "20240101.1-1-a@example.org"
URL = "https://ci.example.org/1"


@pytest.fixture
def there():
    with patchwork() as server:
        yield server


@pytest.fixture
def hurry(monkeypatch):
    monkeypatch.setattr(patchwork_module, "_FIRST_WAIT", 0.1)


def check(message_id=ID, state="success", description="no remarks", target_url=URL, subject="", context="bot"):
    return PatchCheck("1/1 a patch", MailOrigin((message_id,), subject), state, context, description, target_url)


def post(server, *checks, project="", user="", retries=2, seconds=20.0, timeout=5.0, token=TOKEN, said=None):
    """What became of each check: posted, there, or why not."""
    name = server if isinstance(server, str) else server.url
    until = time.monotonic() + seconds
    speaks = Server(ServerAddress(name), Token(token, "it"), timeout, until)
    say = said.append if said is not None else lambda _: None
    try:
        poster = Poster(speaks, project, user, retries, say)
        return [one.failed or one.what for one in poster.post(checks or [check()])]
    finally:
        speaks.close()
