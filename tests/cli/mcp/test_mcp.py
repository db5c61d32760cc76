"""`reviewbot mcp` as a process that the client of the protocol's own library asks over its pipes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from answers import checked
from command import THREADS, diff, mail
from httpserver import serve
from kerneltree import KernelTree, snapshot

pytest.importorskip("mcp", reason="mcp is missing: pip install -e '.[dev]'")

import anyio
from mcp import Client, MCPError, StdioServerParameters, stdio_client

from mcp_client import asked, only, said

DEMO = (THREADS / "demo.mbox").read_text()


@pytest.fixture
def tree(tmp_path: Path) -> KernelTree:
    made = KernelTree(tmp_path / "linux")
    made.commit("grow", {"fs/a.c": "int made(void)\n{\n\treturn !kmalloc(8, GFP_KERNEL | GFP_NOFS);\n}\n"})
    return made


def answer(result, kind: str = "review") -> dict:
    """What a tool answers, as the schema has it; the text is the same for clients that know no more."""
    assert not result.is_error, result.content[0].text
    assert json.loads(result.content[0].text) == result.structured_content
    return checked(json.dumps(result.structured_content), kind)


# --- what it offers ---


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_tools_and_their_schemas(command, tree, mode):
    (without,) = asked(command, ("list", {}), mode=mode)
    assert [tool.name for tool in without.tools] == ["review_patch", "explain_rule", "matrix"]
    (found,) = asked(command, ("list", {}), options=("--tree", tree.folder), mode=mode)
    assert [tool.name for tool in found.tools] == ["review_patch", "review_range", "explain_rule", "matrix", "reach"]
    for tool in found.tools:
        assert (tool.annotations.read_only_hint, tool.annotations.open_world_hint) == (True, False)
        assert tool.input_schema["type"] == tool.output_schema["type"] == "object"
        assert tool.input_schema["additionalProperties"] is False
        assert all("description" in one for one in tool.input_schema["properties"].values())
        assert "Trees of this server: linux." in tool.description or tool.name in ("explain_rule", "matrix")
    (allowed,) = asked(command, ("list", {}), options=("--lore",), mode=mode)
    assert allowed.tools[0].annotations.open_world_hint
    assert "does not fetch" in without.tools[0].description
    assert "does not fetch" not in allowed.tools[0].description


def test_without_the_library_it_says_what_to_install(command, monkeypatch):
    monkeypatch.setitem(sys.modules, "mcp", None)
    done = command.inside("mcp")
    assert (done.code, done.out) == (2, "")
    assert (
        done.err
        == "reviewbot: reviewbot mcp needs the package mcp, which is not installed: pip install 'reviewbot[mcp]'\n"
    )


def test_what_is_wrong_on_its_command_line_is_said_at_once(command, tmp_path):
    (tmp_path / "empty").mkdir()
    (command.work / "bad.toml").write_text("[mcp]\nseconds = 0\n")
    for words, text in (
        (("--tree", tmp_path / "empty"), "empty"),
        (("--config", "bad.toml"), "seconds"),
        (("--kernel", "six"), "invalid kernel version 'six'"),
    ):
        done = command("mcp", *words)
        assert done.code in (2, 3)
        assert (done.out, text in done.err, len(done.err.splitlines())) == ("", True, 1)


# --- what it answers ---


def test_a_patch_gets_the_answer_of_the_command_line(command):
    found = only(command, "review_patch", {"patch": DEMO, "kernel": "6.10"})
    done = command("thread", "-", "--kernel", "6.10", "--format", "json", stdin=DEMO.encode())
    assert answer(found) == json.loads(done.out)
    sure = only(command, "review_patch", {"patch": DEMO, "kernel": "6.10", "min_confidence": "high"})
    assert {one["confidence"] for patch in answer(sure)["patches"] for one in patch["findings"]} == {"high"}


def test_the_tables(command):
    rule, rules, row, whole = asked(
        command,
        ("explain_rule", {"rule": "scope-leak"}),
        ("explain_rule", {"kernel": "6.12"}),
        ("matrix", {"name": "__GFP_FS"}),
        ("matrix", {}),
    )
    assert [one["id"] for one in answer(rule, "rule")["listed"]] == ["scope-leak"]
    assert len(answer(rules, "rule")["listed"]) > 30
    assert [one["name"] for one in answer(row, "matrix")["flags"]] == ["__GFP_FS"]
    assert len(answer(whole, "matrix")["scopes"]) > 10


def test_a_tree_answers_and_stays_as_it_is(command, tree):
    before = snapshot(tree.folder)
    patch = mail(diff=diff(path="fs/new.c", line="\tp = kmalloc(8, GFP_KERNEL | GFP_NOFS);"))
    calls = (
        ("review_range", {"range": "HEAD"}),
        ("review_range", {"range": "HEAD~1..HEAD", "tree": "linux", "min_confidence": "high"}),
        ("reach", {"function": "made"}),
        ("reach", {"function": "made", "scope": "nofs", "revision": "HEAD", "file": "fs/a.c", "callers": True}),
        ("review_patch", {"patch": patch.decode(), "base": "HEAD", "tree": str(tree.folder)}),
    )
    one, some, reached, callers, applied = asked(command, *calls, options=("--tree", tree.folder))
    assert [found["rule"] for found in answer(one)["patches"][0]["findings"]] == ["conflicting-flags"]
    assert answer(some)["patches"][0]["commit"] == tree.git("rev-parse", "HEAD")
    assert [way["rule"] for way in answer(reached, "reach")["answers"]] == ["sleep-in-atomic"]
    assert answer(callers, "reach")["answers"] == []
    assert answer(applied)["patches"]
    assert snapshot(tree.folder) == before
    assert {name for name in command.left() if not name.startswith("linux/")} == set()


def test_a_message_id_is_fetched_where_the_operator_allows_it(command, tmp_path):
    def archive(handler) -> None:
        import gzip

        handler.send(200, gzip.compress(DEMO.encode()))

    first = "20240610081502.4711-1-mira.holt@example.org"
    with serve(archive) as server:
        (command.work / "lore.toml").write_text(f'[lore]\nurl = "http://{server.name}/all"\nhosts = []\n')
        found = only(command, "review_patch", {"message_id": f"<{first}>"}, "--lore", "--config", "lore.toml")
        assert len(answer(found)["patches"]) == 3
        assert [path for path, _ in server.seen] == [f"/all/{first}/t.mbox.gz".replace("@", "%40")]
        refused = only(command, "review_patch", {"message_id": first}, "--config", "lore.toml")
        assert "started without --lore" in said(refused)
        for other in ("/etc/passwd", "series.mbox", "-", "http://example.org/all/a@b/", "a@b/../../c", "file:///etc"):
            (command.work / "series.mbox").write_text(DEMO)
            done = only(command, "review_patch", {"message_id": other}, "--lore", "--config", "lore.toml")
            assert done.is_error or len(answer(done)["patches"]) == 3
        assert {path.partition("/all/")[0] for path, _ in server.seen} == {""}


# --- what a client may send ---


WRONG = (
    ("review_patch", {}, "give either the text of the mails as `patch`, or a `message_id`"),
    ("review_patch", {"patch": DEMO, "message_id": "a@b"}, "give either"),
    ("review_patch", {"patch": 7}, "wrong arguments for review_patch: Expected `str | null`, got `int`"),
    ("review_patch", {"patch": ["x"]}, "wrong arguments"),
    ("review_patch", {"patch": "x", "path": "/etc/passwd"}, "unknown field `path`"),
    ("review_patch", {"patch": "[" * 1_000_000}, "is not a mail"),
    ("review_patch", {"patch": "\0\x01\x02" * 50_000}, "NUL"),
    ("review_patch", {"patch": "x" * 10_000_001}, "larger than 10000000 bytes"),
    ("review_patch", {"patch": DEMO, "kernel": "--help"}, "invalid kernel version '--help'"),
    ("review_patch", {"patch": DEMO, "kernel": "6.12\0"}, "NUL"),
    ("review_patch", {"patch": DEMO, "min_confidence": "none"}, "Invalid enum value 'none'"),
    ("review_patch", {"patch": DEMO, "tree": "/etc"}, "this server has no tree '/etc': there is linux"),
    ("review_patch", {"patch": DEMO, "tree": "../linux"}, "has no tree"),
    ("review_patch", {"patch": DEMO, "base": "--output=x"}, "there is no such commit"),
    ("review_range", {"range": "--output=sarif=x"}, "no such commit"),
    ("review_range", {"range": "HEAD", "tree": "\x1b[2J"}, "'\\x1b[2J'"),
    ("review_range", {"range": "x" * 301}, "Expected `str` of length <= 300"),
    ("review_range", {}, "missing required field `range`"),
    ("reach", {"function": "-v"}, "is no name of a function"),
    ("reach", {"function": "made", "file": "/etc/passwd"}, "/etc/passwd: no such file in the tree"),
    ("reach", {"function": "made", "file": "../../etc/passwd"}, "no such file"),
    ("reach", {"function": "made", "scope": "any"}, "Invalid enum value"),
    ("explain_rule", {"rule": "--version"}, "no rule '--version'"),
    ("matrix", {"name": "-"}, "no flag or scope '-'"),
)


def test_what_is_wrong_is_an_error_of_the_tool(command, tree):
    calls = [(name, arguments) for name, arguments, _ in WRONG]
    *wrong, right = asked(command, *calls, ("matrix", {"name": "__GFP_IO"}), options=("--tree", tree.folder))
    texts = [(said(one), text) for one, (_, _, text) in zip(wrong, WRONG, strict=True)]
    assert [(found, text) for found, text in texts if text not in found or "Traceback" in found] == []
    assert answer(right, "matrix")["flags"]


def test_an_error_says_why_nothing_was_reviewed(command):
    long = "".join(f"+int f{at}(void)\n+{{\n+\treturn 0;\n+}}\n" for at in range(100_000))
    head = "diff --git a/fs/a.c b/fs/a.c\nnew file mode 100644\n--- /dev/null\n+++ b/fs/a.c\n@@ -0,0 +1,400000 @@\n"
    (command.work / "small.toml").write_text("[limits]\nmail_bytes = 1000000\n")
    found = only(command, "review_patch", {"patch": mail(diff=head + long).decode()}, "--config", "small.toml")
    assert "(limit 1000000 bytes, mail_bytes in config.toml)" in said(found)
    cut = mail(diff=head + "+int f(void)\n").decode()
    lines = said(only(command, "review_patch", {"patch": cut})).splitlines()
    assert lines[0] == "nothing was reviewed: no patch of this series could be read"
    assert lines[1].startswith("fs/a.c: ")


def test_a_tool_that_is_not_there_is_an_error_of_the_protocol(command):
    found = only(command, "run_shell", {"command": "id"})
    assert isinstance(found, MCPError)
    assert "there is review_patch, explain_rule, matrix" in found.message


def test_calls_side_by_side_get_their_own_answers(command):
    wanted = ["5.10", "6.6", "6.12", "6.10", "5.15"]
    found = {}

    async def ask() -> None:
        server = StdioServerParameters(
            command=sys.executable, args=["-m", "reviewbot", "mcp"], env=command.env, cwd=command.work
        )
        async with Client(stdio_client(server)) as client, anyio.create_task_group() as group:

            async def call(kernel: str) -> None:
                found[kernel] = await client.call_tool("review_patch", {"patch": DEMO, "kernel": kernel})

            for kernel in wanted:
                group.start_soon(call, kernel)

    anyio.run(ask)
    assert {kernel: answer(one)["kernel"] for kernel, one in found.items()} == {one: one for one in wanted}
