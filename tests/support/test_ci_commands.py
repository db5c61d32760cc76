"""Nothing of a mail gives an order to the runner of a CI that reads what is printed."""

from __future__ import annotations

import ast
import email
import json
import re
import time
from email import policy
from pathlib import Path
from xml.etree import ElementTree

import pytest

import reviewbot
from command import THREADS, diff, mail
from reviewbot.config import data_path
from reviewbot.kernel.rules import load
from reviewbot.report.registry import NAMES
from reviewbot.report.terminal import explain
from reviewbot.support.ci_commands import JSON, XML, disarmed
from reviewbot.support.escape import visible

SENDER = THREADS / "demo.toml"
ORDERS = ("::warning::x", "##[set-output name=a]b", "##vso[task.complete]x", "##TeamCity[message text='x']", "--- x")


def taken(text):
    """The lines of a log that some runner takes for a command; written anew from what each of them documents."""
    for line in re.split(r"\r\n|\r|\n", text):
        if line.lstrip().startswith("::") and "::" in line.lstrip()[2:]:
            yield "github", line
        if re.search(r"##(vso|teamcity)?\[", line, re.IGNORECASE):
            yield "marked", line
        if re.match(r"(---|\+\+\+|~~~|\^\^\^)(\s|$)", re.sub(r"\x1b\[[0-9;]*[mK]", "", line)):
            yield "buildkite", line
    yield from (("gitlab", found) for found in re.findall(r"section_\w+:\d+:[\w.-]+(?:\[[\w=, ]*\])?\r\x1b\[0K", text))


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_is_spelled_out_and_can_still_be_read(order):
    assert list(taken(order))
    assert not list(taken(disarmed(order)))
    first = ord(order[0])
    assert disarmed(order) == f"\\x{first:02x}{order[1:]}"
    assert json.loads(disarmed(json.dumps([f"\\{order}"]), JSON)) == [f"\\{order}"]
    assert ElementTree.fromstring(disarmed(f"<a b='{order[:7]}'>\n{order}</a>", XML)).text == f"\n{order}"


@pytest.mark.parametrize("before", ["", " ", "\t ", "\u00a0", "\u3000", "\u034f", "\u017f\u0130", "word\r", "\x1b[1m"])
def test_blanks_and_colours_and_what_compares_as_nothing_hide_no_order(before):
    assert "::error" not in disarmed(f"{before}::error::x")
    assert disarmed(f"{before}##\u034f[add-mask]x") == f"{before}\\x23#\u034f[add-mask]x"


@pytest.mark.parametrize("text", ["a ::b:: c", "x##y[3]", "# ##", "----", " --- a", "a::b", ":", "#[x]", "> --- a/x.c"])
def test_what_is_no_order_stays_as_it_is(text):
    assert disarmed(text) == text


def test_our_own_tables_have_none():
    kernel, rules = load((data_path("rules"),), (6, 12))
    for said in (explain.matrix(kernel, None, 80), explain.rules_list(rules, 80), explain.rule(rules[0], kernel, 80)):
        assert disarmed(said) == said


@pytest.mark.parametrize("unit", ["#", "#\u00e9", "\u00e9", " ", "\r", "\x1b[1m", "\x1b[", "##vso", "::", "-"])
def test_it_takes_no_longer_than_the_text_is(unit):
    def seconds(count):
        begun = time.process_time()
        disarmed(unit * count)
        return time.process_time() - begun

    assert seconds(160_000) < 8 * max(seconds(40_000), 0.01)


# --- whole runs ---


def hostile(order):
    """A mail that gives an order wherever it can: in its subject, its names, a path and the code."""
    text = diff(f"{order}/e.c", f"\tp = kmalloc(8, GFP_KERNEL | GFP_NOFS); /* {order}\x1b[0K */").encode()
    text += diff(f"{order}/f.c").replace("@@ -1,4 +1,5 @@", "@@ -1,4 +1,9 @@").encode()
    raw = mail(f"[PATCH] {order} {'word ' * 12} {order} {order}", text, body=f"{order}\n")
    raw = raw.replace(b"Mira Holt", f'"{order}"'.encode())
    return raw + diff(f"{order}/g.c", "\tp = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL | __GFP_NORETRY);").encode()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", [*NAMES, "local"])
