"""Writes files into a folder that others may write to as well, and touches nothing but its own of before."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from reviewbot.filesystem.files import reason_of, write_file
from reviewbot.model.errors import InputError

_HEAD = 1024  # bytes of a file in which its mark stands


def replace_owned(folder: Path, contents: Mapping[str, bytes], mark: bytes) -> list[Path]:
    """Write files, each whole or not at all, and remove those of an earlier run that are none of them any more.

    `contents`: by path within the folder, which is made if it is missing; `mark`: what stands in the first kilobyte of
    each of our files and in nobody else's. Returns the paths that were removed. Raises InputError, before anything is
    written, where a file of somebody else has one of these names.
    """
    for path in (folder / name for name in contents):
        if os.path.lexists(path) and not _is_owned(path, mark):
            raise InputError(f"{path} is there already and was not written by reviewbot: choose another folder")
    try:
        for parent in sorted({(folder / name).parent for name in contents}):
            parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make {error.filename}: {reason_of(error)}") from error
    for name, content in contents.items():
        write_file(folder / name, content)
    gone = [path for path in _of_before(folder, contents) if _is_owned(path, mark)]
    for path in gone:
        try:
            path.unlink()
        except OSError as error:
            raise InputError(f"cannot remove {path}: {reason_of(error)}") from error
    return gone


def _of_before(folder: Path, contents: Mapping[str, bytes]) -> Iterable[Path]:
    """Files beside ours, of the same kind."""
    kept = {folder / name for name in contents}
    kinds = sorted({(path.parent, path.suffix) for path in kept})
    return [path for parent, kind in kinds for path in sorted(parent.glob(f"*{kind}")) if path not in kept]


def _is_owned(path: Path, mark: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return path.is_file() and not path.is_symlink() and mark in file.read(_HEAD)
    except OSError:
        return False
