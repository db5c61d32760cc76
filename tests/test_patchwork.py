"""Checks on a Patchwork: what is posted, and every way in which a server can fail to take it."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reviewbot import patchwork as patchwork_module
from reviewbot.model import ConfigError, ReviewbotError, UsageError
from reviewbot.patchwork import Poster
from reviewbot.patchworkhttp import Address, Server, Token, address
from reviewbot.report.origin import Origin
from reviewbot.report.patchwork import Check

from httpserver import Handler, serve
from patchworkserver import OTHER, TOKEN, Patchwork, patchwork, send

ID = "20240101.1-1-a@example.org"
URL = "https://ci.example.org/1"


@pytest.fixture
def there():
    with patchwork() as server:
        yield server


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    monkeypatch.setattr(patchwork_module, "_FIRST_WAIT", 0.1)


def check(message_id=ID, state="success", description="no remarks", target_url=URL, subject="", context="bot"):
    return Check("1/1 a patch", Origin((message_id,), subject), state, context, description, target_url)


def post(server, *checks, project="", user="", retries=2, seconds=20.0, timeout=5.0, token=TOKEN, said=None):
    """What became of each check: posted, there, or why not."""
    name = server if isinstance(server, str) else server.url
    until = time.monotonic() + seconds
    speaks = Server(Address(name), Token(token, "it"), timeout, until)
    say = said.append if said is not None else lambda _: None
    try:
        poster = Poster(speaks, project, user, retries, say)
        return [one.failed or one.what for one in poster.post(checks or [check()])]
    finally:
        speaks.close()


# --- a Patchwork that works ---


def test_a_check_is_posted_once(there):
    patch = there.patch(ID)
    assert post(there) == ["posted"]
    assert there.checks[patch][0] | {"id": 0} == {
        "id": 0,
        "user": {"username": "bot"},
        "context": "bot",
        "state": "success",
        "description": "no remarks",
        "target_url": URL,
    }
    assert post(there) == ["already there"]
    assert there.posts() == 1


CHANGES = {
    "state": {"state": "warning"},
    "description": {"description": "1 remark"},
    "url": {"target_url": "https://ci.example.org/2"},
    "no url": {"target_url": ""},
    "context": {"context": "other"},
}


@pytest.mark.parametrize("changed", CHANGES)
def test_what_has_changed_is_posted_again(there, changed):
    there.patch(ID)
    assert post(there) == ["posted"]
    for result in ("posted", "already there"):
        assert post(there, check(**CHANGES[changed])) == [result]
    assert there.posts() == 2


def test_the_newest_check_counts_on_whatever_page_it_is(there):
    patch = there.patch(ID)
    there.page = 3
    for number in range(10):
        there.check(patch, "bot", description=f"run {number}", target_url=URL)
        there.check(patch, "kbuild")
    assert post(there, check(description="run 9")) == ["already there"]
    assert post(there, check(description="run 8")) == ["posted"]
    assert "/next" not in str(there.requests)


def test_somebody_elses_check_of_the_same_name(there):
    patch = there.patch(ID)
    there.check(patch, "bot", "bot", state="fail")
    there.check(patch, "bot", "guest", description="no remarks", target_url=URL)
    assert post(there) == ["already there"]
    assert post(there, user="Bot") == ["posted"]


def test_a_patch_is_found_by_its_id_in_its_project(there):
    there.patch("other@example.org")
    first, second = there.patch(ID, project="fs"), there.patch(ID, project="mm")
    assert post(there) == ["it is in several projects (fs, mm): name one with --patchwork-project"]
    assert post(there, project="mm") == ["posted"]
    assert (there.checks[first], len(there.checks[second])) == ([], 1)
    (failed,) = post(there, check("unknown@example.org"), project="mm")
    assert failed.startswith(f"{there.server.name} (project mm) has no patch unknown@example.org: it may not have")


def test_a_commit_is_posted_to_the_mail_with_its_subject_only(there):
    there.patch("report@example.org", "[bug] fs: it crashes")
    patch = there.patch("v3@example.org", "[v3,2/3] fs: fill it")
    came = Origin(("unknown@example.org", "report@example.org", "v3@example.org"), "fs: fill  it")
    assert post(there, Check("1/1 x", came, "success", "bot", "no remarks", "")) == ["posted"]
    assert len(there.checks[patch]) == 1
    (failed,) = post(there, check("report@example.org", subject="fs: fill it"))
    assert "has no patch report@example.org with this subject" in failed


def test_an_older_api_will_do_but_none_that_ignores_the_id(there):
    there.patch("other@example.org")
    there.patch(ID)
    there.versions = ("1.0", "1.1", "1.2")
    assert post(there) == ["posted"]
    there.versions = ("1.0", "1.1")
    assert post(there, check(), check()) == [f"there is no Patchwork 2.2 or later at {there.url}"] * 2


def test_a_server_that_ignores_the_id_gets_no_check():
    """Patchwork before API 1.2 lists all that it has."""

    def answer(to: Handler) -> None:
        send(to, 200, [{"id": 1, "msgid": "<other@example.org>", "name": "x"}])

    with serve(answer) as server:
        assert "has no patch" in post(f"http://{server.name}")[0]


# --- one that refuses ---


def test_a_wrong_token_is_said_once_and_not_tried_again(there):
    there.patch(ID)
    wrong = "f" * 40
    failed = post(there, check(), check("b@example.org"), token=wrong)
    assert (
        failed
        == [f"{there.server.name} does not know this token: Patchwork shows the right one in your user profile"] * 2
    )
    assert len(there.requests) == 1


def test_a_token_that_may_not_post(there):
    there.patch(ID)
    there.patch("b@example.org")
    failed = post(there, check(), check("b@example.org"), token=OTHER)
    assert all("does not let the token's user post checks" in one for one in failed)
    assert there.posts() == 2


def test_one_that_fails_does_not_stop_the_others(there):
    patch = there.patch(ID)
    there.patch("b@example.org")
    del there.checks[patch]
    results = post(
        there, check(), check("none@example.org"), check("b@example.org", state="neutral"), check("b@example.org")
    )
    assert results[0] == f'{there.server.name} answered 404: {{"detail": "Not found."}}'
    assert "has no patch none@example.org" in results[1]
    assert results[2] == f'{there.server.name} answered 400: {{"state": ["A check must have a state."]}}'
    assert results[3] == "posted"


# --- one that is busy or broken ---


def failing(there: Patchwork, method: str, *answers):
    """The first so many requests of a method go wrong."""
    rest = list(answers)

    def before(to: Handler) -> bool:
        if to.command != method or not rest:
            return False
        return rest.pop(0)(to) is not False

    there.before = before
    return rest


def status(number, **headers):
    return lambda to: send(to, number, {"detail": "not now"}, **headers)


def cut(to: Handler) -> None:
    to.send_response(200)
    to.send_header("Content-Length", "1000")
    to.end_headers()
    to.wfile.write(b'[{"id": 1')


def hang_up(to: Handler) -> None:
    to.connection.close()


def silent(to: Handler) -> None:
    time.sleep(0.5)


AGAIN = {
    "500": status(500),
    "502": status(502),
    "503": status(503, **{"Retry-After": "0"}),
    "429": status(429, **{"Retry-After": "1"}),
    "429 until a date": status(429, **{"Retry-After": formatdate(0, usegmt=True)}),
    "429 in no time": status(429, **{"Retry-After": "soon"}),
    "an answer that is cut": cut,
    "no answer": hang_up,
    "silence": silent,
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("case", AGAIN)
def test_what_passes_is_tried_again(there, case, method):
    patch = there.patch(ID)
    rest = failing(there, method, AGAIN[case])
    said = []
    begin = time.monotonic()
    assert post(there, timeout=0.3, said=said) == ["posted"]
    assert time.monotonic() - begin >= (1.0 if case == "429" else 0.05)
    assert len(there.checks[patch]) == 1 and not rest
    (line,) = said
    assert ": trying again in " in line


def test_a_post_whose_answer_was_lost_is_not_posted_twice(there):
    patch = there.patch(ID)

    def taken(to: Handler) -> bool:
        if to.command != "POST":
            return False
        there.before = lambda _: False
        there.check(patch, "bot", description="no remarks", target_url=URL)
        to.connection.close()
        return True

    there.before = taken
    assert post(there) == ["already there"]
    assert len(there.checks[patch]) == 1


def test_tries_are_bounded(there):
    there.patch(ID)
    there.before = lambda to: send(to, 500, {}) is None
    assert post(there, retries=2) == [f"{there.server.name} answered 500"]
    assert len(there.requests) == 3


def test_nobody_waits_longer_than_there_is_time(there):
    there.before = lambda to: send(to, 429, {}, **{"Retry-After": "3600"}) is None
    begin = time.monotonic()
    first, second = post(there, check(), check())
    assert "answered 429, and asks for 3600 seconds: no time is left for that" in first
    assert second == first and len(there.requests) == 1
    there.before = lambda to: time.sleep(0.3)
    failed = post(there, check(), check(), seconds=0.2, timeout=0.1)
    assert ["no time" in one for one in failed] == [True, True]
    assert time.monotonic() - begin < 4


def test_a_server_that_is_not_there():
    with serve(lambda to: None) as server:
        name = server.name
    begin = time.monotonic()
    (failed,) = post(f"http://{name}", retries=1)
    assert failed.startswith(f"{name} cannot be reached (") and time.monotonic() - begin < 3


def test_waits_grow_and_are_never_the_same(there):
    there.before = lambda to: send(to, 503, {}) is None
    said = []
    post(there, retries=3, said=said)
    waits = [float(line.rpartition(" in ")[2].split()[0]) for line in said]
    assert [0.0 <= waits[0] <= 0.1, 0.1 <= waits[1] <= 0.2, 0.2 <= waits[2] <= 0.4] == [True] * 3


# --- one that is hostile ---


def endless(to: Handler) -> None:
    to.send_response(200)
    to.end_headers()
    for _ in range(100):
        to.wfile.write(b" " * 1_000_000)


def drip(to: Handler) -> None:
    to.send_response(200)
    to.end_headers()
    for _ in range(100):
        to.wfile.write(b" ")
        to.wfile.flush()
        time.sleep(0.05)


def packed(to: Handler) -> None:
    to.send(200, b"\x1f\x8b", "application/json", **{"Content-Encoding": "gzip"})


HOSTILE = {
    "a huge answer": (endless, "sent more than 4000000 bytes"),
    "a slow answer": (drip, "is too slow (its answer has no end)"),
    "a packed answer": (packed, "packs its answer"),
    "a page": (lambda to: to.send(200, b"<html>", "text/html"), "sent no JSON: is it a Patchwork?"),
    "half an answer": (lambda to: to.send(200, b'[{"id"', "application/json"), "sent no JSON"),
    "nested answer": (lambda to: to.send(200, b"[" * 500_000, "application/json"), "sent no JSON"),
    "no UTF-8": (lambda to: to.send(200, b'["\xff"]', "application/json"), "sent no JSON"),
    "an endless number": (lambda to: to.send(200, b"[" + b"9" * 10_000 + b"]", "application/json"), "sent no JSON"),
    "a table": (lambda to: send(to, 200, {"id": 1}), "no list of patches"),
    "texts": (lambda to: send(to, 200, ["id"]), "no list of patches"),
    "null": (lambda to: send(to, 200, None), "sent no JSON"),
    "a true number": (lambda to: send(to, 200, [{"id": True, "msgid": f"<{ID}>"}]), "no list of patches"),
    "a path for a number": (lambda to: send(to, 200, [{"id": "../../x", "msgid": f"<{ID}>"}]), "no list of patches"),
    "a number below 0": (lambda to: send(to, 200, [{"id": -1, "msgid": f"<{ID}>"}]), "no list of patches"),
    "no message id": (lambda to: send(to, 200, [{"id": 1, "msgid": 3}]), "has no patch"),
    "no HTTP": (lambda to: to.wfile.write(b"\x1b[2J hello\r\n\r\n"), "broke off or garbled"),
    "an answer to something else": (lambda to: send(to, 204, {}), "answered 204"),
    "a teapot": (lambda to: send(to, 418, {"x": "\x1b[2J\u202e" * 200}), "answered 418"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_servers(case):
    answer, said = HOSTILE[case]
    with serve(answer) as server:
        begin = time.monotonic()
        (failed,) = post(f"http://{server.name}", retries=1, timeout=0.3)
    assert said in failed
    assert failed.isprintable() and len(failed) < 400 and time.monotonic() - begin < 5


def test_pages_without_an_end(there):
    there.patch(ID)
    there.before = lambda to: "/checks/" in to.path and send(to, 200, [], Link='<http://x/>; rel="next"') is None
    assert post(there)[0].endswith("has no end of checks for this patch: 20 pages were read")
    assert len(there.requests) == 21


CHECKS = [
    [{"id": 1, "context": "bot", "state": 3, "user": []}],
    [{"id": 1, "context": {}, "state": None, "user": {"username": 4}}],
    [{"id": 1}],
]


@pytest.mark.parametrize("rows", CHECKS)
def test_checks_that_are_none_are_no_reason_to_be_silent(there, rows):
    patch = there.patch(ID)
    there.before = lambda to: to.command == "GET" and "/checks/" in to.path and send(to, 200, rows) is None
    assert post(there) == ["posted"]
    assert len(there.checks[patch]) == 1


def test_a_redirect_is_not_followed_and_the_token_stays(there):
    there.patch(ID)
    for code in (301, 302, 307, 308):
        with serve(lambda to, code=code: send(to, code, {}, Location=f"{there.url}{to.path}?{TOKEN}")) as first:
            (failed,) = post(f"http://{first.name}")
            assert failed.startswith(f"{first.name} redirects to {there.url}/api/1.3/patches/")
            assert "where the token was not sent" in failed and TOKEN not in failed
            (again,) = post(there, check("none@example.org"))
            assert "has no patch" in again
    assert [request[0] for request in there.requests] == ["GET"] * 4


def echo(to: Handler) -> None:
    text = to.headers["Authorization"]
    to.send(400, f'{{"detail": "bad header {text} \x1b[2J"}}'.encode(), "application/json")


def test_a_server_that_says_the_token_aloud(there):
    with serve(echo) as server:
        (failed,) = post(f"http://{server.name}")
    assert "answered 400" in failed and TOKEN not in failed
    with serve(lambda to: send(to, 400, {"detail": to.headers["Authorization"]})) as server:
        (failed,) = post(f"http://{server.name}")
    assert '"detail": "Token <token>"' in failed
    for length in range(160, 200):  # nor a part of it
        with serve(lambda to, length=length: send(to, 400, "x" * length + to.headers["Authorization"])) as server:
            assert TOKEN[:8] not in post(f"http://{server.name}")[0]
    with patchwork() as there:
        for _ in range(2):
            there.patch(ID, project=TOKEN)
        assert post(there) == ["it is in several projects (<token>, <token>): name one with --patchwork-project"]


# --- tokens and addresses ---


@pytest.mark.parametrize("text", ["", "a b", "a:b", '"', "a\nb", "a\r\nX: y", "\u00fc", "\x1b[2J", "x" * 201, "\udcff"])
def test_what_is_no_token_is_not_shown(text):
    with pytest.raises(ConfigError) as error:
        Token(text, "$HERE")
    assert str(error.value) == "$HERE holds no token: that is a word of letters and digits"


def test_a_token_shows_itself_to_nobody():
    token = Token(TOKEN, "it")
    assert TOKEN not in f"{token} {token!r} {[token]} {Address('x')}"
    assert not hasattr(token, "__dict__")


ADDRESSES = {
    "https://pw.example.org": ("https://pw.example.org", ""),
    " https://PW.example.org/ ": ("https://pw.example.org", ""),
    "https://pw.example.org/api/1.2": ("https://pw.example.org", ""),
    "https://pw.example.org/api": ("https://pw.example.org", ""),
    "https://pw.example.org/project/fs/list/?series=1#x": ("https://pw.example.org", "fs"),
    "https://example.org:8443/pw/project/linux-mm/": ("https://example.org:8443/pw", "linux-mm"),
    "https://example.org/project": ("https://example.org", ""),
    "http://127.0.0.1:8000": ("http://127.0.0.1:8000", ""),
    "http://[::1]:8000/": ("http://[::1]:8000", ""),
    "http://localhost/pw": ("http://localhost/pw", ""),
}


@pytest.mark.parametrize("text", ADDRESSES)
def test_addresses(text):
    assert address(text) == ADDRESSES[text]


NO_ADDRESSES = {
    "": "no address like",
    "pw.example.org": "no address like",
    "ftp://pw.example.org": "no address like",
    "https://": "no address like",
    "https://[x/": "no address like",
    "https://x:0/": "no address like",
    "https://x:99999/": "no address like",
    "https://x\x1b[2J/": "no address like",
    "https://x y/": "no address like",
    "https://pw\u0435.example.org": "no address like",
    "http://pw.example.org": "pw.example.org would get the token unencrypted: write https://",
    "http://127.0.0.1.example.org": "would get the token unencrypted",
    "http://10.0.0.1": "would get the token unencrypted",
    "http://localhost.example.org": "would get the token unencrypted",
    "https://bot:secret@pw.example.org": "no name and no password in the address",
    "https://127.0.0.1@pw.example.org": "no name and no password in the address",
}


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_what_is_no_address(text):
    with pytest.raises(UsageError) as error:
        address(text)
    assert NO_ADDRESSES[text] in str(error.value)
    assert "secret" not in str(error.value) and str(error.value).isprintable()


@given(st.text(max_size=40) | st.text("abc@/:%.[]?#1", max_size=30).map("https://".__add__))
def test_any_address_is_one_or_an_error(text):
    try:
        made = address(text)
    except ReviewbotError as error:
        assert str(error).isprintable()
    else:
        assert made.url.startswith(("https://", "http://")) and "@" not in made.host


def test_a_proxy_has_no_part_in_what_stays_on_this_machine(there, monkeypatch):
    there.patch(ID)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert post(there) == ["posted"]
