"""Checks on a Patchwork: what is posted, and every way in which a server can fail to take it."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from httpserver import Handler, serve
from patchworkpost import ID, URL, check, post
from patchworkserver import OTHER, Patchwork, send
from reviewbot.integrations.patchwork.checks import PatchCheck
from reviewbot.report.origin import MailOrigin

pytestmark = pytest.mark.usefixtures("hurry")


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
    came = MailOrigin(("unknown@example.org", "report@example.org", "v3@example.org"), "fs: fill  it")
    assert post(there, PatchCheck("1/1 x", came, "success", "bot", "no remarks", "")) == ["posted"]
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


def drip(to: Handler) -> None:
    """The beginning of an answer that takes too long, with a sign of life all the time."""
    for byte in b"HTTP/1.1 201 Created\r\n" + b"X-Header: x\r\n" * 10:
        to.wfile.write(bytes([byte]))
        time.sleep(0.05)


@pytest.mark.parametrize("lost", [hang_up, cut, silent, drip, status(500), status(503, **{"Retry-After": "0"})])
def test_a_post_whose_answer_was_lost_is_not_posted_twice(there, lost):
    patch = there.patch(ID)

    def taken(to: Handler) -> bool:
        if to.command != "POST":
            return False
        there.before = lambda _: False
        there.check(patch, "bot", description="no remarks", target_url=URL)
        lost(to)
        return True

    there.before = taken
    assert post(there, timeout=0.3) == ["already there"]
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
