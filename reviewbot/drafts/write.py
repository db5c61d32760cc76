"""Writes drafts into a maildir; and loads templates/*.txt, from which they are made.

Every draft is one file under DIR/new, named after its patch and its message id. mutt opens DIR as a folder or as its
postponed messages (`mutt -e 'set postponed=DIR' -p`), and `git send-email FILE` takes the same file. A draft belongs to
the person who edits it: no draft is written again while a file has its message id, nor when it was written once and is
gone, because it was sent or not wanted.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterable
from pathlib import Path
from string import Template

from msgspec import Struct, field

from reviewbot.drafts.maildir import Maildir
from reviewbot.drafts.placed import PlacedDrafts, file_mark
from reviewbot.filesystem import unfinished
from reviewbot.filesystem.files import read_file, reason_of
from reviewbot.memory.memory import Memory
from reviewbot.model.errors import ConfigError, InputError
from reviewbot.model.review import Review
from reviewbot.report.reply.message import Draft
from reviewbot.report.reply.texts import PLACEHOLDERS, REQUIRED, Texts

_LARGEST_TEXT = 65_536


class Delivery(Struct):
    """The files of drafts: `written` now or `kept` from before; drafts that are `gone`; and what went `wrong`."""

    written: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    gone: list[Draft] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def write_drafts(
    review: Review, drafts: Iterable[Draft], folder: Path, memory: Memory | None, now: float, again: bool = False
) -> Delivery:
    """Add the drafts of a review that are not there yet to the maildir `folder`; with `again` also those that are gone.

    Which are gone the memory knows; without one they are written again. The maildir is made if it is missing. Runs at
    the same time wait for each other. A draft is written whole or not at all. Raises UsageError if `folder` is no
    folder, InputError if it cannot be written.
    """
    done = Delivery()
    try:
        with Maildir(folder) as maildir, unfinished.alone(folder):
            known = maildir.known()
            before = PlacedDrafts(memory, maildir, known, now)
            for draft in drafts:
                if _put(draft, maildir, known, before, done, again):
                    # only now: who is ended in between finds the draft, and not a note of one that never was
                    before.add(draft, review)
            done.wrong.extend((*maildir.wrong, *before.wrong))
    except OSError as error:
        raise InputError(f"cannot write drafts to {folder}: {reason_of(error)}") from error
    return done


def _put(
    draft: Draft, maildir: Maildir, known: dict[str, Path], before: PlacedDrafts, done: Delivery, again: bool
) -> bool:
    """Put a draft there, unless it is; gives whether it has to be remembered."""
    name = _file_name(draft)
    earlier = known.get(before.message_id(draft.asks)) if draft.asks in before else None
    there = earlier or known.get(draft.message_id) or known.get(name)
    if there is None and draft.asks in before and not again:
        done.gone.append(draft)
        return False
    path = maildir.put(name, draft.content) if there is None else None
    if path is not None:
        known[draft.message_id] = path
        done.written.append(path)
    else:
        done.kept.append(there or maildir.path / "new" / name)
    return earlier is None


def load_texts(folder: Path, shipped: Path) -> Texts:
    """Load the templates of replies from `folder`, and those that it does not have from `shipped`.

    Raises ConfigError, which names file and placeholder, if one cannot be filled, or if there is no such folder.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder of templates ([templates] folder)")
    paths = {name: folder / f"{name}.txt" for name in PLACEHOLDERS}
    there = {name: path if os.path.lexists(path) else shipped / path.name for name, path in paths.items()}
    return Texts(**{name.replace("-", "_"): _load(path, name) for name, path in there.items()})


def _file_name(draft: Draft) -> str:
    """The name of a draft's file: number, subject and message id, of which only ASCII letters and digits remain."""
    words = re.sub(r"\[[^\]]{0,200}\]", " ", draft.subject.removeprefix("Re: "))
    slug = re.sub(r"[^A-Za-z0-9]+", "-", words)[:48].strip("-").lower() or "draft"
    return f"{draft.number:04d}-{slug}{file_mark(draft.message_id)}"


def _load(path: Path, name: str) -> str:
    try:
        source = read_file(path, _LARGEST_TEXT).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8") from error
    except OSError as error:
        raise ConfigError(f"{path}: {reason_of(error)}") from error
    template = Template(source)
    if not template.is_valid():
        raise ConfigError(f"{path}: stray $ (write $name, ${{name}} or $$)")
    used = set(template.get_identifiers())
    for word in sorted(used - PLACEHOLDERS[name]):
        allowed = ", ".join(f"${{{known}}}" for known in sorted(PLACEHOLDERS[name])) or "none"
        raise ConfigError(f"{path}: unknown placeholder ${{{word}}}; known here: {allowed}")
    for word in sorted(REQUIRED.get(name, frozenset()) - used):
        raise ConfigError(f"{path}: the placeholder ${{{word}}} is missing")
    return source