def test_no_format_hands_an_order_on(command, name, order):
    (command.work / "evil.eml").write_bytes(hostile(order))
    settings = command.work / "c.toml"
    settings.write_text(f'{SENDER.read_text()}\n[kcidb]\norigin = "exfoo"\n')
    verb = ["local", "--min-confidence", "low"] if name == "local" else ["thread", "--config", settings]
    done = command.inside(*verb, "evil.eml", "--format", name, "-v", "--output", "text=kept")
    assert done.code == 1
    assert "conflicting-flags" in (command.work / "kept").read_text()
    ours = [line for line in done.out.splitlines() if name == "github" and re.match(r"::(error|warning|notice) ", line)]
    rest = [line for line in done.out.splitlines() if line not in ours]
    assert list(taken("\n".join([*rest, *(line[2:] for line in ours)]))) == []
    assert list(taken(done.err)) == []
    assert list(taken((command.work / "kept").read_text())) == []


@pytest.mark.parametrize("color", ["always", "never"])
@pytest.mark.parametrize("order", ORDERS)
def test_nor_do_colours_and_reasons(command, color, order):
    (command.work / "evil.eml").write_bytes(hostile(order))
    for verb in ("thread", "local"):
        done = command.inside(verb, "evil.eml", "--color", color, "--explain", TERM="xterm")
        assert order[-7:] in done.out
        assert list(taken(done.out)) == []


@pytest.mark.parametrize("order", ORDERS)
def test_json_and_drafts_lose_nothing(command, order):
    (command.work / "evil.eml").write_bytes(hostile(order))
    done = command.inside("thread", "evil.eml", "--format", "json")
    found = json.loads(done.out)["patches"][0]
    assert found["subject"].startswith(order)
    assert f"{order}/e.c" in {one["path"] for one in found["findings"]}
    drafts = command.inside("thread", "evil.eml", "--format", "mail", "--config", SENDER).out
    draft = email.message_from_string(drafts.partition("\n")[2], policy=policy.default)
    assert draft["Subject"].startswith(f"Re: [PATCH] {order} word")
    assert order in draft.get_content()


@pytest.mark.parametrize("order", ORDERS[:-1])
@pytest.mark.parametrize(
    "arguments",
    [
        ["thread", "{}"],
        ["thread", "x\n{}"],
        ["thread", "x", "--config", "{}"],
        ["thread", "x", "--rules", "{}"],
        ["thread", "x", "--baseline", "{}"],
        ["thread", "x", "--output", "{}"],
        ["thread", "x", "--kernel", "{}"],
        ["thread", "x", "--tree", "{}"],
        ["thread", "x", "--{}\n{}"],
        ["{}\n{}"],
        ["range", "{}"],
        ["range", "--since-merge-base", "{}"],
        ["local", "{}"],
        ["local", "--base", "{}"],
        ["rule", "{}"],
        ["matrix", "{}"],
    ],
)
def test_no_complaint_hands_one_on(command, arguments, order):
    done = command.inside(*(word.format(order, order) for word in arguments))
    assert done.code in (2, 3)
    assert done.err
    assert list(taken(done.out + done.err)) == []


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("protocol", ["review", "prep"])
def test_nor_does_an_answer_to_b4(command, protocol, order):
    done = command("check", "--protocol", protocol, stdin=hostile(order))
    assert "conflicting-flags" in done.out
    assert list(taken(done.out + done.err)) == []


def test_a_mistake_of_our_own_hands_none_on(command, monkeypatch):
    def broken(_options):
        raise ValueError("x\n::set-output name=a::b\n##[add-mask]c")

    monkeypatch.setattr("reviewbot.cli.main._run", broken)
    done = command.inside("rule", "-v")
    assert "Traceback" in done.err
    assert list(taken(done.err)) == []


def test_only_one_module_speaks_to_the_streams():
    """What goes another way than through it is not looked through."""
    top = Path(reviewbot.__file__).parent
    for path in set(top.rglob("*.py")) - {top / "cli/streams.py"}:
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"), path
            if isinstance(node, ast.Attribute) and getattr(node.value, "attr", "") in ("stdout", "stderr", "stdin"):
                assert getattr(getattr(node.value, "value", None), "id", "") != "sys" or node.attr in (
                    "isatty",
                    "fileno",
                ), path


def test_escaped_text_has_nothing_that_gitlab_would_take():
    section = "section_start:1:x[collapsed=true]\r\x1b[0K"
    assert list(taken(section))
    assert not list(taken(visible(section)))
