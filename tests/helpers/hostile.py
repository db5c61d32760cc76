"""A seed in; a mail as nobody should send it, made of the project's own test mails, out.

Each is broken at some level: its headers, its encoding, its trailers, its diff, a hunk, the C in it; or it is of a kind
that has once stopped or held up a reader.
"""

from __future__ import annotations

import base64
import quopri
import random
import re
from collections.abc import Callable
from pathlib import Path

from letters import patch, series

THREADS = Path(__file__).parents[1] / "threads"
SIZES = (1, 30, 1_000, 20_000)
_NAMES = """From To Cc Reply-To Subject Date Message-ID References In-Reply-To Auto-Submitted MIME-Version Content-Type
Content-Transfer-Encoding Content-Disposition X-Loop"""
_SIGNS = '< > @ , ; : " ( ) [ ] { } = ? \\ # % + - /'
_TOKENS = "( ) { } [ ] ; , \" ' \\ /* */ // # ## & | ? : -> . = ! ~ * _ 0 9 a \t"
_ODD = [
    " ",
    "\t",
    "\r",
    "\n ",
    "\0",
    "\f",
    "\x1b",
    "ä",
    "\u202e",
    "\udcff",
    '\\"',
    '"a, b" <a@b>',
    "a@b",
    "<a@b>",
    "1:11",
]
NAMES = _NAMES.split()
SCRAPS = [
    *_SIGNS.split(),
    *("=?", "?=", "=?utf-8?b?A?=", "=?utf-8?q?=ff?=", "=?punycode?q?a?=", "=?x?b?====?=", "Re: ", "[PATCH 2/3] ", "v2"),
    *("multipart/mixed; boundary=x", "message/rfc822", "text/x-patch", "text/html", "charset=utf-16", 'charset="\0"'),
    *(
        *_ODD,
        "format=flowed; delsp=yes",
        "base64",
        "quoted-printable",
        "x-uuencode",
        "filename*0*=utf-8''%ff; ",
        "a=b; ",
    ),
]
TRAILERS = [
    *("Link: ", "Fixes: 123456789abc (", "Signed-off-by: ", "Cc: ", "base-commit: ", "prerequisite-patch-id: "),
    *("---\n", "-- \n", "> ", ">From ", "From x 1:11", "diff --git a/a b/a\n", "--- a\n+++ b\n", "@@ -1 +1 @@\n"),
]
HUNKS = [
    *(
        "@@ -1,999999999 +1 @@",
        "@@ -0,0 +1 @@",
        "@@ ",
        "\\ No newline at end of file",
        "--",
        "-- ",
        "+",
        "-",
        " ",
        "",
        "\r",
    ),
    *(
        "GIT binary patch",
        "literal 9999",
        "index 0..1",
        "rename from a",
        "Binary files a and b differ",
        "--- /dev/null",
    ),
]
_CODE = """if ( |else |for (;;) |do |while (|switch (|case 1:|return |goto out;|struct x |#define A |GFP_KERNEL|
GFP_ATOMIC |__GFP_NOFAIL|kmalloc(|memalloc_nofs_save(|memalloc_nofs_restore(|spin_lock(&l);|rcu_read_lock();|
static int f(|list_for_each_entry("""
C = [*_TOKENS.split(" "), *_CODE.replace("\n", "").split("|"), "|", "#ifdef X\n+", "#endif\n+", "\\\n+"]
DATES = ["", "yesterday", "1 Jan 99999", "Fri, 31 Dec 9999 23:59:59 -9999", "1 Jan 2024 +9999999", "0" * 5_000, "\0"]


def roots() -> list[bytes]:
    """The mails that are broken."""
    mails = [*series(1, 2), *series(2, 3, to="v1-0"), patch("[PATCH] x", "one")]
    for box in sorted(THREADS.glob("*.mbox")):
        mails += re.split(rb"(?m)^From [^\n]*\n", box.read_bytes())[1:]
    return mails


def hostile(seed: int, mails: list[bytes]) -> bytes:
    """One of the mails, broken once or more."""
    chance = random.Random(seed)
    raw = chance.choice(mails)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        head, _, body = raw.partition(b"\n\n")
        head, body = chance.choice(_LEVELS)(chance, head, body)
        raw = head + b"\n\n" + body
    return raw


