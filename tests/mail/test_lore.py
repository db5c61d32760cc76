"""Threads from a real public-inbox, and every way in which a server can fail to give one."""

from __future__ import annotations

import time
from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox import Inbox
from reviewbot.mail import lore, mailbox
from reviewbot.mail.lore import fetch_thread, is_remote
from reviewbot.model.errors import ConfigError, FetchError, ReviewbotError, UsageError
from reviewbot.web.download import MailboxUrl
from reviewbot.web.transfer import Bounds

ID = "20240101.1-1-author@example.org"
BOUNDS = Bounds(silence=20, seconds=60, size=50_000_000)
MBOX = f"From mboxrd@z Thu Jan  1 00:00:00 1970\nMessage-ID: <{ID}>\nSubject: x\n\nbody\n\n".encode()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


# --- what is a message on a server ---


@pytest.mark.parametrize(
    ("source", "remote"),
    [
        (ID, True),
        (f"<{ID}>", True),
        ("https://lore.kernel.org/all/x@y/", True),
        ("ftp://example.org/x@y", True),
        ("a;reboot -f@x", True),
        ("x@y" * 2000, True),
        ("-", False),
        ("series.mbox", False),
        ("/home/me@host/series.mbox", False),
        ("./me@host", False),
        ("x" * 5000, False),
        ("nul\0@x", True),
    ],
)
def test_is_remote(source: str, remote: bool) -> None:
    assert is_remote(source) is remote


def test_a_file_that_is_there_is_no_message_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_remote("me@host")
    Path("me@host").write_text("a mail")
    assert not is_remote("me@host")


# --- refused before anything is asked ---

