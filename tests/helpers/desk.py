"""A repository to work in, and `reviewbot local` or `range` run in it: what it says, and nothing there is changed."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import pytest

from command import Command, Done
from kerneltree import KernelTree, snapshot

WHOLE = """\
#include <linux/slab.h>

int made(struct x *x)
{
	unsigned int flags;
	void *p;

	flags = memalloc_nofs_save();
	p = kmalloc(8, GFP_KERNEL);
	x->p = p;
	memalloc_nofs_restore(flags);
	return 0;
}
"""
LEAK = WHOLE.replace("\tx->p = p;\n", "\tif (!p)\n\t\treturn -ENOMEM;\n\tx->p = p;\n")
MENDED = LEAK.replace("\t\treturn -ENOMEM;\n", "\t\tgoto out;\n").replace("\tmemalloc_n", "out:\n\tmemalloc_n")
MENDED = MENDED.replace("out:\n\tmemalloc_nofs_save", "\tmemalloc_nofs_save")
FILE = "fs/exfoo/a.c"
LINE = LEAK.split("\n").index("\t\treturn -ENOMEM;") + 1  # what is wrong with LEAK
PLACE = re.compile(r"^([^ ].*?):(\d+): (?:note|warning|error): .* \[(.+), (?:low|medium|high)\]$", re.M)


class Desk:
    """`folder` is the work tree; the first commit has fs/exfoo/a.c, with nothing wrong in it."""

    runs = "local"

    def __init__(self, command: Command, folder: Path) -> None:
        self.kernel = KernelTree(folder)
        self.folder, self.base = folder, self.kernel.commit("exfoo: made()", {FILE: WHOLE})
        self.command, self.run = command, Command.__call__
        command.work = folder
        self.temporary = folder.parent / "temporary"
        self.temporary.mkdir(exist_ok=True)
        (command.home / ".gitconfig").write_text("[user]\n\tname = A\n\temail = a@b\n")

    def write(self, path: str, text: str | bytes) -> None:
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text if isinstance(text, bytes) else text.encode())

    def stage(self, path: str, text: str | bytes) -> None:
        self.write(path, text)
        self.kernel.git("add", path)

    def __call__(self, *options: str | Path, stdin: bytes = b"", **env: str) -> Done:
        """Run it, and see that it leaves nothing and changes nothing."""
        before = snapshot(self.folder)
        given = {"stdin": stdin} if stdin else {}
        done = self.run(self.command, self.runs, *options, **given, TMPDIR=str(self.temporary), **env)
        assert "Traceback" not in done.err
        assert "mistake of reviewbot's own" not in done.err, done.err
        assert snapshot(self.folder) == before
        assert list(self.temporary.iterdir()) == []
        return done

    def remarks(self, *options: str | Path, **env: str) -> list[tuple[str, int, str]]:
        """Path, line and rule of each remark as they are printed."""
        return [(path, int(line), rule) for path, line, rule in PLACE.findall(self(*options, **env).out)]

    def groups(self, *options: str | Path, **env: str) -> dict[str, list[str]]:
        """What was reviewed by its subject, with the rules of the remarks that nothing settles."""
        found = json.loads(self(*options, "--format", "json", **env).out)
        return {
            patch["subject"]: [one["rule"] for one in patch["findings"] if one["resolved_by"] is None]
            for patch in found["patches"]
        }

    def unread(self, *options: str | Path, **env: str) -> list[tuple[str | None, str]]:
        found = json.loads(self(*options, "--format", "json", **env).out)
        parts = [*found["unread"], *(part for patch in found["patches"] for part in patch["unread"])]
        return [(part["path"], part["reason"]) for part in parts]


class Span(Desk):
    """The same for `reviewbot range`."""

    runs = "range"

    def at(self, folder: Path) -> Span:
        """As this one, in another folder."""
        other = copy.copy(self)
        other.command, other.kernel = copy.copy(self.command), copy.copy(self.kernel)
        other.folder = other.command.work = other.kernel.folder = folder
        return other

    @property
    def quick(self) -> Span:
        """As this one, without processes of its own."""
        other = copy.copy(self)
        other.run = Command.inside
        return other

    def found(self, *options: str | Path, **env: str) -> dict:
        """The object for programs."""
        return json.loads(self(*options, "--format", "json", **env).out)

    def resolved(self, *options: str | Path) -> dict[str, list[str | None]]:
        """By the subject of a commit, what settles its sure remarks: the subject of another, or nothing."""
        patches = self.found(*options)["patches"]
        names = {patch["commit"][:12]: patch["subject"] for patch in patches}
        return {
            patch["subject"]: [names.get(one["resolved_by"]) for one in found]
            for patch in patches
            if (found := [one for one in patch["findings"] if one["confidence"] == "high"])
        }


@pytest.fixture
def desk(command: Command, tmp_path: Path) -> Desk:
    return Desk(command, tmp_path / "linux")
