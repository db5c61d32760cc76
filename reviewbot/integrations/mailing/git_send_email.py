"""Sends a draft with git send-email, set up as the user's git is, in such a way that nothing in the mail changes.

Options of the command line go before what git is configured with. They are those of git 2.20 and later; what only later
versions know is switched off by a setting, which earlier ones do not read.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reviewbot.drafts.mail_text import between_commas, header_of
from reviewbot.filesystem.files import reason_of, write_file
from reviewbot.filesystem.temporary import temporary
from reviewbot.integrations import foreground
from reviewbot.integrations.mailing.transport import MaybeHandedOut, NotHandedOut
from reviewbot.mail import headers
from reviewbot.memory.drafts import KeptDraft
from reviewbot.model.errors import InputError
from reviewbot.support.escape import clip, visible

_MISSING = (
    "git send-email is not installed; Debian and Ubuntu have it in the package git-email, Fedora in git-email, "
    "Arch in git with perl-authen-sasl and perl-io-socket-ssl. --maildir and --imap go without it"
)
_SETTINGS = ("headercmd=true", "mailmap=false")  # of sendemail.*: nothing is added, no recipient replaced
_OPTIONS = (
    *("--confirm=never", "--no-annotate", "--no-validate", "--no-format-patch"),
    *("--no-thread", "--no-chain-reply-to", "--no-xmailer"),
    # no recipients but those of the mail, and of sendemail.bcc; `true` adds none
    *("--no-to", "--no-cc", "--to-cmd=true", "--cc-cmd=true", "--suppress-cc=all"),
)
# what it says before a server has seen the mail
_BEFORE = (
    *("Unable to initialize SMTP properly", "SMTP server is not properly defined", "Server does not support STARTTLS"),
    *(
        "STARTTLS failed",
        "unable to extract a valid address",
        "Can't locate ",
        "can't open file",
        "is not a git command",
    ),
)
_LINES = 40  # of what it printed
_CODINGS = ("7bit", "8bit", "quoted-printable", "base64")


class GitSendEmail:
    """git send-email, with one of its identities, "" for the usual one."""

    name, does = "git send-email", "sends"

    def __init__(self, identity: str) -> None:
        self._identity = identity

    def check(self) -> None:
        """Raise InputError where it is not installed."""
        found = _run(["git", "--exec-path"])
        if not Path(found.stdout.strip(), "git-send-email").exists():
            raise InputError(_MISSING)

    def plan(self, draft: KeptDraft) -> Sequence[str]:
        """The command, and what git says that it would do: the server and everybody who gets it."""
        with _file(draft) as path:
            command = self._command(draft, path)
            done = _run([*command[:-1], "--dry-run", command[-1]])
        lines = [shlex.join([*command[:-1], path.name])]
        if done.returncode:
            return [*lines, f"git refuses it: {_last(done.stderr or done.stdout)}"]
        log = done.stdout.partition("Log says:\n")[2].splitlines()
        told = (line for line in log if line.startswith(("Server: ", "Sendmail: ", "MAIL FROM:", "RCPT TO:")))
        return [*lines, *(visible(line) for line in told)]

    def hand_out(self, draft: KeptDraft, lock: int) -> str:
        """Send it. As long as git runs, it holds the lock, also where this program is ended meanwhile."""
        with _file(draft) as path, foreground.patient():
            done = _run(self._command(draft, path), lock)
        if done.returncode == 0:
            return "is sent"
        told = done.stderr + done.stdout
        why = f"git send-email ended with {done.returncode}: {_last(told)}"
        if any(text in told for text in _BEFORE):
            raise NotHandedOut(why)
        raise MaybeHandedOut(why)

    def has(self, draft: KeptDraft) -> bool:
        """Nothing lies here: only the archive of the list knows."""
        return False

    def _command(self, draft: KeptDraft, path: Path) -> list[str]:
        head = header_of(draft.mail)
        coding = headers.text(head, "content-transfer-encoding").lower()
        sender = headers.decoded_words(headers.header(head, "from"))
        names = ("sendemail", *([f"sendemail.{self._identity}"] if self._identity else []))
        return [
            "git",
            *(word for name in names for one in _SETTINGS for word in ("-c", f"{name}.{one}")),
            "send-email",
            *([f"--identity={self._identity}"] if self._identity else []),
            # another sender than the mail's would get a line of its own in the text
            *([f"--from={sender}"] if sender else []),
            # the encoding that it has: another one would be a body that nobody has read
            *([f"--transfer-encoding={coding}"] if coding in _CODINGS else []),
            *_OPTIONS,
            # the Cc of a mail counts only where no setting suppresses it, and what is suppressed adds up
            *(f"--cc={one.strip()}" for one in between_commas(headers.header(head, "cc")) if one.strip()),
            str(path),
        ]


@contextmanager
def _file(draft: KeptDraft) -> Iterator[Path]:
    """A file with the mail, as long as it is needed."""
    with temporary() as folder:
        path = folder / f"draft-{draft.number}.eml"
        write_file(path, draft.mail)
        yield path


def _run(command: Sequence[str], lock: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run git in the terminal, which it may ask for a password. Raises InputError where there is no git."""
    try:
        return subprocess.run(
            command,
            stdin=None if lock is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env={**os.environ, "LANGUAGE": "C"},  # what it says is read
            pass_fds=() if lock is None else (lock,),
        )
    except OSError as error:
        raise NotHandedOut(f"git cannot be started: {reason_of(error)}") from error


def _last(said: str) -> str:
    """The last lines that a program has printed, as one."""
    lines = [" ".join(line.split()) for line in said.splitlines()[-_LINES:] if line.strip()]
    return visible(clip(" / ".join(lines[-3:]) or "it gives no reason", 400))
