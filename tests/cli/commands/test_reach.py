"""`reviewbot reach`: what a function reaches that breaks in a scope, and who calls it there."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from command import Command, Done
from kerneltree import KernelTree, snapshot

ALLOC, LOCK, FILL, OTHER = "drivers/exfoo/alloc.c", "drivers/exfoo/lock.c", "lib/exfill/fill.c", "drivers/exbar/bar.c"
FILES: dict[str, str | bytes | None] = {
    ALLOC: """\
#include <linux/slab.h>

static int exfoo_grow(struct exfoo *ex)
{
	ex->p = kzalloc(64, GFP_KERNEL);
	return ex->p ? 0 : -ENOMEM;
}

/* exfoo_open(): what is said of exfoo_open() above it is no head. */
int exfoo_open(struct exfoo *ex,
		int (*how)(struct exfoo *, int),
		const char __user *names[4], ...)
{
	ex->how = how;
	exfill(ex);
	return exfoo_grow(ex);
}

int exfoo_count(void)
{
	return 3;
}

int exfoo_total(void)
{
	exfoo_note(kmalloc(8, GFP_KERNEL));
	return exfoo_count();
}

int exfoo_quiet(struct exfoo *ex)
{
	ex->p = kzalloc(64, GFP_ATOMIC);
	ex->q = kzalloc(64, GFP_NOFS);
	return exfoo_count();
}

int exfoo_asked(struct exfoo *ex, gfp_t gfp)
{
	ex->p = kzalloc(64, gfp);
	return 0;
}
""",
    LOCK: """\
static void exfoo_locked(struct exfoo *ex)
{
	spin_lock(&ex->lock);
	exfoo_count();
	spin_unlock(&ex->lock);
}

static int helper(struct exfoo *ex)
{
	return ex->n;
}

void exfoo_helped(struct exfoo *ex)
{
	spin_lock(&ex->lock);
	helper(ex);
	spin_unlock(&ex->lock);
}
""",
    FILL: """\
void exfill(struct exfoo *ex)
{
	ex->q = kmalloc(32, GFP_KERNEL);
}

void exfill_locked(struct exfoo *ex)
{
	rcu_read_lock();
	exfoo_count();
	rcu_read_unlock();
}
""",
    OTHER: """\
static int helper(struct exbar *bar)
{
	return bar->n;
}

static int exbar_alone(struct exbar *bar)
{
	bar->p = kmalloc(8, GFP_KERNEL);
	return helper(bar);
}

int exbar_run(struct exbar *bar)
{
	return exbar_alone(bar);
}

static int exbar_drop(int count)
{
	return count;
}

static unsigned long exbar_scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	return exbar_drop(3);
}

