"""Drafts in, a maildir of them out; and templates/*.txt into the texts that replies are made of.

Every draft is one file under DIR/new, named for its patch and its message id. mutt opens DIR as a
folder or as its postponed messages (`mutt -e 'set postponed=DIR' -p`), and `git send-email FILE` takes
the same file. Who edits a draft owns it: what has the message id of a draft is never written again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from email.parser import BytesHeaderParser
from pathlib import Path
from string import Template

from reviewbot.files import because
from reviewbot.model import ConfigError, InputError, UsageError
from reviewbot.report.mail import PLACEHOLDERS, REQUIRED, Draft, Texts

_HEAD = 65_536  # bytes of a file in which its Message-ID is looked for
_LARGEST_TEXT = 65_536


def write(drafts: Iterable[Draft], folder: Path) -> tuple[list[Path], list[Path]]:
    """Put the drafts that are not there yet into the maildir `folder`: the files written, and those kept.

    The folder is made where it is missing. Raises UsageError where it is no folder, InputError where it
    cannot be written; a draft is there whole or not at all.
    """
    written: list[Path] = []
    kept: list[Path] = []
    try:
        _open(folder)
        known = _known(folder)
        for draft in drafts:
            path = folder / "new" / _file_name(draft)
            there = known.get(draft.message_id, path)
            if there.exists():
                kept.append(there)
            else:
                _deliver(draft.content, folder / "tmp" / path.name, path)
                written.append(path)
    except OSError as error:
        raise InputError(f"cannot write drafts to {folder}: {because(error)}") from error
    return written, kept


def load_texts(folder: Path) -> Texts:
    """The templates of replies. Raises ConfigError, naming file and placeholder, for what cannot be filled."""
    found = {name.replace("-", "_"): _load(folder / f"{name}.txt", name) for name in PLACEHOLDERS}
    return Texts(**found)


def _open(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; drafts need a folder")
    for part in ("tmp", "new", "cur"):
        (folder / part).mkdir(parents=True, exist_ok=True)


def _known(folder: Path) -> dict[str, Path]:
    """The message ids of what the folder holds, whatever a mail program renamed or the user edited."""
    ids: dict[str, Path] = {}
    for part in ("new", "cur"):
        for path in sorted((folder / part).iterdir()):
            if path.is_file():
                with path.open("rb") as file:
                    header = BytesHeaderParser().parsebytes(file.read(_HEAD))
                ids.setdefault(str(header["Message-ID"] or "").strip().strip("<>"), path)
    return ids


def _file_name(draft: Draft) -> str:
    """Sorted by patch, told apart by message id; nothing of the mail but letters and digits gets in."""
    words = re.sub(r"\[[^\]]{0,200}\]", " ", draft.subject.removeprefix("Re: "))
    slug = re.sub(r"[^A-Za-z0-9]+", "-", words)[:48].strip("-").lower() or "draft"
    unique = re.sub(r"[^0-9a-z]+", "", draft.message_id.partition("@")[0].removeprefix("reviewbot."))[:24]
    return f"{draft.number:04d}-{slug}.{unique}.eml"


def _deliver(content: bytes, temporary: Path, path: Path) -> None:
    """By way of tmp/, as maildir(5) wants it, so that nobody meets half a mail."""
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _load(path: Path, name: str) -> str:
    try:
        with path.open("rb") as file:
            source = file.read(_LARGEST_TEXT).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8") from error
    except OSError as error:
        raise ConfigError(f"{path}: {because(error)}") from error
    template = Template(source)
    if not template.is_valid():
        raise ConfigError(f"{path}: a $ that begins no placeholder; write $$ for a dollar sign")
    used = set(template.get_identifiers())
    for word in sorted(used - PLACEHOLDERS[name]):
        allowed = ", ".join(f"${{{known}}}" for known in sorted(PLACEHOLDERS[name])) or "none"
        raise ConfigError(f"{path}: unknown placeholder ${{{word}}}; known here: {allowed}")
    for word in sorted(REQUIRED.get(name, frozenset()) - used):
        raise ConfigError(f"{path}: the placeholder ${{{word}}} is missing")
    return source
