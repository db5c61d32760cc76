"""Two source tarballs of the kernel in, a bare git repository out: the way from the older to the newer as fifty
people with habits of their own would have gone it.

    habits.py DIR OLD.tar.xz NEW.tar.xz [--folders FOLDER...] [--commits N]

    habits.py /tmp/habits /usr/src/linux-source-6.1.tar.xz /usr/src/linux-source-6.12.tar.xz --folders fs/btrfs mm

What differs in a file is cut into steps of a few hunks, and a file that is new grows function by function. Most people
commit one step at a time; some take several files at once, rename a file on the way, revert what they did and do it
again, work on a branch that is merged, or bring in a whole folder in one commit. Some write masks that contradict
themselves, and mend all of them late: so there are remarks that many later commits may have to do with. The steps of
all files are mixed, in an order that their paths decide. `main` is the branch and `base` a tag; the same tarballs give
the same commits.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from history import ALWAYS, EVERY, START, File, files, quoted

FOLDERS = ("fs", "mm", "block")
AUTHORS = 50
CARELESS, TIDY, RENAMER = range(20, 30), range(30, 36), range(36, 40)
REVERTER, MERGER, SYNCER = range(40, 44), range(44, 48), range(48, 50)
HUNKS = 3  # of one step, at most
TOGETHER = 6  # steps of a commit to several files, or of a branch
GROWTH = 2  # functions that a new file grows by in one step
MASK, WRONG = b"GFP_KERNEL)", b"GFP_KERNEL | GFP_NOFS)"
_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
_END = re.compile(rb"(?<=\n\}\n)")


class Step(NamedTuple):
    """A file as it is after one of its steps; `key` orders the steps of all files."""

    key: bytes
    path: str
    content: bytes | None


def number(*parts: object) -> int:
    """A number that some values decide, and nothing else."""
    said = "\0".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.sha256(said).digest()[:4], "big")


def author(path: str) -> int:
    """Who works on a file: neighbours are in the same hands, and large folders in many."""
    return number(path.rpartition("/")[0], number(path) % 12) % AUTHORS


def keyed(path: str, states: Sequence[bytes | None]) -> Iterator[Step]:
    """The states of a file in their order, at places that its path decides."""
    if author(path) in CARELESS:
        late = len(states) * 4 // 5
        states = [one.replace(MASK, WRONG, at) if one and at < late else one for at, one in enumerate(states)]
    places = sorted(hashlib.sha256(f"{path}\0{at}".encode()).digest() for at in range(len(states)))
    return (Step(place, path, state) for place, state in zip(places, states, strict=True))


def growth(text: bytes) -> list[bytes | None]:
    """A new file: first what stands above its functions, then more and more of these."""
    parts = _END.split(text)
    return [b"".join(parts[:end]) for end in (*range(1, len(parts), GROWTH), len(parts))]


def changes(old: bytes, new: bytes, hunks: Sequence[tuple[int, int, int, int]], path: str) -> list[bytes | None]:
    """An old file on its way to the new one, some hunks at a time."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    states: list[bytes | None] = []
    at = 0
    while at < len(hunks):
        at += 1 + number(path, at) % HUNKS
        made: list[bytes] = []
        place = 0
        for start, gone, begin, count in hunks[:at]:
            made += before[place:start] + after[begin : begin + count]
            place = start + gone
        states.append(b"".join((*made, *before[place:])))
    return states


def hunks(old: Path, new: Path) -> Mapping[str, list[tuple[int, int, int, int]]]:
    """What differs between two folders: by path, the first row from 0 and the count of each hunk, old and new."""
    command = ["git", "diff", "--no-index", "--no-renames", "-U0", "--no-color", str(old), str(new)]
    said = subprocess.run(command, capture_output=True, check=False).stdout.decode("utf-8", "surrogateescape")
    found: dict[str, list[tuple[int, int, int, int]]] = {}
    for section in said.split("\ndiff --git "):
        name = re.search(rf"^\+\+\+ b{re.escape(str(new))}/(.*?)\t?$", section, re.MULTILINE)
        if name is None:
            continue
        for one in _HUNK.finditer(section):
            start, gone, begin, count = (int(part) if part is not None else 1 for part in one.groups())
            found.setdefault(name[1], []).append((start - (gone > 0), gone, begin - (count > 0), count))
    return found


def lay(folder: Path, wanted: Mapping[str, File]) -> None:
    for path, file in wanted.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.content)


def steps(old: Mapping[str, File], new: Mapping[str, File]) -> Iterator[Step]:
    """All steps of all files, in no order."""
    both = {path for path in old.keys() & new.keys() if old[path].content != new[path].content}
    with tempfile.TemporaryDirectory() as scratch:
        for name, tree in (("old", old), ("new", new)):
            lay(Path(scratch) / name, {path: tree[path] for path in both})
        differing = hunks(Path(scratch) / "old", Path(scratch) / "new")
    for path in sorted(both & differing.keys()):
        yield from keyed(path, changes(old[path].content, new[path].content, differing[path], path))
    for path in sorted(new.keys() - old.keys()):
        yield from keyed(path, growth(new[path].content))
    for path in sorted(old.keys() - new.keys()):
        yield from keyed(path, [None])