int exbar_init(struct shrinker *shrinker)
{
	shrinker->scan_objects = exbar_scan;
	return 0;
}
""",
}


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> KernelTree:
    made = KernelTree(tmp_path_factory.mktemp("kernel") / "linux")
    made.base = made.commit("exfoo: begin", FILES)
    return made


class Asking:
    """A user who asks about a tree, with an index of it or without one."""

    def __init__(self, command: Command, kernel: KernelTree, cache: Path, indexed: bool) -> None:
        self._command, self._kernel, self.cache, self.indexed = command, kernel, cache, indexed
        if indexed:
            assert self.run("index", "--tree", kernel.folder).code == 0

    def run(self, *arguments: str | Path) -> Done:
        return self._command(*arguments, XDG_CACHE_HOME=str(self.cache))

    def __call__(self, *arguments: str) -> Done:
        return self.run("reach", *arguments, "--tree", self._kernel.folder)

    def found(self, *arguments: str) -> dict:
        done = self(*arguments, "--format", "json")
        assert (done.code, done.err) == (0, "")
        return json.loads(done.out)

    def chains(self, *arguments: str) -> list[list[tuple[str, str, int]]]:
        found = self.found(*arguments)["answers"]
        return [[(one["function"], one["path"], one["line"]) for one in answer["chain"]] for answer in found]


@pytest.fixture(params=[False, True], ids=["folder", "index"])
def ask(request: pytest.FixtureRequest, command: Command, kernel: KernelTree, tmp_path: Path) -> Asking:
    return Asking(command, kernel, tmp_path / "cache", request.param)


@pytest.fixture
def plain(command: Command, kernel: KernelTree, tmp_path: Path) -> Asking:
    return Asking(command, kernel, tmp_path / "cache", False)


@pytest.fixture
def known(command: Command, kernel: KernelTree, tmp_path: Path) -> Asking:
    return Asking(command, kernel, tmp_path / "cache", True)


BELOW = [("exfoo_open", ALLOC, 16), ("exfoo_grow", ALLOC, 5)]
FAR = [("exfoo_open", ALLOC, 15), ("exfill", FILL, 3)]


@pytest.mark.parametrize("scope", ["atomic", "nofs", "noio", "noreclaim"])
def test_what_a_function_reaches(ask: Asking, scope: str) -> None:
    """Its parameters are a pointer to a function, an array and "..."; calls out of the folder need the index."""
    found = ask.found("exfoo_open", "--scope", scope)
    assert (found["function"], found["path"], found["scope"], found["callers"]) == ("exfoo_open", ALLOC, scope, False)
    assert (found["width"], found["unread"]) == ("tree" if ask.indexed else "folder", [])
    chains = ask.chains("exfoo_open", "--scope", scope)
    assert sorted(chains) == sorted([BELOW, FAR] if ask.indexed else [BELOW])
    assert "reviewbot_" not in json.dumps(found)


def test_what_a_function_does_itself(ask: Asking) -> None:
    """It has no parameters, and is followed from its own head."""
    assert ask.chains("exfoo_total()") == [[("exfoo_total", ALLOC, 26)]]


def test_a_request_that_one_scope_allows(ask: Asking) -> None:
    assert ask.chains("exfoo_quiet") == [[("exfoo_quiet", ALLOC, 33)]]
    assert ask.chains("exfoo_quiet", "--scope", "nofs") == []
    assert ask.chains("exfoo_quiet", "--scope", "noio") == [[("exfoo_quiet", ALLOC, 33)]]


def test_who_calls_it_while_it_holds_a_lock(ask: Asking) -> None:
    found = ask.found("exfoo_count", "--callers")
    (answer,) = found["answers"]
    assert (found["callers"], answer["rule"]) == (True, "sleep-in-atomic")
    steps = [(one["function"], one["path"], one["line"], one["text"]) for one in answer["chain"]]
    assert steps == [
        ("exfoo_locked", LOCK, 3, "spin_lock(&ex->lock);"),
        ("exfoo_locked", LOCK, 4, "exfoo_count();"),
        ("exfoo_count", ALLOC, 19, "int exfoo_count(void)"),
    ]
    assert answer["others"] == (1 if ask.indexed else 0)  # the one that is not shown is in another folder


def test_lines_behind_the_request_are_those_of_the_file(ask: Asking) -> None:
    held = [("exfoo_helped", LOCK, 15), ("exfoo_helped", LOCK, 16), ("helper", LOCK, 8)]
    assert ask.chains("helper", "--callers", "--file", LOCK) == [held]


@pytest.mark.parametrize("scope", ["nofs", "noio", "noreclaim"])
def test_who_calls_it_where_reclaim_comes_by(ask: Asking, scope: str) -> None:
    (answer,) = ask.found("exbar_drop", "--callers", "--scope", scope)["answers"]
    assert answer["functions"] == ["exbar_scan", "exbar_drop"]  # exbar_init() only says who runs it
    assert [(one["function"], one["line"]) for one in answer["chain"]] == [
        ("exbar_init", 29),
        ("exbar_scan", 24),
        ("exbar_drop", 17),
    ]
    assert ask.chains("exbar_drop", "--callers") == []


def test_the_text(plain: Asking) -> None:
    assert (
        plain("exfoo_open").out
        == f"""\
exfoo_open() in {ALLOC}: what breaks below it where nothing may sleep

exfoo_open() -> exfoo_grow()
    medium confidence, sleep-in-atomic
    {ALLOC}:16  return exfoo_grow(ex);
    {ALLOC}:5   ex->p = kzalloc(64, GFP_KERNEL);

