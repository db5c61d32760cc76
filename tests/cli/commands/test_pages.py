"""`reviewbot pages` as somebody calls it: what it writes, what it leaves alone, and what it says."""

from __future__ import annotations

import json
import re

from command import THREADS, diff, mail
from reviewbot.config import data_path

RULE = """
severity = "warning"
confidence = "medium"
depth = "diff"
check = "masks.combination:mask_combination"
summary = "<b>$mask</b> & so"
question = "?"
why = "<script>alert(1)</script>"
fix = "</title>"
"""


def test_it_writes_pages_and_leaves_others_alone(command):
    (command.work / "public").mkdir()
    (command.work / "public" / "notes.html").write_text("mine")
    done = command("pages", "public")
    assert (done.code, done.out) == (0, "")
    assert re.fullmatch(r"\d+ pages in public; open public/index\.html\n", done.err)
    assert (command.work / "public" / "notes.html").read_text() == "mine"
    assert (command.work / "public" / "rules" / "scope-leak.html").exists()
    assert not [path for path in command.left() if path.endswith(".part")]


def test_a_file_of_somebody_else_is_not_overwritten(command):
    (command.work / "public").mkdir()
    (command.work / "public" / "index.html").write_text("mine")
    done = command("pages", "public")
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("reviewbot: public/index.html is there already and was not written by reviewbot")
    assert command.left() == {"work/public/index.html"}


def test_what_is_no_folder_is_an_error(command):
    (command.work / "public").write_text("a file")
    done = command("pages", "public", "-q")
    assert (done.code, done.err) == (3, "reviewbot: public is no folder\n")


def test_rules_of_ones_own_have_pages_that_go_with_them(command):
    (command.work / "mine").mkdir()
    check = re.search(r'^check = "(.*)"$', data_path("rules/conflicting-flags.toml").read_text(), re.M)[1]
    rule = re.sub(r"^check = .*$", f'check = "{check}"', RULE, flags=re.M)
    (command.work / "mine" / "own-rule.toml").write_text(rule)
    assert command("pages", "public", "--rules", "mine").code == 0
    page = command.work / "public" / "rules" / "own-rule.html"
    text = page.read_text()
    assert "&lt;script&gt;<code>alert(1)</code>&lt;/script&gt;" in text and "<script>" not in text
    assert "&lt;b&gt;<var>mask</var>&lt;/b&gt; &amp; so" in text
    assert command("pages", "public").code == 0
    assert not page.exists()


# --- links to the pages ---


def linked(command, *more: str):
    """The configuration that says where the pages are."""
    text = f'[pages]\nurl = "https://pages.example/r/"\n{"".join(more)}'
    (command.work / "c.toml").write_text(text)
    return "--config", "c.toml", "--kernel", "6.10"


PAGE = "https://pages.example/r/rules/conflicting-flags.html"


def test_reports_link_to_the_page_of_a_rule(command):
    given = linked(command)
    sent = mail(diff=diff())
    whole = json.loads(command("thread", "-", "--format", "json", *given, stdin=sent).out)
    assert [one["page"] for one in whole["patches"][0]["findings"]] == [PAGE]
    log = json.loads(command("thread", "-", "--format", "sarif", *given, stdin=sent).out)
    pages = {rule["id"]: rule["helpUri"] for rule in log["runs"][0]["tool"]["driver"]["rules"]}
    assert pages["conflicting-flags"] == PAGE and len(pages) > 20
    assert f'href="{PAGE}"' in command("thread", "-", "--format", "html", *given, stdin=sent).out
    without = json.loads(command("thread", "-", "--format", "json", stdin=sent).out)
    assert "page" not in without["patches"][0]["findings"][0]
    assert "helpUri" not in command("thread", "-", "--format", "sarif", stdin=sent).out


def test_drafts_name_it_where_they_are_told_to(command):
    sender = 'name = "Ida"\nemail = "ida@review.example"\n'
    silent = linked(command, f"[mail]\n{sender}")
    assert PAGE not in command("thread", "-", "--format", "mail", *silent, stdin=mail(diff=diff())).out
    line = "\tp = kmalloc(8, GFP_KERNEL | GFP_NOFS);\n+\tq = kmalloc(8, GFP_KERNEL | GFP_NOFS);"
    twice = diff(line=line).replace("+1,5 @@", "+1,6 @@")
    given = linked(command, f"[mail]\nlink_pages = true\n{sender}")
    said = command("thread", "-", "--format", "mail", *given, stdin=mail(diff=twice)).out
    assert said.count(f"\n\nSee {PAGE}\n\n") == 1


def test_b4_takes_no_trailer_out_of_such_a_draft(command):
    from b4 import LoreMessage

    sender = 'name = "Ida"\nemail = "ida@review.example"\n'
    given = linked(command, f"[mail]\nlink_pages = true\n{sender}")
    (command.work / "d.mbox").write_bytes((THREADS / "demo.mbox").read_bytes())
    said = command("thread", "d.mbox", "--format", "mail", *given).out
    body = said.partition("\n\n")[2]
    assert "See https://pages.example/r/rules/" in body
    assert LoreMessage.find_trailers(f"Link: {PAGE}\n", followup=True)[0]  # this is what it would take
    taken = [found.as_string() for found in LoreMessage.find_trailers(body, followup=True)[0]]
    assert [one for one in taken if "https:" in one] == []


def test_an_address_that_is_none_is_an_error(command):
    for wrong in ("pages.example", "javascript:alert(1)", "https://a b", "https://a/#x"):
        (command.work / "c.toml").write_text(f'[pages]\nurl = "{wrong}"\n')
        done = command("rule", "--config", "c.toml")
        assert done.code == 2 and "https://" in done.err


def test_the_commands_of_the_page_on_pages_work(command):
    text = data_path("docs/pages.md").read_text()
    (command.work / "series.mbox").write_bytes((THREADS / "demo.mbox").read_bytes())
    tables = "".join(re.findall(r"^```toml\n(.*?)^```", text, re.M | re.S))
    (command.work / "config.toml").write_text(tables)
    ran = [words.split() for words in re.findall(r"^    reviewbot (.*)$", text, re.M)]
    for words in ran:
        if words[0] != "range":  # needs a repository: tests/cli/commands/test_range_files.py
            assert command(*words, "--config", "config.toml").code in (0, 1), words
    assert len(ran) == 4 and (command.work / "review.html").read_text().startswith("<!doctype html>")
