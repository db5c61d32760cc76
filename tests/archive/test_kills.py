"""A process that reads an archive, killed wherever it is: the next one goes on, and each mail is read once."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

import reviewbot
from arrivals import FIRST, Epoch, letter

MAILS = 1_500
READER = """\
import json, os, sys, time
from arrivals import names
from reviewbot.archive.places import open_archive
from reviewbot.archive.port import ArchiveOptions

place, state = sys.argv[1:]
known = json.load(open(state)) if os.path.exists(state) else {"cursor": "", "names": []}
archive = open_archive(place, ArchiveOptions(), time.time, time.sleep, print)
for batch in archive.new(known["cursor"], 0.0):
    known = {"cursor": batch.cursor, "names": known["names"] + names(batch.mails)}
    with open(state + ".new", "w") as stream:
        json.dump(known, stream)
    os.replace(state + ".new", state)
    time.sleep(0.01)
print("end")
"""


def maildir(folder: Path) -> Path:
    for part in ("new", "cur"):
        (folder / part).mkdir(parents=True)
    for number in range(MAILS):
        path = folder / "new" / f"{FIRST + number}.m{number}.host"
        path.write_bytes(letter(f"m{number}", FIRST + number))
        os.utime(path, (FIRST + number, FIRST + number))
    return folder


def mbox(path: Path) -> Path:
    mails = (letter(f"m{number}", FIRST + number) for number in range(MAILS))
    path.write_bytes(b"".join(b"From a@example.org Thu Oct  9 08:53:20 2025\n" + mail + b"\n" for mail in mails))
    return path


def clone(folder: Path) -> Path:
    (folder / "git").mkdir(parents=True)
    for number in range(3):
        part = range(number * MAILS // 3, (number + 1) * MAILS // 3)
        Epoch(folder / "git" / f"{number}.git").add([(letter(f"m{at}", FIRST + at), FIRST + at) for at in part])
    return folder


@pytest.mark.parametrize("make", [maildir, mbox, clone])
def test_no_mail_is_lost_and_none_comes_twice(make, tmp_path):
    place, state = make(tmp_path / "list"), tmp_path / "state"
    chance = random.Random(make.__name__)
    top = Path(reviewbot.__file__).parents[1]
    env = {**os.environ, "PYTHONPATH": f"{top}:{Path(__file__).parents[1] / 'helpers'}"}
    killed = 0
    for _ in range(60):
        with subprocess.Popen(
            [sys.executable, "-c", READER, str(place), str(state)], env=env, stdout=subprocess.PIPE, text=True
        ) as reader:
            begun = time.monotonic()
            before = state.stat().st_mtime_ns if state.exists() else 0
            while reader.poll() is None and time.monotonic() - begun < 20:
                if (state.stat().st_mtime_ns if state.exists() else 0) != before and chance.random() < 0.4:
                    break
                time.sleep(0.004)
            reader.kill()
            said = reader.communicate()[0]
        if said == "end\n":
            break
        killed += 1
    assert killed >= 3, "it was killed on the way"
    assert json.loads(state.read_text())["names"] == [f"m{number}" for number in range(MAILS)]
