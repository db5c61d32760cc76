"""Posts checks to a Patchwork server, unless they are there already. One that fails stops no other.

The API is that of Patchwork 2.2 and later (patchwork/api/check.py, REST 1.2 and 1.3). Checks can only be added there,
never changed, and all of them stay visible. So the newest check is read first, and read again before another try to
post: a post whose answer was lost may have arrived.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct, field

from reviewbot.integrations.patchwork.checks import PatchCheck
from reviewbot.integrations.patchwork.client import RequestFailed, Server
from reviewbot.report.origin import same_subject

VERSIONS = ("1.3", "1.2")  # of the API; a server answers 404 to one that it does not have
MOST_PAGES = 20
_PAGE = 100  # checks; a server may give fewer
_FIRST_WAIT = 0.5  # seconds, doubled for each further try
_LONGEST_WAIT = 30.0

POSTED, THERE, WOULD = "posted", "already there", "would be posted"


class Outcome(Struct, frozen=True):
    """What became of a check. `what`: POSTED, THERE or WOULD; `failed`: why it was not posted, "" unless it failed."""

    check: PatchCheck
    what: str
    failed: str = ""


class Poster(Struct):
    """Posts checks to one server. `retries`: further tries for a check after the first; `user`: who posts.

    With `user` "" the newest check of a context counts, whoever posted it. `say` gets lines of progress. Without
    `really` nothing is posted.
    """

    server: Server
    project: str
    user: str
    retries: int
    say: Callable[[str], None]
    really: bool = True
    _versions: list[str] = field(default_factory=lambda: list(VERSIONS))

    def post(self, checks: Sequence[PatchCheck]) -> Iterator[Outcome]:
        """Post the checks one after the other. After a failure that all would meet, the others are not tried."""
        hopeless = ""
        for check in checks:
            if hopeless:
                yield Outcome(check, "", hopeless)
                continue
            try:
                yield Outcome(check, self._patiently(check))
            except RequestFailed as failure:
                hopeless = str(failure) if failure.everywhere else ""
                yield Outcome(check, "", str(failure))

    def _patiently(self, check: PatchCheck) -> str:
        for tried in range(self.retries + 1):
            try:
                return self._once(check)
            except RequestFailed as failure:
                wait = self._wait(tried, failure)
                self.say(f"{failure}: trying again in {wait:.1f} seconds")
            time.sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _wait(self, tried: int, failure: RequestFailed) -> float:
        """The seconds to wait after the failed try number `tried` (from 0); raises the failure if no try is left."""
        if not failure.again or tried >= self.retries:
            raise failure
        # apart from each other, or all that were turned away together come back together
        wait = min(_FIRST_WAIT * 2.0**tried, _LONGEST_WAIT) * random.uniform(0.5, 1.0)  # noqa: S311
        wait = max(wait, failure.wait or 0.0)
        if time.monotonic() + wait >= self.server.until:
            asked = f", and asks for {failure.wait:.0f} seconds" if failure.wait else ""
            raise RequestFailed(
                f"{failure}{asked}: no time is left for that (seconds under [patchwork] in config.toml)",
                everywhere=failure.wait is not None,
            )
        return wait

    def _once(self, check: PatchCheck) -> str:
        patch = self._patch(check)
        newest = self._newest(patch, check.context)
        if newest == (check.state, check.description, check.target_url):
            return THERE
        if not self.really:
            return WOULD
        content = {"state": check.state, "context": check.context, "description": check.description}
        content |= {"target_url": check.target_url} if check.target_url else {}
        self._ask(f"patches/{patch}/checks/", post=content)
        return POSTED

    # --- requests ---

    def _ask(self, path: str, post: object = None, **query: str | int) -> Any:
        return self.server.ask(f"api/{self._versions[0]}/{path}", query, post)

    def _patch(self, check: PatchCheck) -> int:
        """The server's id of the patch that a check is for. Raises RequestFailed if there is none, or more than one."""
        for message_id in check.origin.ids:
            found = [one for one in self._named(message_id) if _is_it(one, message_id)]
            if check.origin.subject:
                found = [one for one in found if same_subject(_text(one, "name"), check.origin.subject)]
            if len(found) > 1:
                names = self.server.shown(", ".join(_text(one.get("project"), "link_name") for one in found))
                raise RequestFailed(f"it is in several projects ({names}): name one with --patchwork-project")
            if found:
                return int(found[0]["id"])
        where = f"{self.server.address.host}{f' (project {self.project})' if self.project else ''}"
        what = f"no patch {check.origin.ids[0]}" if check.origin.ids else "no patch"
        like = " with this subject" if check.origin.subject else ""
        raise RequestFailed(f"{where} has {what}{like}: it may not have arrived there, or be in another project")

    def _named(self, message_id: str) -> list[dict[str, Any]]:
        query: dict[str, str | int] = {"msgid": message_id}
        if self.project:
            query["project"] = self.project
        while True:
            try:
                return _listed(self._ask("patches/", **query).json, "patches")
            except RequestFailed as failure:
                if failure.status != 404:
                    raise
                if len(self._versions) == 1:
                    raise RequestFailed(
                        f"there is no Patchwork 2.2 or later at {self.server.address.url}", everywhere=True
                    ) from failure
                del self._versions[0]

    def _newest(self, patch: int, context: str) -> tuple[str, str, str] | None:
        """The state, description and URL of our newest check of a context, None if there is none."""
        found: list[dict[str, Any]] = []
        for page in range(1, MOST_PAGES + 1):
            answer = self._ask(f"patches/{patch}/checks/", context=context, page=page, per_page=_PAGE)
            found += (one for one in _listed(answer.json, "checks") if self._is_ours(one, context))
            if not answer.more:
                break
        else:
            raise RequestFailed(
                f"{self.server.address.host} has no end of checks for this patch: {MOST_PAGES} pages were read"
            )
        if not found:
            return None
        last = max(found, key=lambda one: int(one["id"]))
        return _text(last, "state"), _text(last, "description"), _text(last, "target_url")

    def _is_ours(self, check: dict[str, Any], context: str) -> bool:
        who = _text(check.get("user"), "username")
        return check.get("context") == context and self.user.lower() in ("", who.lower())


# --- answers, which are checked ---


def _listed(found: Any, what: str) -> list[dict[str, Any]]:
    """A list of objects that each have a positive `id`. Raises RequestFailed for anything else."""
    if type(found) is not list or not all(type(one) is dict and _number(one.get("id")) for one in found):
        raise RequestFailed(f"the server sent something that is no list of {what}: is it a Patchwork?")
    return found


def _number(value: Any) -> bool:
    return type(value) is int and value > 0


def _is_it(patch: dict[str, Any], message_id: str) -> bool:
    """Whether a patch has the message id. A server that does not know the filter would give us all its patches."""
    return _text(patch, "msgid").strip().removeprefix("<").removesuffix(">") == message_id


def _text(table: Any, key: str) -> str:
    """The text of a key, "" if it has none: Patchwork sends null for an empty one."""
    value = table.get(key) if type(table) is dict else None
    return value if type(value) is str else ""
