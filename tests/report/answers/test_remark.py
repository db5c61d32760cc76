"""`reviewbot explain FINGERPRINT --report FILE`."""

from __future__ import annotations

import json

import pytest

from answers import checked, remark_schema, validator
from command import THREADS

DEMO = THREADS / "demo.mbox"


@pytest.fixture
def report(command) -> dict:
    out = command("thread", DEMO, "--kernel", "6.10", "--format", "json").out
    (command.work / "review.json").write_text(out)
    return json.loads(out)


def remarks(report: dict) -> dict[str, dict]:
    return {one["rule"]: one for patch in report["patches"] for one in patch["findings"]}


def test_all_that_the_report_says_is_printed(command, report):
    one = remarks(report)["sleep-in-atomic"]
    done = command("explain", one["fingerprint"], "--report", "review.json")
    assert (done.code, done.err) == (0, "")
    plain = " ".join(done.out.split())
    said = (one["message"], one["question"], one["why"], one["fix"], *one["sources"], one["line_text"].strip())
    shown = one["evidence"][0]
    where = f"fs/exfoo/cursor.c:{shown['line']}: {shown['note']}"
    for text in (*said, "fs/exfoo/cursor.c:23, in exfoo_cursor_get()", where, shown["text"].strip()):
        assert " ".join(text.split()) in plain
    assert max(map(len, done.out.splitlines())) <= 80


def test_a_beginning_is_enough_and_so_is_what_sarif_has(command, report):
    print_ = remarks(report)["scope-leak"]["fingerprint"]
    whole = command("explain", print_, "--report", "review.json").out
    for given in (print_[:4], print_[:9].upper(), f"{print_}:1"):
        assert command("explain", given, "--report", "review.json").out == whole


def test_as_json_it_is_the_remark_of_the_report(command, report):
    one = remarks(report)["scope-leak"]
    given = (command.work / "review.json").read_bytes()
    done = command("explain", one["fingerprint"][:6], "--report", "-", "--format", "json", stdin=given)
    (found,) = checked(done.out, "explain")["remarks"]
    assert validator("review").evolve(schema=remark_schema()).is_valid(found["remark"])
    assert found["remark"] == one
    assert found["patch"] == {key: report["patches"][1][key] for key in ("number", "subject", "message_id", "commit")}


def test_a_chain_is_printed(command):
    steps = [
        {"path": "a.c", "line": 4, "function": "exfoo_a", "text": "\tspin_lock(l);", "note": "taken", "level": 0},
        {"path": "b.c", "line": 9, "function": "exfoo_b", "text": "\tkmalloc(8);", "note": "", "level": 1},
    ]
    chain = {"functions": ["exfoo_a", "exfoo_b"], "steps": steps, "others": 2, "doubts": ["who knows"]}
    saved = {"schema": 1, "patches": [{"findings": [{"fingerprint": "0123456789abcdef", "chain": chain}]}]}
    out = command("explain", "0123", "--report", "-", stdin=json.dumps(saved).encode()).out
    calls = out.partition("CALLS\n")[2]
    assert calls.splitlines() == [
        "    exfoo_a() -> exfoo_b() (and 2 more chains)",
        "    a.c:4: taken",
        "        spin_lock(l);",
        "    b.c:9",
        "        kmalloc(8);",
        "    not certain: who knows",
    ]


def test_the_same_remark_in_two_patches_is_printed_twice_and_two_remarks_are_an_error(command):
    def patch(number, *prints):
        return {"number": number, "findings": [{"fingerprint": one, "rule": f"r{one[4]}"} for one in prints]}

    def asked(digits, *patches):
        return command("explain", digits, "--report", "-", stdin=json.dumps({"schema": 1, "patches": patches}).encode())

    both = asked("abcd", patch(1, "abcd1" + 11 * "0"), patch(2, "abcd1" + 11 * "0"))
    assert (both.code, both.out.count("fingerprint abcd1")) == (0, 2)
    two = asked("abcd", patch(1, "abcd1" + 11 * "0", "abcd2" + 11 * "0"))
    assert (two.code, two.out) == (2, "")
    assert "abcd is the beginning of several: abcd100000000000 (r1, :0), abcd200000000000 (r2, :0)" in two.err
    none = asked("abce", patch(1, "abcd1" + 11 * "0"))
    assert "no remark of stdin has a fingerprint that begins with abce; it has 1 remark\n" in none.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("abcd1234",), "name the report with --report FILE; `reviewbot thread SOURCE --format json > review.json`"),
        (("scope-leak",), "scope-leak is a rule: `reviewbot rule scope-leak` explains it"),
        (("xyz", "--report", "review.json"), "'xyz' is no fingerprint"),
        (("abc", "--report", "review.json"), "abc is too short: give 4 digits"),
        (("0123456789abcdef0", "--report", "review.json"), "is no fingerprint"),
    ],
)
def test_what_is_missing_is_said(command, report, words, said):
    done = command("explain", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert len(done.err.splitlines()) == 1


DEEP = b'{"schema": 1, "patches": [{"number": 1, "findings": [{"fingerprint": "abcd000000000000", "x": %s}]}]}'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no JSON",
        b"[]",
        b"{}",
        b'{"schema": "1"}',
        b'{"schema": 2}',
        b'{"schema": 1, "patches": 7}',
        b'{"schema": 1, "patches": [{"findings": [{"line": "x"}]}]}',
        b'{"schema": 1, "patches": [{"findings": [7]}]}',
        b"\xff\xfe",
        b"[" * 1_000_000,
        DEEP % (b"[" * 100_000 + b"]" * 100_000),
        DEEP % (b"[" * 900 + b"]" * 900),
    ],
    ids=range(13),
)
def test_what_is_no_report_is_said(command, content):
    done = command("explain", "abcd", "--report", "-", "--format", "json", stdin=content)
    if done.code:
        assert (done.code, done.out) == (3, "")
        assert len(done.err.splitlines()) == 1
        assert "report" in done.err or "schema" in done.err
    else:
        assert json.loads(done.out)["fingerprint"] == "abcd000000000000"


def test_a_report_gives_no_orders_to_a_terminal_or_a_ci(command):
    bad = "\x1b[2J\n::set-env name=A::b\n##[group]\u202e"
    one = dict.fromkeys(("rule", "path", "function", "line_text", "message", "question", "why", "page"), bad)
    step = {"path": bad, "text": bad, "note": bad}
    chain = {"functions": [bad], "steps": [step], "doubts": [bad]}
    found = {**one, "fingerprint": "abcd000000000000", "evidence": [step], "chain": chain, "sources": [bad]}
    saved = {"schema": 1, "patches": [{"number": 1, "subject": bad, "findings": [found]}]}
    for form in ("text", "json"):
        out = command("explain", "abcd", "--report", "-", "--format", form, stdin=json.dumps(saved).encode()).out
        assert not {"\x1b", "\u202e"} & set(out)
        assert "##[" not in out
        assert not any(line.lstrip().startswith("::") for line in out.splitlines())
