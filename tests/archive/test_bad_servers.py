"""Servers that are busy, broken, endless or elsewhere: each is survived and named, and the list goes on afterwards."""

from __future__ import annotations

import gzip
import re
import time
import tracemalloc
import urllib.parse
import zlib
from email.utils import formatdate

import pytest

from arrivals import DAY, FIRST, killed_often, letter, names, read
from httpserver import Answer, Handler, Server, serve
from patientworld import World
from reviewbot import __version__
from reviewbot.archive.port import ArchiveOptions
from reviewbot.model.errors import ConfigError, FetchError
from reviewbot.web.pace import Pace

HOUR = 3_600


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def world() -> World:
    return World(FIRST + 2 * HOUR)


def options(**more) -> ArchiveOptions:
    return ArchiveOptions(**{"draw": lambda: 1.0, "timeout": 0.5, "asking": 1.0, **more})


def mbox(*mails: bytes) -> bytes:
    return b"".join(b"From mboxrd@z Thu Jan  1 00:00:00 1970\n" + mail + b"\n" for mail in mails)


GOOD = gzip.compress(mbox(letter("a", FIRST), letter("b", FIRST + 60)))


def in_turn(*answers: Answer) -> Answer:
    """Each answer once; the last one again and again."""
    left = list(answers)
    return lambda to: (left.pop(0) if len(left) > 1 else left[0])(to)


def good(to: Handler) -> None:
    to.send(200, GOOD)


def place(server: Server) -> str:
    return f"http://{server.name}/exfoo"


def drip_headers(to: Handler) -> None:
    for _ in range(100):
        to.wfile.write(b"X" if to.wfile else b"")
        time.sleep(0.03)


def endless(to: Handler) -> None:
    """More than anybody takes, without an end."""
    to.send_response(200)
    to.end_headers()
    packer = zlib.compressobj(0, wbits=31)
    while True:
        to.wfile.write(packer.compress(mbox(letter("x", FIRST, body="x" * 50_000))))


PASSING: dict[str, tuple[Answer, str]] = {
    "busy": (lambda to: to.send(503, b"boom"), "answered 503; next try in "),
    "busy, and says so": (lambda to: to.send(429, b"", **{"Retry-After": "7"}), "answered 429; next try in 7 seconds"),
    "broken": (lambda to: to.send(502, b"boom"), "answered 502; next try in "),
    "hangs": (lambda to: time.sleep(0.8), "is too slow (0.5 seconds without a word)"),
    "drips headers": (drip_headers, "is too slow (no end after 1 seconds)"),
    "cut in the middle": (lambda to: to.send(200, GOOD[:-20]), "sent only the beginning of the answer"),
    "damaged": (lambda to: to.send(200, GOOD[:30] + b"\0" * 50), "sent no gzip, or a damaged one"),
    "hangs up": (lambda to: to.connection.close(), "incomplete or damaged response"),
}


@pytest.mark.parametrize("case", PASSING)
def test_what_passes_is_tried_again(case, world):
    answer, line = PASSING[case]
    with serve(in_turn(answer, answer, good)) as server:
        found, _, wrong = read(world.open(place(server), options()), since=FIRST)
        assert (found, wrong) == (["a", "b"], [])
        assert len(server.seen) == 3
    assert [line in said and said.startswith(server.name) for said in world.said] == [True, True]
    assert all(said.isprintable() for said in world.said)
    assert world.waits == ([7, 7] if "7" in line else [2, 4]), "each time longer, or as the server says"


FOR_GOOD: dict[str, tuple[Answer, str]] = {
    "a web page": (
        lambda to: to.send(200, b"<html>Are you human?", "text/html"),
        "returned a web page instead of a mail",
    ),
    "another host": (
        lambda to: to.send(302, b"", Location="http://evil.example/"),
        "redirects to 'http://evil.example/'",
    ),
    "in circles": (lambda to: to.send(302, b"", Location=to.path), "too many redirects"),
    "not here": (lambda to: to.send(404, b"Not found", "text/plain"), "there is no list at http"),
    "no search": (lambda to: to.send(501, b"need Search"), "has no search for"),
    "forbidden": (lambda to: to.send(403, b"go away"), "answered 403"),
}


@pytest.mark.parametrize("case", PASSING)
def test_what_does_not_pass_is_named_in_the_end(case, world):
    with serve(PASSING[case][0]) as server, pytest.raises(FetchError, match=r"\(tried 3 times\)$") as error:
        read(world.open(place(server), options(tries=3)), since=FIRST)
    assert server.name in str(error.value) and str(error.value).isprintable()
    assert len(server.seen) == 3


@pytest.mark.parametrize("case", FOR_GOOD)
def test_what_another_try_would_not_change_is_not_tried_again(case, world):
    answer, line = FOR_GOOD[case]
    with serve(answer) as server, pytest.raises(FetchError) as error:
        read(world.open(place(server), options()), since=FIRST)
    assert line in str(error.value) and str(error.value).isprintable() and server.name in str(error.value)
    assert world.waits == []


