"""Applies a series to its base commit, so that each patch knows the trees before and after it.

Each patch is applied to an index in a temporary folder, as git-apply(1) does with --cached: no work tree, HEAD, index
or hook of the repository is used. Patches that do not apply have no trees, and say why.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.git import base as treebase
from reviewbot.git.base import Base
from reviewbot.git.command import GitResult, TooLong
from reviewbot.git.kernel_versions import kernel_in
from reviewbot.git.repository import Repository
from reviewbot.model.errors import UsageError
from reviewbot.model.kernel import Version
from reviewbot.model.patch import FileChange, Patch, Series, Unread
from reviewbot.patch import parse

_GLOB = str.maketrans({sign: f"\\{sign}" for sign in "*?[]"})
_WHOLE = "whole files"  # what is not read of a patch without trees


class AppliedSeries(Struct, frozen=True):
    """A series with the trees of its patches. `base`: None if it applies to no commit; `reason`: what did not apply."""

    series: Series
    base: Base | None
    reason: str = ""


def apply_series(repository: Repository, series: Series, asked: str | None, branches: Sequence[str]) -> AppliedSeries:
    """Find the base commit of a series and apply it there, patch by patch.

    `asked`: the base that the user names, None to search; `branches`: names to try. Of several candidates the first
    counts to which all patches apply, else the one to which most do. Patches that do not apply keep their hunks alone,
    and say why. Raises UsageError if `asked` is no commit here.
    """
    reasons: list[str] = []
    best: AppliedSeries | None = None
    most = 0 if asked is None else -1  # what was asked for stays the base, though nothing applies
    tried: set[str] = set()
    try:
        for base in treebase.candidates(repository, series, branches) if asked is None else [_asked(repository, asked)]:
            if isinstance(base, str):
                reasons.append(base)
            elif base.tree not in tried:
                tried.add(base.tree)
                patches, failures = _applied(repository, series.patches, base.tree)
                reasons += [f"on {base.commit[:12]} ({base.how}) patch {one}" for one in failures[:1]]
                if len(patches) - len(failures) > most:
                    most = len(patches) - len(failures)
                    best = AppliedSeries(replace(series, base=base.commit, patches=patches), base)
                if not failures:
                    break
    except TooLong as error:
        reasons.append(str(error))
    if best is None:
        return _unplaced(repository, series, reasons)
    whole = all(patch.after is not None for patch in best.series.patches)
    return best if whole else replace(best, reason="; ".join(reasons))


def _asked(repository: Repository, rev: str) -> Base:
    found = treebase.base_named(repository, rev)
    if not isinstance(found, Base):
        raise UsageError(f"--base {rev}: {found or f'there is no such commit in {repository.path}'}")
    return found


def _unplaced(repository: Repository, series: Series, reasons: Sequence[str]) -> AppliedSeries:
    why = "; ".join(dict.fromkeys(reasons)) or "no branch to try ([tree] branches in config.toml)"
    if series.prerequisites:
        count = len(series.prerequisites)
        why += f"; the series asks for {count} other patch{'' if count == 1 else 'es'} to be applied first"
    advice = "fetch what it is based on, or name a commit with --base"
    if repository.shallow:
        advice = "git fetch --unshallow, or name a commit with --base"
    note = Unread(None, f"{_WHOLE}: {why} ({advice})")
    return AppliedSeries(replace(series, unread=(*series.unread, note)), None, f"{why}: {advice}")


def kernel_of_base(
    repository: Repository, placed: AppliedSeries, headers: Sequence[str]
) -> tuple[Version | None, frozenset[str] | None]:
    """The kernel version in the Makefile of the base, and the names in its headers; None for what is not known."""
    return (None, None) if placed.base is None else kernel_in(repository, placed.base.tree, headers)


# --- applying ---


def _applied(repository: Repository, patches: Sequence[Patch], tree: str) -> tuple[tuple[Patch, ...], list[str]]:
    """The patches, with their trees if they apply, and for each that does not its number and why."""
    started = repository.run("read-tree", tree)
    out: list[Patch] = []
    failures: list[str] = []
    lost: dict[str, str] = {}  # files, and the patch that is not there and would have changed them
    for patch in patches:
        files, unread = parse.parse_diff(patch.diff)
        paths = {path for change in files for path in (change.path, change.old_path) if path is not None}
        paths.update(one.path for one in unread if one.path is not None)
        needed = next((lost[path] for path in sorted(paths) if path in lost), None)
        after = None
        if needed:
            why = f"builds on patch {needed}, which is not applied"
        elif unread or any(one.path is not None for one in patch.unread):
            why = "cannot be applied, its diff is damaged"
        elif started.code:
            why = f"cannot be applied: {_told(started)}"
        else:
            after, why = _apply_in_time(repository, patch, files, tree)
        if after is None:
            name = f"{patch.number}/{patch.total}"
            failures.append(f"{name} {why}")
            lost.update(dict.fromkeys(paths, name))
            out.append(_noted(patch, Unread(None, f"{_WHOLE}: the patch {why}")))
        else:
            hollow = (Unread(one.path, "binary, and the mail does not hold its content") for one in _hollow(files))
            out.append(_noted(replace(patch, before=tree, after=after), *hollow))
            tree = after
    return tuple(out), failures


def _noted(patch: Patch, *notes: Unread) -> Patch:
    return replace(patch, unread=(*patch.unread, *notes))


def _apply_in_time(
    repository: Repository, patch: Patch, files: Sequence[FileChange], tree: str
) -> tuple[str | None, str]:
    try:
        return _apply(repository, patch, files, tree)
    except TooLong as error:  # those before it are applied all the same
        return None, f"cannot be applied: {error}"


def _apply(repository: Repository, patch: Patch, files: Sequence[FileChange], tree: str) -> tuple[str | None, str]:
    """The id of the tree after the patch, and ""; None and the reason if it does not apply."""
    dropped = [change for change in files if _is_dropped(change)]
    for change in dropped:
        if not treebase.is_in(repository, tree, change.path, treebase.old_id(change) or ""):
            there = "different" if repository.entry(tree, change.path) else "not"
            return None, f"does not apply: {change.path} is {there} there"
    left_out = [*_hollow(files), *dropped]
    if len(left_out) < len(files):
        try:
            diff = patch.diff.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return None, "cannot be applied: its diff is no text"
        if diff.split(b"\n", 1)[0].endswith(b"\r"):
            diff = diff.replace(b"\r\n", b"\n")
        excluded = (f"--exclude={change.path.translate(_GLOB)}" for change in left_out)
        options = ("--cached", "--whitespace=nowarn", f"-p{int(_prefixed(files))}", *excluded)
        done = repository.run("apply", *options, "-", stdin=diff + b"\n")  # a blank line ends binary data
        if done.code:
            return None, f"does not apply: {_told(done)}"
    elif not dropped:
        return tree, ""
    if dropped:
        repository.drop(change.path for change in dropped)
    written = repository.run("write-tree")
    if written.code:
        return None, f"cannot be written as a tree: {_told(written)}"
    return written.out.decode("ascii").strip(), ""


def _is_dropped(change: FileChange) -> bool:
    """Whether the diff deletes a file without its content, as git-format-patch(1) does with --irreversible-delete."""
    return change.deleted and not change.hunks and treebase.old_id(change) is not None and not _hollow([change])


def _hollow(files: Sequence[FileChange]) -> list[FileChange]:
    """The files of which the diff says only that they differ: binary ones without their content."""
    return [change for change in files if any(line.startswith("Binary file") for line in change.header)]


def _prefixed(files: Sequence[FileChange]) -> bool:
    """Whether the paths of a diff have a prefix like a/ and b/, which git apply has to know."""
    return not all(_is_bare(change) for change in files)


def _is_bare(change: FileChange) -> bool:
    names = (change.path, change.old_path or change.path)
    lines = {f"{start}{name}" for name in names for start in ("+++ ", "--- ", f"diff --git {names[1]} ")}
    return any(line.split("\t")[0] in lines for line in change.header)


def _told(done: GitResult) -> str:
    """What git says is wrong, in its own words, but shorter."""
    told = done.complaint
    if told.startswith("patch failed: "):
        told = told.removeprefix("patch failed: ") + " is different there"
    return told
