"""Says where on a server the pages of the drafts are, and what stands in every form on them."""

from __future__ import annotations

from urllib.parse import quote

from msgspec import Struct

STYLE, SCRIPT = "drafts.css", "drafts.js"


class PagePlace(Struct, frozen=True):
    """Where the pages are. `top`: the path above all of them, with "/" at its end; `secret`: what each form sends back.

    `archive`: the public-inbox server that mails of the lists are shown by, "" for none.
    """

    top: str
    secret: str
    archive: str = ""

    def draft(self, number: int) -> str:
        """The path of the page of a draft."""
        return f"{self.top}drafts/{number}"

    def message(self, message_id: str) -> str:
        """The address of a message in the archive, "" where there is none."""
        return f"{self.archive.rstrip('/')}/{quote(message_id, safe='@')}/" if self.archive and message_id else ""