@pytest.mark.parametrize("form", ["seconds", "a date"])
def test_a_server_that_wants_hours_gets_them(form, world):
    until = world.time + 2 * HOUR
    asked = "7200" if form == "seconds" else formatdate(until, usegmt=True)
    with serve(lambda to: to.send(503, b"", **{"Retry-After": asked})) as server, pytest.raises(FetchError) as error:
        read(world.open(place(server), options()), since=FIRST)
    clock = time.strftime("%Y-%m-%d %H:%M", time.gmtime(until))
    assert str(error.value) == (
        f"{server.name} answered 503 and asks to be left alone until {clock} UTC: the next pass goes on there"
    )
    assert world.waits == [] and error.value.status == 503


def test_waits_differ_and_end(world):
    draws = iter([0.0, 1.0, 0.5, 0.0, 1.0, 0.0, 1.0])
    with serve(lambda to: to.send(503, b"")) as server, pytest.raises(FetchError):
        read(world.open(place(server), options(tries=99, patience=100, draw=lambda: next(draws))), since=FIRST)
    assert world.waits == [1, 4, 6, 8, 32, 32] and sum(world.waits) <= 100


# --- an answer that is too large ---


def sized(large_from: float, large_until: float, size: int) -> Answer:
    """A server with a mail each hour, and in some hours with very many."""

    def answer(to: Handler) -> None:
        begin, end = re.search(r"rt:(\d+)\.\.(\d*)", urllib.parse.unquote_plus(to.path)).groups()
        hours = range(int(FIRST), int(FIRST + 2 * DAY), HOUR)
        mails = [letter(f"h{(when - FIRST) // HOUR}", when) for when in hours if int(begin) <= when <= int(end or 4e9)]
        if int(begin) < large_until and int(end or 4e9) >= large_from:
            mails.append(letter("many", large_from, body="x" * size))
        to.send(200, gzip.compress(mbox(*mails))) if mails else to.send(404, b"No results found\n", "text/plain")

    return answer


def test_an_answer_that_is_too_large_is_asked_for_in_halves(world):
    world.time = FIRST + 2 * DAY
    with serve(sized(FIRST + 30.4 * HOUR, FIRST + 30.5 * HOUR, 300_000)) as server:
        found, cursor, wrong = read(world.open(place(server), options(mailbox_bytes=200_000)), since=FIRST)
        assert sorted(found, key=lambda name: int(name[1:])) == [f"h{hour}" for hour in range(48)]
        (line,) = wrong
        assert re.fullmatch(
            rf"{server.name}: the mails of 2025-10-10 15:[0-9]{{2}} to 2025-10-10 15:[0-9]{{2}} UTC were skipped: "
            r"they are more than 200000 bytes \(mailbox_bytes in config\.toml; a narrower query helps too\)",
            line,
        )
        assert len(server.seen) < 150
        assert read(world.open(place(server), options(mailbox_bytes=200_000)), cursor)[0] == []


def test_500_megabytes_cost_no_memory_and_end_the_pass_with_a_line(world):
    with serve(endless) as server:
        archive = world.open(place(server), options(mailbox_bytes=3_000_000, asking=20, timeout=5))
        lines: list[str] = []
        cursor = ""
        tracemalloc.start()
        try:
            with pytest.raises(
                FetchError, match="sends too much, whatever it is asked for: the next pass goes on there"
            ):
                for batch in archive.new("", FIRST):
                    lines += batch.wrong
                    cursor = batch.cursor
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert len(lines) == 3 and peak < 30_000_000
        server.answer = sized(0, 0, 0)
        world.time += 10 * HOUR
        found, _, _ = read(world.open(place(server), options()), cursor)
        assert found == [f"h{hour}" for hour in range(1, 48)], "the list does not stand still"


def test_a_server_that_always_sends_too_much_does_not_hold_up_a_list_for_ever(world):
    """Each pass leaves some time behind, and asks no more often than it has to."""
    with serve(lambda to: to.send(200, gzip.compress(mbox(letter("x", FIRST, body="x" * 9_000))))) as server:
        archive = world.open(place(server), options(mailbox_bytes=5_000))
        cursor, passes, skipped = "", 0, 0
        while True:
            passes += 1
            try:
                for batch in archive.new(cursor, FIRST):
                    cursor = batch.cursor
                    skipped += len(batch.wrong)
                break
            except FetchError:
                assert passes < 9
        assert (passes, skipped) == (3, 8), "two hours, by quarters, three of them a pass"
        assert len(server.seen) <= 3 + 8
        server.answer = lambda to: to.send(200, gzip.compress(mbox(letter("y", world.time))))
        world.time += 60
        assert read(archive, cursor)[0] == ["y"]


