"""A mailbox of hostile mails: none stops a watcher, and none writes, or writes to, what it should not."""

from __future__ import annotations

import base64
import email
import io
import os
import time
import zipfile
from email.utils import getaddresses
from pathlib import Path

import pytest

from letters import mail
from listlife import AUTHOR, asks, change, life, patch, reply

BUG = change(asks())
TO = "To: linux-exfoo@vger.kernel.org\n"


def raw(headers: str, body: bytes | str, key: str = "") -> bytes:
    own = f"Message-ID: <{key}@example.org>\n" if key else ""
    head = f"From: {AUTHOR}\nDate: Mon, 10 Jun 2024 08:00:00 +0000\n{own}{headers}\n"
    return head.encode("utf-8", "surrogateescape") + (body if isinstance(body, bytes) else body.encode())


def nested(depth: int) -> bytes:
    parts = "Subject: [PATCH] exfoo: deep\n" + TO
    for level in range(depth):
        parts += f"Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n"
    return raw(parts + "Content-Type: text/plain\n\n" + BUG, "", "deep")


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("../../evil.patch", BUG)
    head = "Subject: [PATCH] exfoo: zip\nContent-Type: application/zip; name=../../evil.zip\n"
    return raw(head + "Content-Transfer-Encoding: base64\n" + TO, base64.encodebytes(out.getvalue()), "zip")


MANY = ", ".join(f"Person {n} <person{n}@example.org>" for n in range(10_000))
CHAIN = " ".join(f"<ref{n}@example.org>" for n in range(5_000))
BREAKS = "Cc: a@example.org\r\rBcc: victim@example.net\r\n\tX: y\n"
ODD = "Subject: [PATCH] exfoo: c\nContent-Type: text/plain; charset=x-none\n"
MAILS = {
    "line breaks": patch("[PATCH] exfoo: x", "lf", BUG, extra=BREAKS),
    "encoded line breaks": patch("=?utf-8?q?=5BPATCH=5D_exfoo=0ABcc:_victim@example.net?=", "elf", BUG),
    "recipients": patch("[PATCH] exfoo: many", "many", BUG, extra=f"Cc: {MANY}\n"),
    "long id": patch("[PATCH] exfoo: long", "i" * 5_000, BUG),
    "bidi": patch("[PATCH] exfoo: \u202egnp.exe\u2066", "bidi", change(asks(), function="ex\u202efoo")),
    "nested": nested(100),
    "chain": patch("[PATCH] exfoo: chain", "chain", BUG, extra=f"References: {CHAIN}\n", by="C <chain@example.org>"),
    "html": raw(f"Subject: [PATCH] exfoo: html\nContent-Type: text/html\n{TO}", f"<pre>{BUG}</pre>", "html"),
    "zip": zipped(),
    "charset": raw(ODD + TO, BUG.encode("utf-16"), "cs"),
    "no id": raw(f"Subject: [PATCH] exfoo: none\n{TO}", BUG),
    "1970": mail("[PATCH] exfoo: old", BUG, "old", day=-19_675, extra=TO),
    "2099": mail("[PATCH] exfoo: new", BUG, "new", day=27_000, extra=TO),
    "no date": raw(f"Subject: [PATCH] exfoo: when\nDate: yesterday\n{TO}", BUG, "when"),
    "own id above": patch("[PATCH] exfoo: loop", "loop", BUG, to="loop"),
    "path": patch("[PATCH] exfoo: path", "../../../../tmp/evil", change(asks(), path="../../etc/passwd")),
    "empty": b"",
    "no mail": b"\0\xff" * 1000,
    "large": patch("[PATCH] exfoo: large", "large", BUG + "+x\n" * 500_000),
    "reply of a stranger": reply("stranger", "nobody", "To: victim@example.net\n"),
}


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_mailbox_of_hostile_mails(tmp_path):
    outside = tmp_path / "home"
    outside.mkdir()
    state = outside / "state"
    state.mkdir()
    begun = time.process_time()
    before = Path.cwd()
    os.chdir(outside)
    try:
        with life(state, most=1000) as living:
            living.archive.batch = 4
            living.put(*MAILS.values())
            living.put(patch("[PATCH] exfoo: honest", "honest", change(asks(9)), by="H <h@example.org>"))
            living.after(25)
            living.after(72)
            drafts = living.drafts()
            answered = {one.in_reply_to for one in drafts}
            assert "honest@example.org" in answered, "a hostile mail has kept an honest one from being read"
            assert any("is too large" in line for line in living.said)
            for one in drafts:
                check_draft(one.content)
                assert one.subject.isprintable() and one.author.isprintable()
            for one in living.series():
                assert one.subject.isprintable() and one.reason.isprintable()
            assert not {one.state for one in living.series()} & {"waits", "partial", "held"}
    finally:
        os.chdir(before)
    assert {name.split("/")[0] for name in files_of(outside)} == {"state"}
    assert not (Path("/tmp") / "evil").exists()
    assert time.process_time() - begun < 60


def check_draft(content: bytes) -> None:
    """Recipients are the author and those whom the mail itself names, and no line of it has become a header."""
    message = email.message_from_bytes(content)
    names = {name.lower() for name in message.keys()}  # noqa: SIM118 - a message's own keys, with doubles
    assert "bcc" not in names and len(names) == len(message.keys())
    to = [address for _, address in getaddresses(message.get_all("To", []))]
    cc = [address for _, address in getaddresses(message.get_all("Cc", []))]
    assert len(to) == 1 and "victim@example.net" not in (*to, *cc)
    assert len(message["Message-ID"]) < 200


@pytest.mark.parametrize("name", sorted(MAILS))
def test_none_of_them_stops_the_others(tmp_path, name):
    """Each alone, and a series after it."""
    with life(tmp_path) as living:
        living.put(MAILS[name])
        living.put(patch("[PATCH] exfoo: honest", "honest", change(asks(9)), by="H <h@example.org>"), hours=1)
        living.after(26)
        assert "honest@example.org" in {one.in_reply_to for one in living.drafts()}


def test_recipients_follow_the_rule_of_the_list(tmp_path):
    with life(tmp_path, cc="list") as living:
        living.put(MAILS["recipients"])
        living.after(25)
        (one,) = living.drafts()
        message = email.message_from_bytes(one.content)
        assert message["Cc"] == "linux-exfoo@vger.kernel.org"


def test_a_series_of_a_thousand_versions_is_bounded(tmp_path):
    """A sender who never stops keeps only the own series busy."""
    with life(tmp_path) as living:
        for number in range(300):
            living.put(patch(f"[PATCH v{number + 1}] exfoo: keep a name", f"v{number}", BUG), hours=number / 100)
        begun = time.process_time()
        living.after(30)
        assert len(living.drafts()) <= 1
        assert time.process_time() - begun < 60
