"""Mailboxes from servers that misbehave, each in its own way: how long they may take, how much they may send."""

from __future__ import annotations

import gzip
import re
import socket
import time
import tracemalloc
from collections.abc import Callable
from email import message_from_bytes
from email.utils import formatdate

import pytest

from httpserver import Answer, Handler, Server, serve
from reviewbot import __version__
from reviewbot.mail.lore import fetch_thread
from reviewbot.model.errors import FetchError
from reviewbot.web.transfer import Bounds

ID = "20240101.1-1-author@example.org"
MBOX = f"From mboxrd@z Thu Jan  1 00:00:00 1970\nMessage-ID: <{ID}>\nSubject: x\n\nbody\n\n".encode()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def fetch(
    server: Server, silence: float = 5, seconds: float = 30, size: int = 50_000_000, said: list[str] | None = None
) -> tuple[bytes, ...]:
    say: Callable[[str], object] = said.append if said is not None else lambda _: None
    return fetch_thread(ID, f"http://{server.name}/all", Bounds(silence, seconds, size), [], say)[0]


def test_a_plain_server_is_enough() -> None:
    with serve(lambda to: to.send(200, gzip.compress(MBOX))) as server:
        (mail,) = fetch(server)
        assert server.seen == [(f"/all/{ID.replace('@', '%40')}/t.mbox.gz", f"reviewbot/{__version__}")]
    assert message_from_bytes(mail)["Message-ID"] == f"<{ID}>"


def test_several_gzip_parts_are_one() -> None:
    other = MBOX.replace(ID.encode(), b"other@x")
    with serve(lambda to: to.send(200, gzip.compress(MBOX) + gzip.compress(other + MBOX))) as server:
        assert len(fetch(server)) == 3


# --- ways to answer wrongly ---


def drip(to: Handler, data: bytes) -> None:
    """One byte after the other, and no pause between two of them is long."""
    for byte in data:
        to.wfile.write(bytes([byte]))
        time.sleep(0.04)


def drip_body(to: Handler) -> None:
    to.send_response(200)
    to.end_headers()
    drip(to, gzip.compress(MBOX * 10, 0))


def endless(part: bytes) -> Answer:
    """The beginning of an answer, and then one part again and again."""

    def answer(to: Handler) -> None:
        to.wfile.write(b"HTTP/1.1 200 OK\r\n" if part != EARLY else b"")
        while True:
            to.wfile.write(part * 100)

    return answer


EARLY = b"HTTP/1.1 103 Early Hints\r\n\r\n"


def chunked(*chunks: bytes) -> Answer:
    """An answer in chunks (RFC 9112, 7.1), written as they are given."""

    def answer(to: Handler) -> None:
        to.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for chunk in chunks:
            to.wfile.write(chunk)

    return answer


def claims(length: str, body: bytes = gzip.compress(MBOX)) -> Answer:
    """An answer that says it is so long."""

    def answer(to: Handler) -> None:
        to.send_response(200)
        to.send_header("Content-Length", length)
        to.end_headers()
        to.wfile.write(body)

    return answer


def empty_blocks(to: Handler) -> None:
    """A gzip stream that unpacks to nothing and has no end."""
    to.send_response(200)
    to.end_headers()
    to.wfile.write(gzip.compress(b"")[:10])
    while True:
        to.wfile.write(b"\0\0\0\xff\xff" * 1000)  # RFC 1951, 3.2.4: a stored block of no bytes


