"""docs/watch-archives.md: what it names as an archive is one, and its commands make one."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
import tomllib
from pathlib import Path

import pytest

from arrivals import FIRST, Epoch, letter, read
from inbox import Inbox
from pages import page
from patientworld import World
from reviewbot.archive.places import open_archive
from reviewbot.archive.port import ArchiveOptions
from reviewbot.watch.settings import list_of

PAGE = page("docs/watch-archives.md")
LINES = re.findall(r"^    (\S.*)$", PAGE, re.M)
PLACES = dict(re.findall(r"^\| `(.+?)` \| (.+?) \|", PAGE, re.M))


def line(begin: str) -> str:
    return next(one for one in LINES if one.startswith(begin))


@pytest.mark.parametrize("place", [one for one in PLACES if one != "archive"])
def test_each_place_is_an_archive(place, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    path = Path(place).expanduser()
    if "clone" in PLACES[place]:
        (path / "git").mkdir(parents=True)
        Epoch(path / "git" / "0.git")
    elif "maildir" in PLACES[place]:
        for part in ("new", "cur"):
            (path / part).mkdir(parents=True)
    elif "mbox" in PLACES[place]:
        path.parent.mkdir()
        path.write_bytes(letter("a", FIRST))
    kind = type(open_archive(place, ArchiveOptions(), time.time, time.sleep, print)).__name__
    expected = {"server": "Server", "clone": "Cloned", "maildir": "Maildir", "mbox": "Mbox", "lei": "Lei"}
    assert kind == next(value for word, value in expected.items() if word in PLACES[place]) + "Archive"


def test_the_table_of_a_list_can_be_read():
    text = "\n".join(one for one in LINES if "=" in one or one == "[[list]]")
    (table,) = tomllib.loads(text)["list"]
    given = list_of(table, "here")
    assert given.archive in PLACES and given.query == "dfn:fs/exfoo/*"


def test_the_commands_for_a_clone_make_one_and_update_it(inbox: Inbox, tmp_path):
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}

    def run(begin: str) -> None:
        command = line(begin).replace("https://lore.kernel.org/linux-mm", inbox.url).replace("~", str(tmp_path))
        subprocess.run(shlex.split(command), env=env, check=True, capture_output=True)

    inbox.deliver(letter("first", FIRST))
    run("git clone")
    place = str(tmp_path / "mail/linux-mm")
    world = World(FIRST)
    found, cursor, _ = read(world.open(place))
    assert found == ["first"]
    inbox.deliver(letter("second", FIRST + 60))
    run("git -C")
    assert read(world.open(place), cursor)[0] == ["second"]


def test_a_query_like_that_of_the_page_works(inbox: Inbox):
    body = "Why.\n---\n fs/exfoo/a.c | 1 +\n\ndiff --git a/fs/exfoo/a.c b/fs/exfoo/a.c\n"
    body += "--- a/fs/exfoo/a.c\n+++ b/fs/exfoo/a.c\n@@ -1 +1,2 @@\n a\n+b\n-- \n2.47.0\n"
    inbox.deliver(letter("patch", FIRST + 120, body=body))
    inbox.deliver(letter("other", FIRST + 180, body=body.replace("exfoo", "exbar")))
    inbox.refresh()
    query = tomllib.loads(line("query"))["query"]
    found, _, _ = read(World(FIRST + 3_600).open(inbox.url, ArchiveOptions(query=query)), since=FIRST)
    assert found == ["patch"]
