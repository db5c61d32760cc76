"""The life of a list, for watchers: an archive in memory that has the mails that came by now; the clock is moved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace

from letters import mail
from reading import desk
from reviewbot.archive.port import Arrival, Batch
from reviewbot.cli.watching.looking import Looker
from reviewbot.cli.watching.watcher import Watcher
from reviewbot.mail.message import MailMessage, parse_message
from reviewbot.memory import drafts
from reviewbot.memory.memory import Memory
from reviewbot.watch.list_pass import ListResult, Ports
from reviewbot.watch.one_pass import run_pass
from reviewbot.watch.settings import ListOptions

HOUR, DAY = 3_600.0, 86_400.0
START = 1_718_000_000.0  # a day in June 2024
CONFIG = '[mail]\nname = "Ada Reader"\nemail = "ada@reader.example.org"\n'
CLEAN = "+\tfs->count++;\n"
AUTHOR = "Mira Holt <mira@author.example.org>"


def asks(size: int = 64, flag: str = "GFP_KERNEL") -> str:
    """An added line that is wrong below the lock of bug()."""
    return f"+\tfs->name = kmalloc({size}, {flag});\n"


def change(*added: str, function: str = "exfoo_read", path: str = "fs/exfoo/inode.c") -> str:
    """A diff that adds lines below a spinlock of a function."""
    count = len(added)
    return (
        f"diff --git a/{path} b/{path}\nindex 1111111..2222222 100644\n--- a/{path}\n+++ b/{path}\n"
        f"@@ -10,6 +10,{6 + count} @@ static int {function}(struct exfoo *fs)\n"
        f" static int {function}(struct exfoo *fs)\n {{\n \tspin_lock(&fs->lock);\n{''.join(added)}"
        " \tfs->busy = 1;\n \tspin_unlock(&fs->lock);\n \treturn 0;\n"
    )


def patch(subject: str, key: str, diff: str, **more: object) -> bytes:
    """A patch mail as git send-email writes it, to a list."""
    body = f"Why this is done.\n\nSigned-off-by: {more.get('by', AUTHOR)}\n---\n x | 1 +\n\n{diff}-- \n2.43.0\n\n"
    extra = "To: linux-exfoo@vger.kernel.org\n" + str(more.pop("extra", ""))
    return mail(subject, body, key, by=more.pop("by", AUTHOR), extra=extra, **more)


def reply(key: str, to: str, text: str, by: str = "Bob Other <bob@example.org>", extra: str = "") -> bytes:
    return mail("Re: [PATCH] exfoo: x", text, key, to=to, by=by, extra=extra)


class ListArchive:
    """Mails by the time at which they arrive; new() hands out those that are there by `clock`."""

    def __init__(self, clock: Clock, batch: int = 3) -> None:
        self.clock, self.batch = clock, batch
        self.mails: list[Arrival] = []
        self.broken: Exception | None = None
        self.hidden: set[str] = set()  # ids that no search finds
        self.threads = 0

    def put(self, when: float, *raws: bytes) -> None:
        self.mails += [Arrival(raw, when) for raw in raws]
        self.mails.sort(key=lambda one: one.when)

    def new(self, cursor: str, since: float) -> Iterator[Batch]:
        if self.broken is not None:
            raise self.broken
        there = [one for one in self.mails if one.when <= self.clock() and self._found(one.raw)]
        at = int(cursor) if cursor else next((n for n, one in enumerate(there) if one.when >= since), len(there))
        while at < len(there):
            part = there[at : at + self.batch]
            at += len(part)
            yield Batch(tuple(part), str(at))

    def _found(self, raw: bytes) -> bool:
        return not self.hidden or _parsed(raw).mail.message_id not in self.hidden

    def named(self, title: str, author: str, since: float) -> tuple[bytes, ...]:
        return ()

    def thread(self, message_id: str) -> tuple[bytes, ...]:
        """All that hang together by In-Reply-To and References."""
        self.threads += 1
        there = [(one.raw, _parsed(one.raw)) for one in self.mails if one.when <= self.clock()]
        known = {message_id}
        for _ in there:
            for _raw, one in there:
                ids = {one.mail.message_id, *one.mail.references}
                if ids & known:
                    known |= ids
        return tuple(raw for raw, one in there if one.mail.message_id in known)


@cache
def _parsed(raw: bytes) -> MailMessage:
    return parse_message(raw)


class Clock:
    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> float:
        return self.at


class Life:
    """A list that is watched with the real rules; `put` mails, `after` some hours have a pass."""

    def __init__(self, folder: Path, memory: Memory, config: str = "", **given: object) -> None:
        (folder / "config.toml").write_text(CONFIG + config)
        self.setup = desk("--config", str(folder / "config.toml"))
        self.memory, self.clock = memory, Clock()
        self.archive = ListArchive(self.clock)
        self.list = ListOptions("exfoo", "memory", **given)
        self.said: list[str] = []
        self.told: list[str] = []
        self.watcher = Watcher(self.setup)
        self._looker = Looker(self.setup, [self.list])

    def put(self, *raws: bytes, hours: float = 0) -> None:
        """Let mails arrive so many hours from now."""
        self.archive.put(self.clock.at + hours * HOUR, *raws)

    def ports(self) -> Ports:
        return Ports(
            archive=lambda _: self.archive,
            look=lambda works: map(self._looker, works),
            desk=self.watcher.desk,
            now=self.clock,
            own="ada@reader.example.org",
            mail_bytes=1_000_000,
            say=self.said.append,
            tell=self.told.append,
        )

    def after(self, hours: float) -> ListResult:
        """Have a pass so many hours later."""
        self.clock.at += hours * HOUR
        (result,) = run_pass(self.memory, [self.list], self.setup.config.watch, self.ports())
        return result

    def drafts(self, *states: str) -> list[drafts.KeptDraft]:
        return list(drafts.kept(self.memory, states or drafts.OPEN))

    def series(self) -> list[SimpleNamespace]:
        rows = self.memory.rows("SELECT subject, state, reason FROM series ORDER BY number")
        return [SimpleNamespace(subject=one, state=two, reason=three) for one, two, three in rows]


@contextmanager
def life(folder: Path, config: str = "", **given: object) -> Iterator[Life]:
    with Memory.open(folder / "memory.sqlite") as memory:
        yield Life(folder, memory, config, **given)
