"""What is read of a mail's headers without parsing it, also of headers that were written on purpose."""

from __future__ import annotations

import time

import pytest

from reviewbot.archive.heads import HEAD, mail_head
from reviewbot.archive.threads import Filed, Threads

WHEN = 1_704_103_200  # Mon, 1 Jan 2024 10:00:00 +0000
DATE = b"Date: Mon, 1 Jan 2024 10:00:00 +0000\n"
LATER = b"Received: from a by b; Mon, 1 Jan 2024 10:01:00 +0000\n"


@pytest.mark.parametrize(
    ("top", "received", "dated"),
    [
        (DATE, 0, WHEN),
        (LATER + DATE, WHEN + 60, WHEN),
        (b"Received: by a id 1\n" + LATER + DATE, WHEN + 60, WHEN),
        (b"RECEIVED: from a by b\n\twith SMTP;\r\n\tMon, 1 Jan 2024 10:01:00\n +0000 (UTC)\n" + DATE, WHEN + 60, WHEN),
        (LATER + b"Received: from x by y; Mon, 1 Jan 2024 09:00:00 +0000\n" + DATE, WHEN + 60, WHEN),
        (b"Date: yesterday\n", 0, 0),
        (b"Date: Mon, 1 Jan 99999 10:00:00 +0000\n", 0, 0),
        (b"Subject: x\n", 0, 0),
    ],
)
def test_when_a_mail_came(top, received, dated):
    head = mail_head(top + b"Message-ID: <a@x>\n\n" + b"Received: from a by b; Tue, 2 Jan 2024 10:01:00 +0000\n")
    assert (head.received, head.dated) == (received, dated)
    assert head.when == (received or dated)


def test_ids():
    head = mail_head(
        b"message-id:\n <own@x>\r\nReferences: <root@x>\n <b@x> junk <c@x>\nIn-Reply-To: <c@x> (Bob)\n\n<not@x>\n"
    )
    assert (head.message_id, head.answers) == (b"own@x", (b"root@x", b"b@x", b"c@x"))
    assert mail_head(b"Subject: x\n\n").message_id == b""


HOSTILE = {
    "a long chain": b"References: " + b"".join(b"<r%d@x>\n " % number for number in range(5_000)) + b"\n",
    "brackets": b"References: " + b"<" * 60_000 + b"\nMessage-ID: " + b"<" * 60_000 + b"\n",
    "one long line": b"Received: " + b"x" * 60_000 + b"\nDate: " + b"; " * 20_000 + b"\n",
    "many": b"Received: a;b\n" * 4_000 + b"Date: x\n" * 4_000,
    "folds": b"Received:" + b"\n " * 30_000 + b"\n",
    "no end": b"A: b\n" * 200_000,
    "nothing": b"",
    "zeros": b"\0" * 100_000,
}


@pytest.mark.parametrize("case", HOSTILE)
def test_headers_that_were_written_on_purpose_take_no_time(case):
    begun = time.process_time()
    for _ in range(5):
        head = mail_head(HOSTILE[case] + b"\n\nbody")
    assert time.process_time() - begun < 0.5
    assert len(head.answers) <= 33


def test_of_a_long_chain_the_first_and_the_nearest_count():
    raw = b"References: " + b" ".join(b"<r%d@x>" % number for number in range(100)) + b"\nIn-Reply-To: <p@x>\n\n"
    answers = mail_head(raw).answers
    assert answers[0] == b"r0@x" and answers[-2:] == (b"r99@x", b"p@x") and len(answers) == 32
    assert len(raw) < HEAD


# --- threads ---


def filed(*mails: tuple[str, str]) -> list[Filed[str]]:
    """Mails with what each answers, the newest first; the key is the id."""
    return [Filed(own, mail_head(f"Message-ID: <{own}>\nReferences: {to}\n\n".encode())) for own, to in mails]


def test_a_thread_is_found_from_each_of_its_mails():
    every = filed(("d@x", "<b@x>"), ("y@x", ""), ("c@x", "<a@x>"), ("b@x", "<a@x>"), ("a@x", ""), ("x@x", ""))
    for own in ("a@x", "b@x", "c@x", "d@x"):
        assert Threads(every).of(own) == ["a@x", "b@x", "c@x", "d@x"]


def test_mails_that_answer_what_is_not_there_belong_together():
    assert Threads(filed(("b@x", "<gone@x>"), ("a@x", "<gone@x>"))).of("b@x") == ["a@x", "b@x"]
    assert Threads(filed(("b@x", "<gone@x>"))).of("gone@x") == ()


def test_no_more_is_looked_at_than_a_thread_needs():
    seen = []

    def newest():
        for number in range(9_000, 0, -1):
            seen.append(number)
            yield from filed((f"m{number}@x", f"<m{number // 10 * 10}@x>"))

    threads = Threads(newest())
    assert threads.of("m8995@x") == [f"m{number}@x" for number in range(8990, 9000)]
    assert len(seen) <= 1_500
    assert threads.of("m8985@x") == [f"m{number}@x" for number in range(8980, 8990)]
    assert len(seen) <= 1_500, "what was looked at is kept"
    assert len(threads.of("m5@x")) == 9 and len(seen) == 9_000


def test_an_id_that_all_mails_name_is_no_thread():
    begun = time.process_time()
    found = Threads(filed(*((f"m{number}@x", "<all@x>") for number in range(10_000)), ("all@x", ""))).of("m1@x")
    assert len(found) <= 201 and time.process_time() - begun < 5
