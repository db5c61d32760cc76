"""Mails made for the tests, and what became of them: what to say in, the bytes of the mail out."""

from __future__ import annotations

from email.utils import formatdate

from reviewbot.mail.series import newest

AUTHOR = "Ann Author <ann@example.org>"
BOB = "Bob <bob@example.org>"


def diff(name="a", line="kept = 1"):
    """A change of one file that adds one line."""
    return (
        f"diff --git a/{name}.c b/{name}.c\nindex 1111111..2222222 100644\n--- a/{name}.c\n+++ b/{name}.c\n"
        f"@@ -1,2 +1,3 @@ int start(void)\n int one;\n+{line};\n int two;\n"
    )


def mail(subject, body="", key="", *, to="", by=AUTHOR, day=1, refs=(), extra=""):
    """A plain mail; `to` is the key of the mail it answers, `day` its date."""
    lines = [f"From: {by}", f"Subject: {subject}", f"Date: {formatdate(1_700_000_000 + day * 86_400)}"]
    if key is not None:
        lines.append(f"Message-ID: <{key or subject.replace(' ', '.').replace('/', '-')}@example.org>")
    if to:
        lines.append(f"In-Reply-To: <{to}@example.org>")
    if to or refs:
        lines.append("References: " + " ".join(f"<{one}@example.org>" for one in (*refs, to) if one))
    head = "\n".join(lines) + "\n" + extra
    return f"{head}\n{body}".encode("utf-8", "surrogateescape")


def patch(subject, key="", line="kept = 1", **more):
    """A patch mail as git send-email writes it."""
    name = more.pop("name", "a")
    body = f"Why this is done.\n\nSigned-off-by: {AUTHOR}\n---\n {name}.c | 1 +\n\n{diff(name, line)}-- \n2.43.0\n\n"
    return mail(subject, body, key, **more)


def series(version, total, *, key="", day=1, prefix="PATCH", cover=True, to="", title="thing"):
    """The mails of one version, threaded below the cover letter or the first patch; keys are <key>0, <key>1 ..."""
    key = key or f"v{version}-"
    tag = prefix if version == 1 else f"{prefix} v{version}"
    out = [mail(f"[{tag} 0/{total}] {title}", "All of it.\n", f"{key}0", day=day, to=to)] if cover else []
    for number in range(1, total + 1):
        above = f"{key}0" if cover else f"{key}1" if number > 1 else to
        refs = (to,) if to and above != to else ()
        line = f"v{version} = {number}"
        subject = f"[{tag} {number}/{total}] {title}: part {number}"
        out.append(patch(subject, f"{key}{number}", line, day=day, to=above, refs=refs, name=f"f{number}"))
    return out


def keys(found):
    return [one.mail.message_id.removesuffix("@example.org") for one in found.patches]


def check(messages, expected, notes=(), version=None, wanted=None):
    """The patches of `messages` are `expected`, by key, and each of `notes` is part of one line of unread."""
    found = newest(messages, wanted)
    assert keys(found) == expected
    assert [one.number for one in found.patches] == sorted(one.number for one in found.patches)
    said = [one.reason for one in found.unread]
    assert len(said) == len(notes), said
    for note, line in zip(notes, said, strict=True):
        assert note in line
    if version:
        assert found.version == version
    return found
