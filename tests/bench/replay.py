"""How many patch mails a replay reviews in a second, and whether its memory stays flat: a table.

    python tests/bench/replay.py [--mails 20000]
    python tests/bench/replay.py --archive DIR       some archive of yours instead

Mails are made by this script: patches of one to five hunks of thirty lines. Of ten one allocates below a lock, which is
wrong, one beside it, one only locks, one only allocates, and six do neither; a list has fewer of the first. They are
put into a git repository as public-inbox has it, and the program replays it, first a tenth of them and then all.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "helpers"), str(TESTS.parent)]

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from arrivals import Epoch  # noqa: E402 - the path is set above
from letters import mail  # noqa: E402

START, APART = 1_700_000_000, 60  # seconds
CONFIG = '[mail]\nname = "Ada Reader"\nemail = "ada@reader.example.org"\n'
BODY = (
    "\tstruct exfoo_item *item;\n\tint i, err = 0;\n\n\tif (!fs->items)\n\t\treturn -ENOENT;\n\n"
    "\tfor (i = 0; i < fs->count; i++) {\n\t\titem = &fs->items[i];\n\t\tif (item->busy)\n\t\t\tcontinue;\n"
    "\t\terr = exfoo_put(fs, item);\n\t\tif (err)\n\t\t\tbreak;\n\t}\n"
)
DONE = "\tfs->done = 1;\n"


class Run(NamedTuple):
    """What one replay took: `peak` in MiB, of the largest of its processes."""

    mails: int
    seconds: float
    peak: float
    said: str


def hunk(function: str, at: int, kind: int) -> str:
    """A hunk of some thirty lines: 0 allocates below a lock, 1 beside one, 2 only locks, 3 only allocates."""
    lock = kind in (0, 1, 2)
    inside = "\tfs->name = kmalloc(fs->size, GFP_KERNEL);\n" if kind == 0 else "\tfs->busy++;\n"
    grows = f"\tfs->more = kcalloc({at}, sizeof(*fs->more), GFP_KERNEL);\n"
    old = [f"static int {function}(struct exfoo *fs)\n", "{\n", *BODY.splitlines(True)]
    rows = [f" {line}" for line in old]
    rows += [" \tspin_lock(&fs->lock);\n"] * lock + [f"+{inside}"] + [" \tspin_unlock(&fs->lock);\n"] * lock
    rows += [f"+{grows if kind in (1, 3) else DONE}", " \treturn err;\n", " }\n"]
    count = sum(1 for row in rows if row[0] == " ")
    return f"@@ -{at},{count} +{at},{count + 2} @@\n{''.join(rows)}"


def patches(count: int) -> list[tuple[bytes, float]]:
    """So many patch mails of several authors, each with the time at which it came."""
    chance = random.Random(15)
    made = []
    for number in range(count):
        name, by = f"fs/exfoo/f{number % 97}.c", f"Author {number % 300} <a{number % 300}@example.org>"
        kind, count = chance.randrange(10), chance.choice((1, 1, 2, 3, 5))
        hunks = [hunk(f"exfoo_{number}_{at}", 10 + at * 60, kind) for at in range(count)]
        head = f"diff --git a/{name} b/{name}\nindex 1111111..2222222 100644\n--- a/{name}\n+++ b/{name}\n"
        text = f"Why this is done, in a sentence.\n\nSigned-off-by: {by}\n---\n {name} | 2 ++\n\n{head}{''.join(hunks)}"
        to = "To: linux-exfoo@vger.kernel.org\n"
        made.append(
            (mail(f"[PATCH] exfoo: part {number}", text, f"p{number}", by=by, extra=to), START + number * APART)
        )
    return made


def replay(archive: Path, folder: Path, mails: int) -> Run:
    """Replay an archive in a process of its own."""
    config = folder / "config.toml"
    config.write_text(CONFIG)
    memory = folder / f"{archive.name}-{mails}.sqlite"
    env = {**os.environ, "PYTHONPATH": str(TESTS.parent), "XDG_CACHE_HOME": str(folder / "cache")}
    command = [sys.executable, "-m", "reviewbot", "watch", "--replay", str(archive), "--memory", str(memory)]
    begun = time.monotonic()
    done = subprocess.run([*command, "--config", str(config)], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return Run(mails, time.monotonic() - begun, peak, done.stdout)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--mails", type=int, default=20_000)
    options.add_argument("--archive", type=Path)
    given = options.parse_args()
    table = Table("mails", "seconds", "mails a second", "peak MiB")
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.archive is not None:
            runs = [replay(given.archive.resolve(), folder, 0)]
        else:
            runs = []
            for count in (given.mails // 10, given.mails):
                epoch = Epoch(folder / f"{count}.git")
                epoch.add(patches(count))
                runs.append(replay(epoch.folder, folder, count))
    for run in runs:
        table.add_row(str(run.mails), f"{run.seconds:.1f}", f"{run.mails / run.seconds:.0f}", f"{run.peak:.0f}")
    console.print(table)
    console.print(runs[-1].said)


if __name__ == "__main__":
    main()