REFUSED = {
    "shell": ("$(reboot)@x", "is neither a file nor a message id"),
    "semicolon": ("x@y;reboot", "is neither a file nor a message id"),
    "space": ("x y@z", "is neither a file nor a message id"),
    "newline": ("x@y\nHost: z", "is neither a file nor a message id"),
    "escape": ("\x1b[2J@y", r"'\x1b[2J@y' is neither a file nor a message id"),
    "bidi": ("\u202ex@y", r"'\u202ex@y' is neither a file nor a message id"),
    "quote": ('"x"@y', "is neither a file nor a message id"),
    "no host": ("x@", "is neither a file nor a message id"),
    "nothing": ("", "is neither a file nor a message id"),
    "long": ("x" * 600 + "@y", "longer than 500 characters"),
    "other host": ("https://evil.example/all/x@y/", "server 'evil.example' is not allowed"),
    "other port": ("http://127.0.0.1:1/all/x@y/", "server '127.0.0.1:1' is not allowed"),
    "user info": ("https://lore.example@evil.example/all/x@y/", "server 'evil.example' is not allowed"),
    "suffix": ("https://lore.example.evil.example/all/x@y/", "is not allowed"),
    "host with escapes": ("https://ev\x1bil/all/x@y/", r"server 'ev\x1bil' is not allowed"),
    "other scheme": ("ftp://lore.example/all/x@y/", "only http:// and https://"),
    "file": ("file:///etc/x@y", "only http:// and https://"),
    "no id": ("https://lore.example/all/", "names no message"),
    "a search": ("https://lore.example/all/?q=x@y", "names no message"),
    "bad port": ("https://lore.example:99999/all/x@y/", "is no URL"),
    "bad host": ("https://[::1/all/x@y/", "is no URL"),
    "bad id in URL": ("https://lore.example/all/x%20y@z/", "is neither a file nor a message id"),
    "newline in URL": ("https://lore.example/all/x%0ay@z/", "is neither a file nor a message id"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lore, "download", lambda *_: pytest.fail("something was asked"))
    source, reason = REFUSED[case]
    said: list[str] = []
    with pytest.raises(UsageError) as error:
        fetch_thread(source, "https://lore.example/all", BOUNDS, ["lore.example"], said.append)
    assert reason in str(error.value)
    assert str(error.value).isprintable() and not said


@pytest.mark.parametrize("base", ["", "lore.example", "ftp://lore.example", "https://a:b@lore.example", "http://[x/"])
def test_a_bad_base_url_is_a_config_error(base: str) -> None:
    with pytest.raises(ConfigError, match=r"\[lore\] url is"):
        fetch_thread(ID, base, BOUNDS, [], print)


ASKED = {
    ID: "https://lore.example/all/{}",
    f"<{ID}>": "https://lore.example/all/{}",
    f"https://lore.example/linux-mm/{ID}/": "https://lore.example/linux-mm/{}",
    f"https://lore.example/linux-mm/{ID}": "https://lore.example/linux-mm/{}",
    f"https://lore.example/linux-mm/{ID}/t.mbox.gz": "https://lore.example/linux-mm/{}",
    f"https://lore.example/linux-mm/{ID}/raw": "https://lore.example/linux-mm/{}",
    f"https://lore.example/linux-mm/{ID}/T/#mdeadbeef": "https://lore.example/linux-mm/{}",
    f"https://lore.example/linux-mm/{ID}/T/#u": "https://lore.example/linux-mm/{}",
    f"https://lore.example/r/{ID}": "https://lore.example/all/{}",
    f"https://lore.example/{ID}": "https://lore.example/all/{}",
    f"https://short.example/r/{ID}": "https://lore.example/all/{}",
    f"https://LORE.example:443/a/b/{ID}/": "https://lore.example:443/a/b/{}",
    f"http://short.example:8080/mm/{ID}/": "http://short.example:8080/mm/{}",
    "https://lore.example/mm/" + ID.replace("@", "%40") + "/": "https://lore.example/mm/{}",
    f"https://lore.example/\x1b[2J/{ID}/": "https://lore.example/%1B%5B2J/{}",
}


@pytest.mark.parametrize("source", ASKED)
def test_what_is_asked(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    urls: list[str] = []

    def download(place: MailboxUrl, *_: object) -> bytes:
        urls.append(place.url)
        return MBOX

    monkeypatch.setattr(lore, "download", download)
    said: list[str] = []
    hosts = ["lore.example", "short.example"]
    mails, message_id = fetch_thread(source, "https://lore.example/all/", BOUNDS, hosts, said.append)
    assert urls == [ASKED[source].format(ID.replace("@", "%40")) + "/t.mbox.gz"]
    assert message_id == ID and len(mails) == 1
    assert said == [f"fetching {urls[0]}"] and said[0].isprintable()


@given(st.text(max_size=60) | st.text("abc@/:%.<>[]", max_size=30).map("http://lore.example/".__add__))
def test_any_source_is_an_error_or_an_id(source: str) -> None:
    try:
        lore._locate(source, lore.split_base("https://lore.example/all"), frozenset({"lore.example"}))
    except ReviewbotError as error:
        assert str(error).isprintable()


# --- a public-inbox ---


def mail(number: int, subject: str, body: str, parent: str = "", message_id: str = "") -> bytes:
    thread = f"In-Reply-To: <{parent}>\nReferences: <{parent}>\n" if parent else ""
    return (
        f"From: Ada Example <ada@example.org>\nTo: kernel@example.org\nSubject: {subject}\n"
        f"Date: Mon, 1 Jan 2024 10:0{number}:00 +0000\nMessage-ID: <{message_id or f'thread-{number}@example.org'}>\n"
        f"{thread}\n{body}\n"
    ).encode()


DIFF = "---\n fs/x.c | 1 +\n\n"
DIFF += "diff --git a/fs/x.c b/fs/x.c\n--- a/fs/x.c\n+++ b/fs/x.c\n@@ -1 +1,2 @@\n a\n+b\n-- \n2.47.0\n"
COVER = "thread-0@example.org"


@pytest.fixture(scope="module")
def thread(inbox: Inbox) -> Inbox:
    inbox.deliver(mail(0, "[PATCH 0/2] fs: two invented steps", "Why.\n\nFrom here to there, as the cover says."))
    inbox.deliver(mail(1, "[PATCH 1/2] fs: first step", "One.\n" + DIFF, COVER))
    inbox.deliver(mail(2, "[PATCH 2/2] fs: second step", "Two.\n" + DIFF, COVER))
    inbox.deliver(mail(3, "Re: [PATCH 1/2] fs: first step", "> +b\n\nWhy b?", "thread-1@example.org"))
    inbox.deliver(mail(4, "[PATCH] fs: something else", "Other.\n" + DIFF))
    return inbox


@pytest.mark.parametrize(
    "source",
    [
        COVER,
        "<thread-2@example.org>",
        "{url}/thread-1@example.org/",
        "{url}/thread-1%40example.org/T/#u",
        "{url}/thread-3@example.org/raw",
        "{url}/thread-3@example.org/t.mbox.gz",
        "http://127.0.0.1:{port}/r/thread-2@example.org",
    ],
)
def test_a_thread_of_a_public_inbox(thread: Inbox, source: str) -> None:
    asked = source.format(url=thread.url, port=thread.port)
    mails, message_id = fetch_thread(asked, thread.url + "/", BOUNDS, ["127.0.0.1"], lambda _: None)
    subjects = {message_from_bytes(raw)["Subject"] for raw in mails}
    assert subjects == {
        "[PATCH 0/2] fs: two invented steps",
        "[PATCH 1/2] fs: first step",
        "[PATCH 2/2] fs: second step",
        "Re: [PATCH 1/2] fs: first step",
    }
    assert len(mails) == 4 and f"<{message_id}>" in {message_from_bytes(raw)["Message-ID"] for raw in mails}
    (first,) = [raw for raw in mails if b"\nSubject: [PATCH 1/2]" in raw]
    assert DIFF.encode() in first


def test_the_same_as_liblore_gets(thread: Inbox) -> None:
    from liblore import LoreNode
    from liblore.utils import split_mbox_as_bytes

    with LoreNode(thread.url) as node:
        theirs = split_mbox_as_bytes(node.get_mbox_by_msgid(COVER))
    ours = fetch_thread(COVER, thread.url, BOUNDS, [], lambda _: None)[0]
    assert [one.rstrip(b"\n") for one in ours] == [one.rstrip(b"\n") for one in theirs]  # it adds one to the last
    assert split_mbox_as_bytes(thread.thread_mbox(COVER)) == theirs


def test_a_header_takes_no_longer_than_it_is() -> None:
    """liblore looks for an id in "<<<<" from each character on, to the end."""
    form = b"From x Thu Jan  1 00:00:00 1970\nMessage-ID: %b\nList-Id: %b\n\nx\n\n"
    twice = b"".join(form % (b"<" * size, b"<" * size) for size in (5, 300_000))
    begun = time.process_time()
    assert [len(one) for one in mailbox.split_mbox(twice)] == [27 + 2 * 5, 27 + 2 * 300_000]
    assert time.process_time() - begun < 1


def test_a_mail_without_an_id_is_not_lost() -> None:
    """liblore passes over it in silence."""
    mail = b"Subject: [PATCH] a\n\nx\n"
    assert mailbox.split_mbox(b"From x Thu Jan  1 00:00:00 1970\n" + mail) == (mail,)


def test_odd_ids_and_bytes_survive(thread: Inbox) -> None:
    odd = "a/b+c%2Fd$e!f=g&h?i#j~k@example.org"
    thread.deliver(mail(5, "odd", "From here\n>From there\n\xff".encode().decode() + "\f", message_id=odd))
    (raw,), message_id = fetch_thread(f"<{odd}>", thread.url, BOUNDS, [], lambda _: None)
    assert message_id == odd
    assert b"\nFrom here\n>From there\n\xc3\xbf\f\n" in raw


def test_nothing_is_left_behind(thread: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    fetch_thread(COVER, thread.url, BOUNDS, [], lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_a_message_that_is_not_there(thread: Inbox) -> None:
    with pytest.raises(FetchError, match=r"not on this server: nobody@example\.org") as error:
        fetch_thread("nobody@example.org", thread.url, BOUNDS, [], lambda _: None)
    assert error.value.status == 404


def test_a_reply_that_arrives_later_is_seen(thread: Inbox) -> None:
    thread.deliver(mail(6, "Re: [PATCH 2/2] fs: second step", "Late.", "thread-2@example.org"))
    mails, _ = fetch_thread(COVER, thread.url, BOUNDS, [], lambda _: None)
    assert any(b"Late." in raw for raw in mails)
    html = thread.thread_html(COVER)
    assert "Late." in html and html.index("second step") < html.index("Late.")
