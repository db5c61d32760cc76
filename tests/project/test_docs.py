"""What the pages in docs/ show is what the program does."""

from __future__ import annotations

import json
import re
import tomllib

import pytest

from command import THREADS, diff, mail
from pages import PAGES, block, page, shown
from report_readers import READERS
from reviewbot.cli.arguments.parser import parser
from reviewbot.report.registry import FORMATS

RULES = page("docs/rules.md")


def test_the_example_of_a_rule_works(command):
    folder = command.work / "my-rules"
    folder.mkdir()
    for name in ("dma-with-account.toml", "_allocators.toml"):
        (folder / name).write_text(block(RULES, f"`my-rules/{name}`"))
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
    (folder / "_roots.toml").write_text(block(RULES, "`my-rules/_roots.toml`"))
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
    said = command("rule", "--rows", "--rules", "my-rules").out
    assert "exfoo_receiver" in said
    contexts = RULES.partition("| context | what holds there | rule |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", contexts, re.M)) == {"atomic", "io", "nofs", "reclaim"}


def test_the_readme_has_the_same_root():
    whole = tomllib.loads(block(RULES, "`my-rules/_roots.toml`"))
    assert tomllib.loads(block(page("README.md"), "You write rules"))["root"] == whole["root"][:1]


def test_the_example_of_a_configuration_is_one(command):
    (command.work / "mine.toml").write_text(block(page("docs/configuration.md"), "name a file with `--config`"))
    assert command("rule", "--config", "mine.toml").code == 0


def test_the_examples_in_python_run(command, monkeypatch, capsys):
    (command.work / "series.mbox").write_bytes((THREADS / "demo.mbox").read_bytes())
    (command.work / "a.eml").write_bytes(mail(diff=diff()))
    monkeypatch.chdir(command.work)
    names: dict[str, object] = {}
    for example in re.findall(r"^```python\n(.*?)^```", page("docs/formats.md"), re.M | re.S):
        exec(example, names)
    assert names["code"] == 1
    assert json.loads(names["said"].getvalue())["schema"] == 1
    assert "conflicting-flags" in capsys.readouterr().out


def test_the_examples_of_formats_write_what_they_say(command):
    (command.work / "series.mbox").write_bytes((THREADS / "demo.mbox").read_bytes())
    examples = re.findall(r"^    reviewbot (thread .*)$", page("docs/formats.md"), re.M)
    seen = set()
    for example in examples:
        done = command(*example.split(), "--kernel", "6.10")
        assert (done.code, done.err) == (1, "")
        for name, path in re.findall(r"--(?:output|format) (\w+)=?(\S*)", example):
            text = (command.work / path).read_text() if path not in ("", "-") else done.out
            assert name not in READERS or len(READERS[name](text)) == 4
            seen.add(name)
    assert seen == {*FORMATS} - {"text", "kcidb"}  # that one needs a setting; tests/report/kcidb


def test_the_table_of_formats_has_all_of_them():
    rows = re.findall(r"^\| (`.*?) \| .* \| (.*) \|$", page("docs/formats.md"), re.M)
    named = {name: told for names, told in rows for name in re.findall(r"`(\w+)`", names)}
    assert set(named) == set(FORMATS)
    assert {name for name, told in named.items() if "no place" in told} == {
        name for name, format_ in FORMATS.items() if not format_.unread
    }


@pytest.mark.parametrize("name", PAGES)
def test_every_command_that_a_page_shows_is_one(name):
    for words in shown(page(name)):
        parser(words[0]).parse_args(words)


def test_there_are_commands_in_the_pages():
    counted = {name: len(list(shown(page(name)))) for name in PAGES}
    assert counted["README.md"] > 10
    assert sum(counted.values()) > 50


@pytest.mark.parametrize("name", PAGES)
def test_json_that_a_page_shows_is_json(name):
    for text in re.findall(r"^```json\n(.*?)^```", page(name), re.M | re.S):
        assert json.loads(text)
