"""A small Patchwork on loopback: its REST API as far as checks go, written from what patchwork/api/ does.

Checks can be added and neither changed nor removed; a filter that makes no sense finds nothing; a page that is not the
last has a Link header; a token that nobody has is 401, one that may not is 403. What a test wants to go wrong is put
in front of it: `before` sees every request first, and may answer it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from httpserver import Handler, Server, serve

TOKEN = "0123456789abcdef0123456789abcdef01234567"
OTHER = "76543210fedcba9876543210fedcba9876543210"  # of somebody who may not post
STATES = ("pending", "success", "warning", "fail")
PATH = re.compile(r"/api/([0-9.]+)/patches/(?:([0-9]+)/checks/)?")


@dataclass
class Patchwork:
    patches: list[dict] = field(default_factory=list)
    checks: dict[int, list[dict]] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=lambda: {TOKEN: "bot", OTHER: "guest"})
    versions: tuple[str, ...] = ("1.0", "1.1", "1.2", "1.3")
    page: int = 100  # entries, at most
    before: Callable[[Handler], bool] = lambda _: False
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)  # method, path, Authorization
    server: Server | None = None

    @property
    def url(self) -> str:
        return f"http://{self.server.name}"

    def patch(self, message_id: str, name: str = "[1/1] a patch", project: str = "fs") -> int:
        """A patch that came by mail."""
        number = 100 + len(self.patches)
        entry = {"id": number, "msgid": f"<{message_id}>", "name": name, "project": {"link_name": project}}
        self.patches.append(entry)
        self.checks[number] = []
        return number

    def check(self, patch: int, context: str, user: str = "bot", **other: object) -> None:
        """A check that somebody else posted."""
        values = {"state": "success", "target_url": None, "description": None, **other}
        number = 1 + sum(map(len, self.checks.values()))
        self.checks[patch].append({"id": number, "user": {"username": user}, "context": context, **values})

    def said(self, patch: int) -> list[tuple[str, str | None]]:
        """The checks of a patch, oldest first."""
        return [(check["state"], check["description"]) for check in self.checks[patch]]

    def posts(self) -> int:
        return sum(method == "POST" for method, *_ in self.requests)

    # --- answers ---

    def answer(self, to: Handler) -> None:
        posted = to.body() if to.command == "POST" else b""  # read first: who hangs up on it loses the answer
        self.requests.append((to.command, to.path, to.headers["Authorization"]))
        if self.before(to):
            return
        url = urlsplit(to.path)
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        path = PATH.fullmatch(url.path)
        if not path or path[1] not in self.versions:
            to.send(404, b"<h1>Not Found</h1>", "text/html")
            return
        user = self._user(to.headers["Authorization"])
        if user is None:
            send(to, 401, {"detail": "Invalid token."})
        elif path[2] is None:
            self._list(to, self._found(query, path[1]), query)
        elif int(path[2]) not in self.checks:
            send(to, 404, {"detail": "Not found."})
        elif to.command == "POST":
            self._add(to, int(path[2]), user, posted)
        else:
            asked = {key: query[key] for key in ("context", "state") if key in query}
            found = [one for one in self.checks[int(path[2])] if all(one[key] == asked[key] for key in asked)]
            self._list(to, found, query)

    def _user(self, header: str | None) -> str | None:
        """None for a token that nobody has, "" for no token: that may read."""
        if header is None:
            return ""
        return self.users.get(header.removeprefix("Token ")) if header.startswith("Token ") else None

    def _found(self, query: dict[str, str], version: str) -> list[dict]:
        projects = {patch["project"]["link_name"] for patch in self.patches}
        if "project" in query and query["project"] not in projects:
            return []
        found = [
            one for one in self.patches if query.get("project", one["project"]["link_name"]) in str(one["project"])
        ]
        if "msgid" in query and version >= "1.2":
            return [one for one in found if one["msgid"] == f"<{query['msgid']}>"]
        return found

    def _list(self, to: Handler, rows: list[dict], query: dict[str, str]) -> None:
        size = min(int(query.get("per_page", 30)), self.page)
        at = int(query.get("page", 1))
        if at > 1 and (at - 1) * size >= len(rows):
            send(to, 404, {"detail": "Invalid page."})
            return
        links = []
        if at * size < len(rows):
            links.append(f'<{self.url}/next>; rel="next"')  # an address that leads nowhere: nobody should go there
        if at > 1:
            links.append(f'<{self.url}/prev>; rel="prev"')
        send(to, 200, rows[(at - 1) * size : at * size], **({"Link": ", ".join(links)} if links else {}))

    def _add(self, to: Handler, patch: int, user: str, posted: bytes) -> None:
        if user != "bot":
            send(to, 403, {"detail": "You do not have permission to perform this action."})
            return
        data = json.loads(posted)
        wrong = {}
        if data.get("state") not in STATES:
            wrong["state"] = ["A check must have a state."]
        if not re.fullmatch(r"[-a-zA-Z0-9_]{1,255}", data.get("context", "default")):
            wrong["context"] = ["Enter a valid slug."]
        if not re.fullmatch(r"https?://[^\s/]+\.[^\s]{1,180}", data.get("target_url", "http://a.b")):
            wrong["target_url"] = ["Enter a valid URL."]
        if wrong or to.headers["Content-Type"] != "application/json":
            send(to, 400, wrong)
            return
        self.check(patch, data.get("context", "default"), user, **{key: data[key] for key in data if key != "context"})
        send(to, 201, self.checks[patch][-1])


def send(to: Handler, status: int, content: object, **headers: str) -> None:
    to.send(status, json.dumps(content).encode(), "application/json", **headers)


@contextmanager
def patchwork() -> Iterator[Patchwork]:
    there = Patchwork()
    with serve(there.answer) as there.server:
        yield there
