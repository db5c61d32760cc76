"""Who speaks in a draft: a person, who edits and sends it, or a service with an address of its own.

RFC 3834, section 5: Auto-Submitted must not stand on a message that a person wrote or edited, and on a direct answer of
a program it is "auto-replied". A person's draft therefore has no such field, nor any other that a mail program would
not write: to other programs it is the review of a person. Patchwork leaves out messages with X-Patchwork-Hint: ignore.
"""

from __future__ import annotations

from msgspec import Struct

from reviewbot import __version__
from reviewbot.report.reply import SERVICE
from reviewbot.support.escape import one_line


class Sender(Struct, frozen=True):
    """From whom drafts are, and what they say of themselves.

    `role`: a word of ROLES. Of a person `disclose` adds a line that names reviewbot. Of a service `contact` is the
    address of those who can stop it, `operator` their name, and `unlisted` keeps its mails out of Patchwork.
    """

    name: str
    email: str
    role: str = "person"
    contact: str = ""
    operator: str = ""
    disclose: bool = True
    unlisted: bool = False

    @property
    def service(self) -> bool:
        """Whether nobody edits what is sent."""
        return self.role == SERVICE

    @property
    def reached_at(self) -> str:
        """Where to complain."""
        return one_line(self.contact) or self.email


def own_fields(sender: Sender) -> list[str]:
    """The header lines that tell other programs what a mail is: none for a person's.

    There is no List-Unsubscribe: a list sets its own, and a second one would take people off the list.
    """
    if not sender.service:
        return []
    lines = ["Auto-Submitted: auto-replied", "Precedence: bulk", f"X-Mailer: reviewbot {__version__}"]
    if sender.unlisted:
        lines.append("X-Patchwork-Hint: ignore")
    return [*lines, f"Robot-Unsubscribe: Contact <mailto:{sender.contact}>"]