1 answer: calls followed through the folder (at most 4 calls, 2 files read)
"""
    )


def test_nothing_found_says_what_was_covered(ask: Asking) -> None:
    done = ask("exfoo_count")
    width = "tree" if ask.indexed else "folder"
    assert done.code == 0
    assert f"nothing found: calls followed through the {width} (at most 4 calls, " in done.out
    assert "safe" not in done.out


def test_more_chains_are_counted(known: Asking) -> None:
    assert "(and 1 more chain)" in known("exfoo_count", "--callers").out


def test_a_mask_of_the_caller_is_no_answer(ask: Asking) -> None:
    assert ask.chains("exfoo_asked") == []


def test_a_function_of_one_file(ask: Asking) -> None:
    assert ask.chains("exbar_alone") == [[("exbar_alone", OTHER, 8)]]


def test_several_definitions(ask: Asking) -> None:
    done = ask("helper")
    assert (done.code, done.out) == (2, "")
    assert done.err == f"reviewbot: helper() is defined in 2 files; name one with --file: {OTHER}, {LOCK}\n"
    assert ask.found("helper", "--file", OTHER)["path"] == OTHER


def test_unknown(plain: Asking) -> None:
    assert plain("exfoo_opne").err == "reviewbot: no function exfoo_opne() was found in the tree\n"


def test_names_like_it(known: Asking) -> None:
    done = known("exfoo_opne")
    assert done.code == 2
    assert done.err.startswith("reviewbot: no function exfoo_opne() was found in the tree; there is exfoo_open()")


HOSTILE = ["x; y", "", "--", "a/b", "$(id)", "a\nb", "\x1b[2J", "é", "x" * 5000, ".*", "1a"]


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_name(plain: Asking, name: str) -> None:
    done = plain("--", name) if name == "--" else plain(name)
    assert (done.code, done.out) == (2, "")
    assert "\x1b" not in done.err
    assert max(map(len, done.err.split("\n"))) < 250


MISTAKES = [
    (("exfoo_open", "nothing-like-it"), "there is no such commit"),
    (("exfoo_open", "--file", "drivers/none.c"), "drivers/none.c: no such file in the tree"),
    (("exfoo_open", "--file", LOCK), f"{LOCK} defines no function exfoo_open()"),
    (("exfoo_open", "--file", "../../etc/passwd"), "../../etc/passwd: no such file in the tree"),
    (("exfoo_open", "--scope", "bh"), "--scope: no value 'bh'"),
]


@pytest.mark.parametrize(("arguments", "said"), MISTAKES)
def test_what_is_asked_wrongly(plain: Asking, arguments: tuple[str, ...], said: str) -> None:
    done = plain(*arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_another_commit(ask: Asking, kernel: KernelTree) -> None:
    """The index knows the tree of HEAD, and what differs is read."""
    text = str(FILES[ALLOC]).replace("kzalloc(64, GFP_KERNEL)", "kzalloc(64, GFP_NOWAIT)")
    tip = kernel.commit("exfoo: do not sleep", {ALLOC: text})
    kernel.back()
    kernel.git("tag", "-f", "before")
    after = kernel.commit("exfoo: do not sleep", {ALLOC: text})
    kernel.git("tag", "-f", "after")
    kernel.git("reset", "--quiet", "--hard", kernel.base)
    assert BELOW not in ask.chains("exfoo_open", "after"), (tip, after)
    assert BELOW in ask.chains("exfoo_open", "before")


def test_a_rule_that_is_off(command: Command, kernel: KernelTree) -> None:
    (command.work / "mine.toml").write_text('[rules]\ndisable = ["sleep-in-atomic"]\n')
    done = command("reach", "exfoo_open", "--tree", kernel.folder, "--config", "mine.toml")
    assert done.code == 2
    assert "--scope atomic needs the rule sleep-in-atomic, which is off" in done.err


def test_two_of_a_name_in_one_file(command: Command, tmp_path: Path) -> None:
    made = KernelTree(tmp_path / "linux")
    both = "#ifdef A\nint both(void)\n{\n\treturn 1;\n}\n#else\nint both(void)\n{\n\treturn 2;\n}\n#endif\n"
    made.commit("both", {"fs/both.c": both})
    done = command("reach", "both", "--tree", made.folder)
    assert (done.code, done.err) == (0, "")
    assert "not looked at: fs/both.c: both() stands there 2 times" in done.out


def test_odd_files(command: Command, tmp_path: Path) -> None:
    """A path that git quotes, bytes that are no UTF-8, and no end of the last line."""
    made = KernelTree(tmp_path / "linux")
    text = b"/* \xe9 */\nvoid odd(void)\n{\n\tkeep(kmalloc(8, GFP_KERNEL)); /* \xe9 */\n}\n\nint last;"
    made.commit("odd", {'fs/ödd "x.c': text})
    done = command("reach", "odd", "--tree", made.folder, "--format", "json")
    assert (done.code, done.err) == (0, "")
    (answer,) = json.loads(done.out)["answers"]
    assert [one["line"] for one in answer["chain"]] == [4]


@pytest.mark.parametrize("damage", ["UPDATE contents SET words = x'00'", "DROP TABLE places", "DROP TABLE names"])
@pytest.mark.parametrize("name", ["exfoo_open", "exbar_alone"])
def test_a_damaged_index_is_said_and_the_folder_is_read(known: Asking, damage: str, name: str) -> None:
    (path,) = known.cache.rglob("*.sqlite")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(damage)
    done = known(name)
    assert done.code == 0
    assert "the index is not used: " in done.err
    assert "calls followed through the folder" in done.out


def test_nothing_is_left(command: Command, kernel: KernelTree) -> None:
    before, left = snapshot(kernel.folder), command.left()
    assert command("reach", "exfoo_open", "--tree", kernel.folder).code == 0
    assert (snapshot(kernel.folder), command.left()) == (before, left)


def test_what_is_called_in_too_many_files(command: Command, tmp_path: Path) -> None:
    made = KernelTree(tmp_path / "linux")
    held = "void at_{0}(void)\n{{\n\trcu_read_lock();\n\tcommon();\n\trcu_read_unlock();\n}}\n"
    calls: dict[str, str | bytes | None] = {f"drivers/at{at}/a.c": held.format(at) for at in range(101)}
    made.commit("common", {"lib/common/a.c": "void common(void)\n{\n\tcount();\n}\n", **calls})
    ask = Asking(command, made, tmp_path / "cache", True)
    (unread,) = ask.found("common", "--callers")["unread"]
    assert unread["reason"] == "some 101 files call it; where more than 100 do, calls are not followed up"
    assert ask.found("common")["unread"] == []
