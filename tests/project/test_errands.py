"""What CONTRIBUTING.md says is enough: its steps, done in a copy of the checkout, give what they promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from errand import Errand, claimed, committed, remarks, steps

TEXTS = Path(__file__).parents[1] / "errands"  # what is put into the files
JSON = ("--format", "json")

CHECK = '''

def _listed_calls(unit: FunctionUnit, rule: Rule, wanted: frozenset[str], context: Context) -> Iterator[Hit]:
    """Calls that a row lists under `calls`, where one of the wanted scopes is open on every path."""
    for index, step in enumerate(unit.steps):
        if step.kind != "call" or step.name not in row_words(rule, "calls"):
            continue
        held = [next((one for one in state.open if one.scope in wanted), None) for state in reached(unit, index)]
        taken = [one for one in held if one is not None]
        if taken and len(taken) == len(held):
            lock = inside_of(unit.steps[taken[0].step], taken[0].scope, context.kernel)
            yield Hit(step.lines, unit.function.name, f"{step.name} {lock}", {"call": f"{step.name}()", "lock": lock})
'''


def _text(name: str) -> str:
    return (TEXTS / name).read_text()


def test_a_rule_with_a_row_key_that_its_check_does_not_know(tmp_path, command):
    errand = Errand(tmp_path, "a", id="exfoo-log-below-raw-lock", folder="context", module="raw_lock")
    check = "reviewbot/checks/<folder>/<module>.py"
    errand.add("rules/<id>.toml", _text("exfoo-log-below-raw-lock.toml"))
    errand.add("tests/rules/<id>.md", _text("exfoo-log-below-raw-lock.md"))
    errand.edit(check, "masks_at, reached, requests\n", "from reviewbot.program.unit import FunctionUnit\n")
    errand.edit(
        check,
        "        if unit.words.isdisjoint(locks):\n            continue\n",
        "        yield from _listed_calls(unit, rule, wanted, context)\n",
    )
    errand.edit(check, "", CHECK)
    cases = errand.cases("exfoo-log-below-raw-lock")
    tree, mail = committed(tmp_path / "tree", cases)
    assert len(cases) == 5
    assert remarks(errand.run("thread", "-", *JSON, stdin=mail).stdout) == claimed(cases)
    commit = ("range", "HEAD~..HEAD", "--tree", tree.folder, *JSON)
    assert remarks(errand.run(*commit).stdout) == claimed(cases), "what is not declared is not sifted"

    errand.edit(check, "reviewbot.checks.declaration import ", "Role, ")
    errand.edit(check, "keys=", '{"calls": Role.NONE, **')
    errand.edit(check, 'no_role("reclaim", "scopes", "unless")', "}")
    assert remarks(errand.run(*commit).stdout) == set(), "a wrong role loses it"
    errand.replace(check, "Role.NONE", "Role.REQUESTS")
    assert remarks(errand.run(*commit).stdout) == claimed(cases)
    errand.check_steps()
    for report in (command(*commit), command("thread", "-", *JSON, stdin=mail)):
        assert remarks(report.out) == set()


def test_a_family_of_locks(tmp_path, command):
    errand = Errand(tmp_path, "c")
    told = [len(errand.cases(name)) for name in ("sleep-in-atomic", "alloc-under-raw-lock")]
    errand.edit("rules/_scopes.toml", "", _text("exfoo-latch.toml"))
    errand.edit("tests/rules/sleep-in-atomic.md", "", _text("exfoo-latch.md"))
    errand.edit(
        "tests/kernel/test_scopes.py", "REGIONS = [\n", '    ("exfoo_hold", "exfoo_let_go", "exfoo-latch", 0, 0),\n'
    )
    errand.edit("rules/_macros.toml", "may_unlock = [", '"let_go", ')
    errand.edit("rules/_macros.toml", "may_lock = [", '"hold", ')
    errand.edit("rules/sleep-in-atomic.toml", "\nspins = [", '"exfoo_latch_t exfoo-latch", ')
    errand.edit("rules/alloc-under-raw-lock.toml", "scopes = [", '"exfoo-latch", ')
    errand.edit("tests/rules/alloc-under-raw-lock.md", "", _text("exfoo-latch-raw.md"))
    errand.check_steps()
    cases = [*errand.cases("sleep-in-atomic")[told[0] :], *errand.cases("alloc-under-raw-lock")[told[1] :]]
    assert len(cases) == 6
    tree, mail = committed(tmp_path / "tree", cases)
    commit = ("range", "HEAD~..HEAD", "--tree", tree.folder, *JSON)
    assert remarks(errand.run("thread", "-", *JSON, stdin=mail).stdout) == claimed(cases)
    assert remarks(errand.run(*commit).stdout) == claimed(cases)
    for name in ("_macros.toml", "sleep-in-atomic.toml", "alloc-under-raw-lock.toml"):  # each of the conditions holds
        with errand.without(f"rules/{name}"):
            assert remarks(errand.run("thread", "-", *JSON, stdin=mail).stdout) != claimed(cases)
    for report in (command(*commit), command("thread", "-", *JSON, stdin=mail)):
        assert not {rule for rule, _ in remarks(report.out)} & {rule for rule, _ in claimed(cases)}


READER = '''

def exfoo(text: str) -> list[Row]:
    """Rows of tab-separated values."""
    split = [line.split("\\t") for line in text.splitlines()]
    return [Row(rule, severity, path, int(line), told) for rule, severity, path, line, told in split]


READERS["exfoo"] = exfoo
'''


EXAMPLE = """
For a spreadsheet:

    reviewbot thread series.mbox --format exfoo
"""


def test_an_output_format(tmp_path, command):
    errand = Errand(tmp_path, "e", name="exfoo")
    errand.add("reviewbot/report/formats/<name>.py", _text("exfoo.py"))
    last = '    "rdjsonl": Format("formats.rdjsonl", JSON, unread=False),\n'
    errand.edit("reviewbot/report/registry.py", last, '    "exfoo": Format("formats.exfoo", TEXT, unread=False),\n')
    errand.edit("config.toml", 'rdjsonl = "medium"\n', 'exfoo = "medium"\n')
    errand.edit("docs/formats.md", "    reviewbot thread series.mbox --format rdjsonl\n", EXAMPLE)
    errand.edit("docs/formats.md", "`gitlab`, `rdjson`, `rdjsonl`", ", `exfoo`")
    errand.edit("tests/helpers/report_readers.py", "", READER)
    errand.check_steps()
    cases = errand.cases("conflicting-flags")[:1]
    tree, mail = committed(tmp_path / "tree", cases)
    runs = (("thread", "-"), ("range", "HEAD~..HEAD", "--tree", tree.folder))
    read = errand.reader("exfoo")
    for run in runs:
        done = errand.run(*run, "--format", "exfoo", stdin=mail)
        rows = read(done.stdout.decode())
        assert [(row.rule, row.path) for row in rows] == [("conflicting-flags", "fs/exfoo/0.c")], done.stderr
        without = command(*run, "--format", "exfoo", stdin=mail)
        assert (without.code, without.out) == (2, "")
        assert "exfoo" in without.err


@pytest.mark.parametrize("letter", "abcdefgh")
def test_each_step_begins_with_the_files_to_touch(letter):
    assert len(steps(letter)) >= 3