class Import:
    """What `git fast-import` is told, see git-fast-import(1): files as they are on `main`, and commits."""

    def __init__(self, stream: IO[bytes], tree: dict[str, bytes]) -> None:
        self.stream, self.tree, self.count = stream, tree, 0
        self.names: dict[str, str] = {}  # what a file is called where it has been renamed

    def commit(
        self, who: int, subject: str, made: Mapping[str, bytes | None], branch: str = "main", more: str = ""
    ) -> None:
        """Files that are None are removed. `more`: further lines of the commit's head, as from and merge."""
        self.count += 1
        name = b"Author %d <author%d@example.org> %d +0000\n" % (who, who, START + EVERY * self.count)
        text = f"{subject}\n\nWhy.\n\nSigned-off-by: Author {who} <author{who}@example.org>\n".encode()
        self.stream.write(b"commit refs/heads/%s\ncommitter %s" % (branch.encode(), name))
        self.stream.write(b"data %d\n%s\n%s" % (len(text), text, more.encode()))
        for path, content in made.items():
            if content is None:
                self.stream.write(b"D %s\n" % quoted(path))
            else:
                self.stream.write(b"M 100644 inline %s\ndata %d\n%s\n" % (quoted(path), len(content), content))
        if branch == "main":
            for path, content in made.items():
                if content is None:
                    self.tree.pop(path, None)
                else:
                    self.tree[path] = content

    def step(self, steps: Sequence[Step]) -> dict[str, bytes | None]:
        """The files of some steps under the names that they have by now."""
        return {self.names.get(one.path, one.path): one.content for one in steps}


def told(to: Import, who: int, some: list[Step]) -> None:
    """Some steps of one author in a row, as this one is used to commit them."""
    subject = f"{some[0].path.rpartition('/')[0].replace('/', ': ')}: {some[0].path.rpartition('/')[2]} goes on"
    if who in TIDY or who in SYNCER:
        to.commit(who, subject, to.step(some))
        return
    if who in MERGER:
        branch = f"topic-{to.count}"
        to.stream.write(b"reset refs/heads/%s\nfrom refs/heads/main\n\n" % branch.encode())
        for one in some:
            to.commit(who, subject, to.step([one]), branch)
        to.commit(who, f"Merge {branch}", to.step(some), more=f"merge refs/heads/{branch}\n")
        return
    for one in some:
        made = to.step([one])
        path, content = next(iter(made.items()))
        had = to.tree.get(path)
        if who in RENAMER and had is not None and content is not None and number(path, to.count) % 4 == 0:
            moved = path.replace(".c", "_core.c") if "_core" not in path else path.replace("_core.c", ".c")
            if moved != path and moved not in to.tree:
                to.names[one.path] = moved
                made = {path: None, moved: content}
        to.commit(who, subject, made)
        if who in REVERTER and content is not None and had is not None and number(path, to.count) % 3 == 0:
            to.commit(who, f'Revert "{subject}"', {path: had})
            to.commit(who, f'Reapply "{subject}"', {path: content})


def batches(every: Sequence[Step]) -> Iterator[tuple[int, list[Step]]]:
    """The steps in their order, with those together that somebody commits or merges together."""
    waiting: dict[int, list[Step]] = {}
    for one in every:
        who = author(one.path)
        most = {True: TOGETHER, who in SYNCER: 40, who not in TIDY and who not in MERGER and who not in SYNCER: 1}[True]
        waiting.setdefault(who, []).append(one)
        if len(waiting[who]) >= most:
            yield who, waiting.pop(who)
    yield from waiting.items()


def build(folder: Path, old: Path, new: Path, folders: Sequence[str], most: int | None) -> None:
    """Make the repository if there is none."""
    if (folder / "HEAD").is_file():
        return
    before = {one.path: one for one in files(old, folders) if one.mode != b"120000"}
    after = {one.path: one for one in files(new, folders) if one.mode != b"120000"}
    always = {path: one.content for path, one in after.items() if path.startswith(ALWAYS)}
    every = sorted(one for one in steps(before, after) if not one.path.startswith(ALWAYS))
    subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", str(folder)], check=True)
    command = ["git", "-C", str(folder), "fast-import", "--quiet", "--depth=20", "--active-branches=4"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        to = Import(process.stdin, {})
        to.commit(0, "the older source", {path: one.content for path, one in before.items()} | always)
        to.stream.write(b"reset refs/tags/base\nfrom refs/heads/main\n\n")
        for who, some in batches(every):
            if most is not None and to.count > most:
                break
            told(to, who, some)
        process.stdin.close()
    if process.returncode:
        raise SystemExit(f"git fast-import failed; {folder} is of no use")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("old", type=Path, metavar="OLD.tar.xz")
    parser.add_argument("new", type=Path, metavar="NEW.tar.xz")
    parser.add_argument("--folders", nargs="+", default=FOLDERS, help="%(default)s")
    parser.add_argument("--commits", type=int, metavar="N", help="about so many after the base")
    given = parser.parse_args()
    build(given.folder, given.old, given.new, given.folders, given.commits)
    for kind in ("--no-merges", "--merges"):
        said = subprocess.run(
            ["git", "-C", given.folder, "rev-list", "--count", kind, "base..main"], capture_output=True
        )
        print(f"{given.folder}: {said.stdout.decode().strip()} commits ({kind.strip('-')})")


if __name__ == "__main__":
    main()