WRONG: dict[str, tuple[Answer, str, int | None]] = {
    "not here": (lambda to: to.send(404, b"nope", "text/plain"), "not on this server: " + ID, 404),
    "similar ids": (lambda to: to.send(300, b"<html>", "text/html"), "not on this server: " + ID, 300),
    "broken": (lambda to: to.send(500, b"boom"), "answered 500: try again later", 500),
    "overloaded": (lambda to: to.send(503, b"boom"), "answered 503: try again later", 503),
    "too many requests": (lambda to: to.send(429, b""), "answered 429: try again later", 429),
    "too many requests, oddly": (lambda to: to.send(429, b"", **{"Retry-After": "soon"}), "answered 429: try", 429),
    "robots": (lambda to: to.send(200, b"<html>Are you human?", "text/html; charset=utf-8"), "a web page", 200),
    "no gzip": (lambda to: to.send(200, MBOX), "sent no gzip, or a damaged one", None),
    "damaged": (lambda to: to.send(200, gzip.compress(MBOX)[:20] + b"\0" * 50), "sent no gzip, or a damaged", None),
    "truncated": (lambda to: to.send(200, gzip.compress(MBOX)[:-12]), "only the beginning of the thread", None),
    "nothing": (lambda to: to.send(200, b""), "only the beginning of the thread", None),
    "empty thread": (lambda to: to.send(200, gzip.compress(b"")), "sent an empty thread", None),
    "hang-up": (claims("100000"), "incomplete or damaged response", None),
    "hang-up at once": (lambda to: to.connection.close(), "incomplete or damaged response", None),
    "hang-up in the headers": (
        lambda to: to.wfile.write(b"HTTP/1.1 200 OK\r\nContent-"),
        "incomplete or damaged",
        None,
    ),
    "hang-up in a chunk": (chunked(b"4000\r\n", gzip.compress(MBOX)), "incomplete or damaged response", None),
    "no HTTP": (lambda to: to.wfile.write(b"\x1b[2J hello\r\n\r\n"), "incomplete or damaged response", None),
    "a length too short": (claims("20"), "only the beginning of the thread", None),
    "a length of no number": (claims("many"), "incomplete or damaged response", None),
    "a length below 0": (claims("-1"), "incomplete or damaged response", None),
    "a length of a million digits": (claims("9" * 1_000_000), "incomplete or damaged response", None),
    "chunks that are none": (chunked(b"\x1b[2Jzz\r\nabc\r\n"), "incomplete or damaged response", None),
    "a chunk of a huge length": (chunked(b"f" * 100 + b"\r\nabc\r\n"), "incomplete or damaged response", None),
    "a header without an end": (endless(b"X: y"), "incomplete or damaged response", None),
    "headers without an end": (endless(b"X: y\r\n"), "incomplete or damaged response", None),
    "a gzip stream without an end": (empty_blocks, "is too large (limit 50000000 bytes", None),
    "away": (lambda to: to.send(302, b"", Location="http://evil.example/\x9b2J"), "redirects to 'http://evil.ex", 302),
    "away to a file": (lambda to: to.send(301, b"", Location="file:///etc/passwd"), "redirects to 'file:", 301),
    "in circles": (lambda to: to.send(302, b"", Location=to.path), "too many redirects", None),
    "nowhere": (lambda to: to.send(302, b""), "too many redirects", None),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_a_server_can_do_wrong(case: str) -> None:
    answer, why, status = WRONG[case]
    with serve(answer) as server, pytest.raises(FetchError) as error:
        fetch(server)
    text = str(error.value)
    assert why in text and error.value.status == status and error.value.exit_code == 3
    assert text.isprintable() and re.search("try again|check|save the thread|config.toml", text)
    assert server.name in text


# --- ways to take long ---

SLOW: dict[str, Answer] = {
    "dripping headers": lambda to: drip(to, b"HTTP/1.1 200 OK\r\n" + b"X-Header: x\r\n" * 100),
    "dripping one header": lambda to: drip(to, b"HTTP/1.1 200 OK\r\nX-Header: " + b"x" * 1000),
    "a dripping body": drip_body,
    "dripping chunks": lambda to: drip(
        to, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n\0\r\n" * 200
    ),
    "dripping redirects": lambda to: drip(
        to, f"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: {to.path}\r\n\r\n".encode()
    ),
    "announcements without an end": endless(EARLY),
}


@pytest.mark.parametrize("case", SLOW)
def test_the_deadline_is_that_of_all_of_it(case: str) -> None:
    """Each of these would go on for 4 seconds or longer, with a sign of life all the time."""
    begin = time.monotonic()
    with serve(SLOW[case]) as server:
        with pytest.raises(FetchError) as error:
            fetch(server, silence=1, seconds=0.5)
        took = time.monotonic() - begin
        assert f"{server.name} is too slow (no end after 0.5 seconds)" in str(error.value)
    assert "set seconds under [lore] above 0.5" in str(error.value) and error.value.status is None
    assert took < 3


def test_silence_has_a_bound_of_its_own() -> None:
    with (
        serve(lambda to: time.sleep(0.6)) as server,
        pytest.raises(FetchError, match=r"is too slow \(0.3 seconds without a word\): .*set timeout under \[lore\]"),
    ):
        fetch(server, silence=0.3)


def test_a_server_that_accepts_nobody() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), pytest.raises(FetchError, match="no end after 0"):
            fetch_thread(ID, f"http://127.0.0.1:{port}/all", Bounds(5, 0.5, 1000), [], lambda _: None)


