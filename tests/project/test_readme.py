"""What the README shows is what the program does."""

from __future__ import annotations

import json
import re

from command import THREADS, diff, mail
from report_readers import READERS
from reviewbot.cli import main
from reviewbot.cli.arguments import help
from reviewbot.config import data_path
from reviewbot.report.registry import FORMATS

ELSEWHERE = {"kcidb"}  # docs/programs.md describes it
README = data_path("README.md").read_text()


def _block(before: str) -> str:
    """The first fenced block after a text."""
    return re.split(r"^```.*\n", README[README.index(before) :], maxsplit=2, flags=re.M)[1]


def test_the_shown_output_is_the_programs(command):
    shown = _block("    reviewbot thread SOURCE")
    asked, *lines = shown.removesuffix("```\n").splitlines()
    assert asked == "$ reviewbot thread tests/threads/demo.mbox --kernel 6.10"
    whole = command("thread", THREADS / "demo.mbox", "--kernel", "6.10").out
    parts = "\n".join(lines).strip("\n").split("...\n")
    assert [part for part in parts if part.rstrip("\n") not in whole] == []
    assert len(parts) > 2


def test_the_example_of_a_rule_works(command):
    folder = command.work / "my-rules"
    folder.mkdir()
    for name in ("dma-with-account.toml", "_allocators.toml"):
        (folder / name).write_text(_block(f"`my-rules/{name}`"))
    thread = mail(diff=diff(line="\tp = exfoo_alloc(sb, 8, GFP_KERNEL_ACCOUNT | __GFP_DMA);"))
    thread_with_wrapper = mail(diff=diff(line="\tp = exfoo_alloc(sb, 8, __GFP_NOFAIL);"))
    assert "dma-with-account" in command("thread", "-", "--rules", "my-rules", stdin=thread).out
    assert command("thread", "-", stdin=thread).code == 0
    assert "nofail-cannot-sleep" in command("thread", "-", "--rules", "my-rules", stdin=thread_with_wrapper).out
    assert command("thread", "-", stdin=thread_with_wrapper).code == 0
    assert command("rule", "dma-with-account", "--rules", "my-rules").out.startswith("dma-with-account: warning")


def test_the_example_of_roots_works(command):
    folder = command.work / "my-rules"
    folder.mkdir()
    (folder / "_roots.toml").write_text(_block("`my-rules/_roots.toml`"))
    text = "static void {}(void *data)\n{{\n\tkeep(data, kmalloc(8, GFP_KERNEL));\n}}\n"
    for name, rule in (("exfoo_receiver", "reclaim-recursion"), ("exfoo_message", "sleep-in-atomic")):
        added = "".join(f"+{row}\n" for row in text.format(name).splitlines())
        path = "drivers/exfoo/a.c"
        head = f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,4 @@\n"
        thread = mail(diff=head + added)
        asked = ("thread", "-", "--kernel", "6.12", "--format", "json")
        assert rule not in command(*asked, stdin=thread).out
        found = json.loads(command(*asked, "--rules", "my-rules", stdin=thread).out)
        assert [one["rule"] for one in found["patches"][0]["findings"]] == [rule]
    said = command("rule", "--rules", "my-rules").out
    assert "exfoo_receiver" in said
    contexts = README.partition("| context | what holds there | rule |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", contexts, re.M)) == {"atomic", "io", "nofs", "reclaim"}


def test_the_example_of_a_configuration_is_one(command):
    (command.work / "mine.toml").write_text(_block("name a file with `--config`"))
    assert command("rule", "--config", "mine.toml").code == 0


def test_the_examples_in_python_run(command, monkeypatch, capsys):
    (command.work / "series.mbox").write_bytes((THREADS / "demo.mbox").read_bytes())
    (command.work / "a.eml").write_bytes(mail(diff=diff()))
    monkeypatch.chdir(command.work)
    names: dict[str, object] = {}
    for example in re.findall(r"^```python\n(.*?)^```", README, re.M | re.S):
        exec(example, names)
    assert names["code"] == 1
    assert json.loads(names["said"].getvalue())["schema"] == 1
    assert "conflicting-flags" in capsys.readouterr().out


def _section(title: str) -> str:
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_examples_of_formats_write_what_they_say(command):
    (command.work / "series.mbox").write_bytes((THREADS / "demo.mbox").read_bytes())
    examples = re.findall(r"^    reviewbot (thread .*)$", _section("Formats"), re.M)
    seen = set()
    for example in examples:
        done = command(*example.split(), "--kernel", "6.10")
        assert (done.code, done.err) == (1, "")
        for name, path in re.findall(r"--(?:output|format) (\w+)=?(\S*)", example):
            text = (command.work / path).read_text() if path not in ("", "-") else done.out
            assert name not in READERS or len(READERS[name](text)) == 4
            seen.add(name)
    assert seen == {*FORMATS} - {"text", *ELSEWHERE}


def test_the_table_of_formats_has_all_of_them():
    rows = re.findall(r"^\| (`.*?) \| .* \| (.*) \|$", _section("Formats"), re.M)
    named = {name: told for names, told in rows for name in re.findall(r"`(\w+)`", names)}
    assert set(named) | ELSEWHERE == set(FORMATS)
    assert {name for name, told in named.items() if "no place" in told} == {
        name for name, format_ in FORMATS.items() if not format_.unread
    }


def test_the_table_of_exit_codes_has_those_of_the_help():
    listed = set(re.findall(r"^\| (\d+) \|", README, re.M))
    assert set(re.findall(r"^ +(\d+) ", help.EXIT_CODES, re.M)) | {str(main.PIPE_CLOSED)} == listed
