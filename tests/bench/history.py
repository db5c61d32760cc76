"""Two source tarballs of the kernel in, a bare git repository out: the older source, then a commit for each file that
the newer one has otherwise.

    history.py DIR OLD.tar.xz NEW.tar.xz [--folders FOLDER...] [--commits N] [--before N]

    history.py /tmp/history /usr/src/linux-source-6.1.tar.xz /usr/src/linux-source-6.12.tar.xz

`main` is its branch and `base` a tag: base..main are some thousand commits of one file each, in an order that mixes
the folders, as a real history does. The same tarballs give the same commits. --before puts so many commits between the
older source and `base` that no other bench looks at: what has to be walked over when nothing is found. One in fifty
of them changes a file under HOT, the others notes that were never in the kernel.

build() does the same for other programs. A DIR that is there already is taken as it is: remove it to make it anew.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

FOLDERS = ("fs", "mm", "block", "kernel", "lib", "net")
ALWAYS = (
    "Makefile",
    "include/linux/gfp.h",
    "include/linux/gfp_types.h",
    "include/linux/sched",
)  # say which kernel it is
HOT = ("fs/ext4/readpage.c", "mm/mempool.c", "block/bio.c", "lib/scatterlist.c")
WHO = b"A Developer <developer@example.org>"
START = 1_600_000_000  # seconds; a commit every ten minutes
EVERY = 600


class File(NamedTuple):
    """`mode` as git writes it; a link's content is its target."""

    path: str
    mode: bytes
    content: bytes


def files(tarball: Path, folders: Sequence[str]) -> Iterator[File]:
    """The files of a tarball below some folders ("" for all of it), without the folder that all of it stands in."""
    starts = tuple(f"{folder}/" for folder in (*folders, *ALWAYS))
    with tarfile.open(tarball, "r|*") as archive:
        for member in archive:
            path = member.name.removeprefix("./").partition("/")[2]
            if not (path.startswith(starts) or path in ALWAYS or ("" in folders and path)):
                continue
            if member.issym():
                yield File(path, b"120000", member.linkname.encode())
            elif member.isfile():
                found = archive.extractfile(member)
                assert found is not None
                yield File(path, b"100755" if member.mode & 0o100 else b"100644", found.read())


class _Import:
    """What `git fast-import` is told, see git-fast-import(1)."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream, self.commits = stream, 0

    def commit(self, subject: str) -> None:
        self.commits += 1
        date = START + EVERY * self.commits
        self.stream.write(b"commit refs/heads/main\ncommitter %s %d +0000\n" % (WHO, date))
        self._data(subject.encode() + b"\n\nWhy.\n\nSigned-off-by: " + WHO + b"\n")

    def file(self, file: File) -> None:
        self.stream.write(b"M %s inline %s\n" % (file.mode, quoted(file.path)))
        self._data(file.content)

    def remove(self, path: str) -> None:
        self.stream.write(b"D %s\n" % quoted(path))

    def base(self) -> None:
        self.stream.write(b"reset refs/tags/base\nfrom refs/heads/main\n\n")

    def _data(self, data: bytes) -> None:
        self.stream.write(b"data %d\n%s\n" % (len(data), data))


def quoted(path: str) -> bytes:
    return b'"%s"' % path.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def _digest(file: File) -> bytes:
    return hashlib.sha256(file.mode + b"\0" + file.content).digest()


def build(
    folder: Path, old: Path, new: Path, folders: Sequence[str] = FOLDERS, most: int | None = None, before: int = 0
) -> int:
    """Make the repository if there is none; the number of commits in base..main."""
    if not (folder / "HEAD").is_file():
        subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", str(folder)], check=True)
        command = ["git", "-C", str(folder), "fast-import", "--quiet", "--depth=20", "--active-branches=2"]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            _tell(_Import(process.stdin), old, new, folders, most, before)
            process.stdin.close()
        if process.returncode:
            raise SystemExit(f"git fast-import failed; {folder} is of no use")
    count = subprocess.run(
        ["git", "-C", str(folder), "rev-list", "--count", "base..main"], check=True, capture_output=True
    )
    return int(count.stdout)


def _tell(told: _Import, old: Path, new: Path, folders: Sequence[str], most: int | None, before: int) -> None:
    had: dict[str, bytes] = {}
    hot: list[File] = []
    told.commit("the older source")
    for file in files(old, folders):
        told.file(file)
        had[file.path] = _digest(file)
        if file.path in HOT:
            hot.append(file)
    for at in range(before):
        told.commit(f"before: {at}")
        if hot and at % 50 == 0:
            path, mode, content = hot[at // 50 % len(hot)]
            told.file(File(path, mode, content + b"/* %d */\n" % at))
        else:
            told.file(File(f"notes/{at % 97}/{at % 89}.txt", b"100644", b"%d\n" % at))
    told.commit("before: the end")
    for file in hot:
        told.file(file)
    told.base()
    for path, file_or_none in _changes(had, new, folders)[:most]:
        told.commit(f"{path.rpartition('/')[0].replace('/', ': ')}: {path.rpartition('/')[2]} as it is later")
        if file_or_none is None:
            told.remove(path)
        else:
            told.file(file_or_none)


def _changes(had: dict[str, bytes], new: Path, folders: Sequence[str]) -> list[tuple[str, File | None]]:
    """What differs, in an order that depends on the paths alone and follows none of them."""
    left = set(had)
    changes: list[tuple[str, File | None]] = []
    for file in files(new, folders):
        left.discard(file.path)
        if had.get(file.path) != _digest(file):
            changes.append((file.path, file))
    changes += [(path, None) for path in left]
    return sorted(changes, key=lambda change: hashlib.sha256(change[0].encode()).digest())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("old", type=Path, metavar="OLD.tar.xz")
    parser.add_argument("new", type=Path, metavar="NEW.tar.xz")
    parser.add_argument("--folders", nargs="+", default=FOLDERS, help='"" for all of the source; %(default)s')
    parser.add_argument("--commits", type=int, metavar="N", help="no more than these after the base")
    parser.add_argument("--before", type=int, metavar="N", default=0, help="commits that stand before the base")
    given = parser.parse_args()
    made = build(given.folder, given.old, given.new, given.folders, given.commits, given.before)
    print(f"{given.folder}: base..main has {made} commits")


if __name__ == "__main__":
    main()