def test_a_server_that_is_gone() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(FetchError, match=rf"cannot reach 127.0.0.1:{port} ") as error:
            fetch_thread(ID, f"http://127.0.0.1:{port}/all", Bounds(5, 30, 1000), [], lambda _: None)
    assert error.value.status is None


# --- a server that asks to wait ---

ASKED = {
    "seconds": lambda: "1",
    "a date": lambda: formatdate(time.time() + 1, usegmt=True),
    "a date that is over": lambda: formatdate(0, usegmt=True),
    "no time at all": lambda: "0",
}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("case", ASKED)
def test_a_busy_server_is_asked_again_when_it_says(case: str, status: int) -> None:
    asked: list[float] = []

    def answer(to: Handler) -> None:
        asked.append(time.monotonic())
        if len(asked) == 1:
            to.send(status, b"", **{"Retry-After": ASKED[case]()})
        else:
            to.send(200, gzip.compress(MBOX))

    said: list[str] = []
    with serve(answer) as server:
        assert len(fetch(server, said=said)) == 1
    assert asked[1] - asked[0] >= 0.9
    assert said[1:] == [f"{server.name} answered {status}: trying again in 1 seconds"]


@pytest.mark.parametrize("wait", ["3600", "a date", "9" * 9])
def test_nobody_waits_longer_than_there_is_time(wait: str) -> None:
    wait = formatdate(time.time() + 3601, usegmt=True) if wait == "a date" else wait
    begin = time.monotonic()
    with serve(lambda to: to.send(429, b"", **{"Retry-After": wait})) as server, pytest.raises(FetchError) as error:
        fetch(server)
    assert re.search(r"answered 429 and asks to be left alone for (36[0-9]+|35[0-9]+|9{9}) seconds", str(error.value))
    assert "(seconds under [lore] in config.toml): try again then" in str(error.value)
    assert time.monotonic() - begin < 5 and error.value.status == 429 and len(server.seen) == 1


def test_a_server_that_is_always_busy_is_not_asked_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviewbot.web.download._SHORTEST_WAIT", 0.01)
    with (
        serve(lambda to: to.send(503, b"", **{"Retry-After": "0"})) as server,
        pytest.raises(FetchError, match="answered 503: try again later"),
    ):
        fetch(server)
    assert len(server.seen) == 6


# --- how much may come ---


def test_the_bound_is_that_of_what_is_unpacked_and_is_named() -> None:
    packed = {
        "a bomb": gzip.compress(b"\0" * 100_000_000),
        "in parts": gzip.compress(b"\0" * 1_000_000) + gzip.compress(b"\0" * 30_000_000),
        "as it is": gzip.compress(bytes(number * 7919 % 251 for number in range(1_000_001)), 0),
    }
    for data in packed.values():
        with (
            serve(lambda to, data=data: to.send(200, data)) as server,
            pytest.raises(FetchError, match=r"is too large \(limit 1000000 bytes, mailbox_bytes"),
        ):
            fetch(server, size=1_000_000)
    whole = MBOX + b"x" * 1000
    with serve(lambda to: to.send(200, gzip.compress(whole))) as server:
        assert len(fetch(server, size=len(whole))) == 1


def test_a_bomb_is_not_unpacked_to_its_end() -> None:
    bomb = gzip.compress(b"\0" * 100_000_000)
    with serve(lambda to: to.send(200, bomb)) as server:
        tracemalloc.start()
        try:
            with pytest.raises(FetchError, match="is too large"):
                fetch(server, size=1_000_000)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 20_000_000


# --- where it may lead ---


def test_redirects_lead_to_known_servers_only() -> None:
    with serve(lambda to: to.send(200, gzip.compress(MBOX))) as second:
        target = f"http://{second.name}/linux-mm/x/t.mbox.gz"
        with serve(lambda to: to.send(302, b"", Location=target)) as first:
            with pytest.raises(FetchError, match="a server that is not allowed"):
                fetch(first)
            assert not second.seen
            bounds = Bounds(5, 30, 1000)
            (mail,), _ = fetch_thread(ID, f"http://{first.name}/all", bounds, [second.name], lambda _: None)
        assert second.seen[0][0] == "/linux-mm/x/t.mbox.gz" and mail


def test_a_proxy_that_cannot_be_used_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "gopher://127.0.0.1:1")
    with pytest.raises(FetchError, match="proxy or TLS settings"):
        fetch_thread(ID, "http://127.0.0.1:1/all", Bounds(1, 30, 1000), [], lambda _: None)