def test_runs_that_are_killed_in_small_windows_come_to_the_end(world):
    """The overlap is asked for once a pass, and not again by each run that goes on with it."""
    world.time = FIRST + 2 * DAY
    with serve(sized(0, 0, 0)) as server:
        found, _, _ = read(world.open(place(server), options(window=HOUR)), since=FIRST)
        assert len(found) == 48

        def opened():
            while True:
                yield world.open(place(server), options(window=HOUR))

        asked = len(server.seen)
        assert killed_often(opened(), since=FIRST) == found
        assert len(server.seen) - asked < 250


def test_an_answer_of_too_many_mails_is_too_large(world, monkeypatch):
    monkeypatch.setattr("reviewbot.archive.server.searching._MOST", 0)
    with serve(good) as server, pytest.raises(FetchError, match="sends too much"):
        read(world.open(place(server), options()), since=FIRST)


def test_what_is_no_mail_or_too_large_is_left_out(world):
    mails = mbox(letter("a", FIRST), b"no headers\n", letter("large", FIRST, body="x" * 9000), letter("b", FIRST + 1))
    with serve(lambda to: to.send(200, gzip.compress(mails))) as server:
        found, _, wrong = read(world.open(place(server), options(mail_bytes=5000)), since=FIRST)
        assert found == ["a", "b"]
        assert sorted(wrong) == [
            f"{server.name} sent something that is no mail",
            f"a mail of {server.name} is larger than 5000 bytes (mail_bytes in config.toml)",
        ]


# --- manners ---


def test_a_server_is_told_who_asks(world):
    with serve(good) as server:
        archive = world.open(place(server), options(contact="ops@bot.example.org\r\nX-Evil: 1 ()"))
        read(archive, since=FIRST)
        archive.thread("a@list.example.org")
        agents = {agent for _, agent in server.seen}
        assert agents == {f"reviewbot/{__version__} (+ops@bot.example.orgX-Evil:1)"}
        assert not any("x-evil" in headers for headers in server.asked)


@pytest.mark.parametrize(
    ("status", "marks"), [(304, {"ETag": '"v1"'}), (412, {"ETag": '"v1"'}), (304, {"Last-Modified": "x"})]
)
def test_a_server_that_marks_its_answers_is_asked_for_changes_only(world, status, marks):
    with serve(in_turn(lambda to: to.send(200, GOOD, **marks), lambda to: to.send(status, b""))) as server:
        found, cursor, _ = read(world.open(place(server), options()), since=FIRST)
        assert found == ["a", "b"]
        for _ in range(3):
            world.time += 60
            found, cursor, wrong = read(world.open(place(server), options()), cursor)
            assert (found, wrong) == ([], [])
        sent = [(one.get("if-none-match"), one.get("if-modified-since")) for one in server.asked]
        assert sent == [(None, None)] + [(marks.get("ETag"), marks.get("Last-Modified"))] * 3


def test_nothing_is_asked_for_changes_of_another_question(world):
    with serve(lambda to: to.send(200, GOOD, ETag='"v1"')) as server:
        _, cursor, _ = read(world.open(place(server), options()), since=FIRST)
        world.time += DAY
        read(world.open(place(server), options()), cursor)
        assert all("if-none-match" not in one for one in server.asked)


def test_all_archives_of_a_run_share_a_pace(world):
    pace = Pace(3, world.now, world.sleep)
    with serve(good) as server:
        for _ in range(5):
            read(world.open(place(server), options(pace=pace)), since=FIRST)
            world.time += 1
    assert world.waits == [57], "three requests in a minute, the fifth more than a minute after the second"


def test_an_answer_is_handed_out_once_though_it_comes_again(world):
    with serve(good) as server:
        found, cursor, _ = read(world.open(place(server), options()), since=FIRST)
        assert found == ["a", "b"]
        for _ in range(3):
            world.time += HOUR
            found, cursor, _ = read(world.open(place(server), options()), cursor)
            assert found == []


def test_a_cursor_forgets_what_is_long_ago(world):
    with serve(good) as server:
        _, cursor, _ = read(world.open(place(server), options()), since=FIRST)
        server.answer = lambda to: to.send(404, b"No results found\n", "text/plain")
        world.time += 30 * DAY
        _, later, _ = read(world.open(place(server), options()), cursor)
        assert len(later) < len(cursor)


def test_a_redirect_to_a_known_host_is_followed(world):
    with serve(good) as second, serve(lambda to: to.send(307, b"", Location=f"http://{second.name}{to.path}")) as first:
        found, _, _ = read(world.open(place(first), options(hosts=(second.name,))), since=FIRST)
    assert found == ["a", "b"]


def test_a_thread_from_a_server_that_is_busy_at_first(world):
    with serve(in_turn(lambda to: to.send(503, b"", **{"Retry-After": "30"}), good)) as server:
        assert names(world.open(place(server), options()).thread("a@list.example.org")) == ["a", "b"]
    assert world.waits == [30]


@pytest.mark.parametrize("wrong", ["https://", "http://a:b@host/list", "https://host/list?q=1", "http://[x/"])
def test_an_address_that_is_none_is_refused(wrong, world):
    with pytest.raises(ConfigError, match=r"the address of a list is .*, but must be like"):
        world.open(wrong)
