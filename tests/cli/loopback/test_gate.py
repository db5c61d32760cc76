"""Who may ask the pages of the drafts for anything, and how much, and how slowly."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from draft_pages import serve_drafts
from kept_drafts import fill
from reviewbot.cli.loopback import gate, server


@pytest.fixture(scope="module")
def memory(tmp_path_factory):
    path = tmp_path_factory.mktemp("state") / "memory.sqlite"
    fill(path, 1_800_000_000.0)
    return path


@pytest.fixture
def served(memory):
    with serve_drafts(memory) as found:
        yield found


def test_it_is_there_for_who_knows_the_address(served):
    status, headers, text = served.ask("drafts/1")
    assert status == 200 and "<h1>" in text
    assert headers["Content-Security-Policy"].split("; ") == [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
    assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store")
    assert "Set-Cookie" not in headers and "Server" not in headers


def test_only_this_machine_is_listened_to(served):
    assert served.server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("path", ["/", "/drafts/1", "/favicon.ico", "/x/drafts/1", "//", "/../", "/%00/"])
def test_nothing_is_there_for_who_does_not(served, path):
    status, headers, text = served.ask(path)
    assert (status, headers["Content-Type"]) == (403, "text/plain; charset=utf-8")
    assert text == "use the address that reviewbot has printed; a new start makes a new one"


@pytest.mark.parametrize(
    "host", ["", "attacker.example", "attacker.example:{port}", "127.0.0.1", "127.0.0.1:1", "0:{port}"]
)
def test_another_name_of_this_machine_is_refused(served, host):
    status, _, text = served.ask("drafts/1", Host=host.format(port=served.server.server_port))
    assert status == 403 and "another name" in text


def test_two_names_are_refused(served):
    request = f"GET {served.pages.start}drafts/1 HTTP/1.1\r\nHost: {served.host}\r\nHost: a.example\r\n\r\n"
    assert served.raw(request.encode()).startswith(b"HTTP/1.0 403")


def test_localhost_is_a_name_of_it(served):
    assert served.ask("drafts/1", Host=f"localhost:{served.server.server_port}")[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://attacker.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "https://127.0.0.1"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Sec_Fetch_Site": "none"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": ""}, 415),
        ({"Content_Length": ""}, 411),
        ({"Transfer_Encoding": "chunked"}, 411),
        ({"Content_Length": "-1"}, 400),
        ({"Content_Length": "1e3"}, 400),
        ({"Content_Length": str(gate.LARGEST + 1)}, 413),
        ({"Content_Length": "9" * 5_000}, 413),
    ],
)
def test_a_form_of_another_site_decides_nothing(served, headers, status):
    form = served.form(1, act="approve")
    assert served.ask("drafts/1", form, **headers)[0] == status
    assert served.draft(1).state == "waiting"


@pytest.mark.parametrize("secret", ["", "x", "\u00e4"])
def test_a_form_without_its_secret_decides_nothing(served, secret):
    status, _, text = served.ask("drafts/1", {**served.form(1, act="approve"), "secret": secret})
    assert (status, text) == (403, "this form is of another start of reviewbot: load the page anew")
    assert served.draft(1).state == "waiting"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"act": "send"},
        {"act": "drop"},
        {"act": "drop", "why": "because"},
        {"act": "edit"},
        {"act": "edit", "text": " \r\n "},
        {"act": "edit", "text": "a" * 500_001},
        {"act": "approve", "seen": ""},
        {"act": "approve", "seen": "nan"},
        {"act": "approve", **{f"x{at}": "" for at in range(20)}},
    ],
)
def test_a_form_that_makes_no_sense_decides_nothing(served, fields):
    before = served.draft(1)
    status, _, text = served.ask("drafts/1", served.form(1, **fields))
    assert status in (403, 409)
    assert status == 403 or "Not done: " in text
    assert served.draft(1) == before


def test_only_pages_are_posted_to(served):
    for path in ("", "drafts.css", "drafts/1/2", "x"):
        assert served.ask(path, served.form(1, act="approve"))[0] == 404
    assert served.ask("drafts/99", served.form(1, act="approve"))[0] == 404
    assert served.ask("drafts/99")[0] == 404
    assert served.ask(f"drafts/{'9' * 15}")[0] == 404
    assert served.ask(f"drafts/{'9' * 30}")[0] == 404


@pytest.mark.parametrize("method", ["HEAD", "PUT", "OPTIONS", "TRACE", "x" * 100])
def test_other_methods_are_not_known(served, method):
    got = served.raw(f"{method} {served.pages.start}drafts/1 HTTP/1.1\r\nHost: {served.host}\r\n\r\n".encode())
    assert got.startswith(b"HTTP/1.0 501") and b"Content-Security-Policy" in got


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"a" * 40_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: a\r\n" * 200 + b"\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: a\r\n" * 30_000 + b"\r\n",
        b"\x16\x03\x01" * 100 + b"\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\n" * 1_000,
        b"",
    ],
    ids=range(9),
)
def test_what_is_no_request_gets_no_page(served, request_):
    got = served.raw(request_ + b"\n" * (not request_)) if request_ else b""
    assert b"<h1>" not in got and b"200" not in got.split(b"\r\n")[0]
    assert served.ask("drafts/1")[0] == 200


def test_a_request_without_a_version_gets_nothing(served):
    """HTTP/0.9: its answer would have no header, and so no policy."""
    path = f"{served.pages.start}drafts/1".encode()
    assert served.raw(b"GET " + path + b"\r\nHost: " + served.host.encode() + b"\r\n\r\n") == b""


def test_a_memory_that_breaks_is_said_and_survived(tmp_path):
    path = tmp_path / "memory.sqlite"
    fill(path, 1_800_000_000.0)
    whole = path.read_bytes()
    with serve_drafts(path) as served:
        for broken in (b"my notes " * 1_000, whole[:5_000], whole[:4_096] + b"x" * len(whole)):
            path.write_bytes(broken)
            status, headers, text = served.ask("drafts/1")
            assert (status, headers["Content-Type"]) == (500, "text/plain; charset=utf-8") and text
        path.write_bytes(whole)
        assert served.ask("drafts/1")[0] == 200


def test_a_path_that_works_once(served):
    once = served.pages.start_once()
    status, headers, _ = served.ask(once)
    assert (status, headers["Location"]) == (303, served.pages.start)
    assert served.ask(once)[0] == 403


# --- slow ones ---


def test_those_who_say_nothing_hold_up_nobody(served):
    clients = [socket.create_connection(("127.0.0.1", served.server.server_port)) for _ in range(80)]
    try:
        begin = time.monotonic()
        for _ in range(5):
            assert served.ask("drafts/1")[0] == 200
        assert time.monotonic() - begin < 5
        assert sum(one.name.startswith("Thread-") for one in threading.enumerate()) < server._THREADS + 8
    finally:
        for client in clients:
            client.close()


def test_who_drips_is_hung_up_on(served, monkeypatch):
    monkeypatch.setattr(server, "_SECONDS", 1)
    with socket.create_connection(("127.0.0.1", served.server.server_port), 10) as client:
        begin = time.monotonic()
        with pytest.raises(OSError):
            for char in "GET / HTTP/1.1\r\n" + "A" * 1_000:
                client.sendall(char.encode())
                time.sleep(0.05)
        assert time.monotonic() - begin < 5


def test_a_form_that_does_not_come_is_not_waited_for(served, monkeypatch):
    monkeypatch.setattr(server, "_SECONDS", 1)
    form = (
        f"POST {served.pages.start}drafts/1 HTTP/1.1\r\nHost: {served.host}\r\nOrigin: http://{served.host}\r\n"
        f"Content-Type: {gate.FORM}\r\nContent-Length: 100\r\n\r\nact=approve"
    )
    begin = time.monotonic()
    assert served.raw(form.encode()) == b""
    assert time.monotonic() - begin < 5
    assert served.draft(1).state == "waiting"
