"""A Patchwork that means ill, or what somebody takes for one: nothing is told to it, and nobody waits for it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpserver import Handler, serve
from patchworkpost import ID, check, post
from patchworkserver import TOKEN, patchwork, send
from reviewbot.integrations.patchwork.client import ServerAddress, Token, server_address
from reviewbot.model.errors import ConfigError, ReviewbotError, UsageError

pytestmark = pytest.mark.usefixtures("hurry")


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


def drip_headers(to: Handler) -> None:
    for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Header: x\r\n" * 20:
        to.wfile.write(bytes([byte]))
        time.sleep(0.05)


def early(to: Handler) -> None:
    while True:
        to.wfile.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)


def headers(to: Handler) -> None:
    to.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        to.wfile.write(b"X-Header: x\r\n" * 100)


def chunks(to: Handler) -> None:
    to.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\x1b[2Jzz\r\n[]\r\n")


def packed(to: Handler) -> None:
    to.send(200, b"\x1f\x8b", "application/json", **{"Content-Encoding": "gzip"})


HOSTILE = {
    "a huge answer": (endless, "sent more than 4000000 bytes"),
    "a slow answer": (drip, "is too slow (no end after 0.9 seconds)"),
    "slow headers": (drip_headers, "is too slow (no end after 0.9 seconds)"),
    "announcements without an end": (early, "is too slow (no end after 0.9 seconds)"),
    "headers without an end": (headers, "broke off or garbled"),
    "chunks that are none": (chunks, "broke off or garbled"),
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
    assert TOKEN not in f"{token} {token!r} {[token]} {ServerAddress('x')}"
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
    assert server_address(text) == ADDRESSES[text]


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
        server_address(text)
    assert NO_ADDRESSES[text] in str(error.value)
    assert "secret" not in str(error.value) and str(error.value).isprintable()


@given(st.text(max_size=40) | st.text("abc@/:%.[]?#1", max_size=30).map("https://".__add__))
def test_any_address_is_one_or_an_error(text):
    try:
        made = server_address(text)
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