def _run(chance: random.Random, scraps: list[str], most: int = len(SIZES)) -> bytes:
    """A scrap many times, or some different ones."""
    size = chance.choice(SIZES[:most])
    if chance.random() < 0.6:
        scrap = "".join(chance.choices(scraps, k=chance.choice((1, 1, 2, 3))))
        text = chance.choice(scraps) + scrap * (size // max(len(scrap), 1) + 1) + chance.choice(("", "\0", *scraps))
    else:
        text = "".join(chance.choices(scraps, k=chance.randint(1, 40)))
    return text.encode("utf-8", "surrogateescape")


def _header(chance: random.Random, head: bytes, body: bytes) -> tuple[bytes, bytes]:
    name = chance.choice(NAMES).encode()
    value = chance.choice(DATES).encode() if name == b"Date" else _run(chance, SCRAPS)
    lines = head.split(b"\n")
    if chance.random() < 0.7:
        lines = [line for line in lines if not line.lower().startswith(name.lower() + b":")]
    lines.insert(chance.randrange(len(lines) + 1), name + b": " + value)
    return b"\n".join(lines), body


def _many_headers(chance: random.Random, head: bytes, body: bytes) -> tuple[bytes, bytes]:
    line = chance.choice(NAMES).encode() + b": " + _run(chance, SCRAPS, 2).replace(b"\n", b"\n ")
    return head + (b"\n" + line) * chance.choice((3, 300, 3_000)), body


def _encoding(chance: random.Random, head: bytes, body: bytes) -> tuple[bytes, bytes]:
    how = chance.choice(("base64", "quoted-printable", "x-uuencode", "8bit", "nonsense"))
    charset = chance.choice(
        ('"\0"', "utf-16", "utf-7", "punycode-", "hz", "iso-2022-jp", "x" * 9_000, "=?", "idna", "hex")
    )
    if how == "base64":
        body = base64.encodebytes(body) if chance.random() < 0.7 else _run(chance, ["=", "A", "A=", "\n", "!"])
    elif how == "quoted-printable":
        body = quopri.encodestring(body) if chance.random() < 0.7 else _run(chance, ["=", "=\n", "=3D", "=x", " "])
    extra = f"\nContent-Transfer-Encoding: {how}\nContent-Type: text/plain; charset={charset}"
    return head + extra.encode(), body


def _nested(chance: random.Random, head: bytes, body: bytes) -> tuple[bytes, bytes]:
    depth = chance.choice((2, 20, 200, 10_000))
    kind = chance.choice(("multipart", "message", "parameters", "continued", "parts"))
    if kind == "multipart":
        return head, b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth)
        ) + body
    if kind == "message":
        return head + b"\nContent-Type: message/rfc822", b"Content-Type: message/rfc822\n\n" * depth + body
    if kind == "parts":
        part = b"--x\nContent-Type: text/x-patch; name=a.patch\n\n" + (body if depth < 100 else b"x\n")
        return head + b"\nContent-Type: multipart/mixed; boundary=x", part * depth + b"--x--\n"
    each = b"; a%d=b" if kind == "parameters" else b"; charset*%d*=utf-8''%%ff"
    return head + b"\nContent-Type: text/plain" + b"".join(each % number for number in range(depth)), body


def _trailer(chance: random.Random, head: bytes, body: bytes) -> tuple[bytes, bytes]:
    run = chance.choice(TRAILERS).encode() + _run(chance, [*TRAILERS, "a", " #", " ", "a: b\n", "<", "("])
    message, mark, rest = body.partition(b"---\n")
    return head, message + run + b"\n" + mark + rest


def _line(scraps: list[str], wanted: bytes) -> Callable[[random.Random, bytes, bytes], tuple[bytes, bytes]]:
    def broken(chance: random.Random, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        lines = body.split(b"\n")
        fits = [at for at, line in enumerate(lines) if line[:1] in wanted] or [0]
        at = chance.choice(fits)
        run = _run(chance, scraps)
        how = chance.randrange(4)
        if how == 0:
            lines[at] = lines[at][:1] + run
        elif how == 1:
            lines[at] += run
        elif how == 2:
            lines.insert(at, wanted[-1:] + run)
        else:
            del lines[at : at + chance.choice((1, 3, 50))]
        return head, b"\n".join(lines)

    return broken


def _cut(chance: random.Random, head: bytes, body: bytes) -> tuple[bytes, bytes]:
    if chance.random() < 0.3:
        return head[: chance.randrange(len(head) + 1)], body
    return head, body[: chance.randrange(len(body) + 1)]


_LEVELS = (
    *(_header, _header, _many_headers, _encoding, _nested, _trailer, _cut),
    *(_line(HUNKS, b"@+- "), _line(C, b"+"), _line(C, b"+"), _line(C, b" "), _line(["\n+"], b"+")),
)
