"""What became of a remark by the end of a range: across branches, renames and copies, in whatever order they come."""

from __future__ import annotations

import pytest

from command import Command
from desk import FILE, LEAK, MENDED, WHOLE, Span
from reviewbot.review.engine import Engine
from reviewbot.support import workers

ABOVE = "int above(int x)\n{\n\treturn x;\n}\n\n"
WIDE = "void *given(struct x *x)\n{\n\treturn kmalloc(x->size, GFP_KERNEL);\n}\n"
NARROW = WIDE.replace("KERNEL", "NOFS")


@pytest.fixture(scope="module")
def span(tmp_path_factory) -> Span:
    folder = tmp_path_factory.mktemp("outcomes")
    span = Span(Command(folder), folder / "linux").quick
    span.kernel.git("tag", "start")
    return span


@pytest.fixture
def on(span):
    def branch(name: str, rev: str = "start") -> None:
        span.kernel.git("checkout", "--quiet", "-B", name, rev)

    yield branch
    span.kernel.git("checkout", "--quiet", "--force", "main")


def merge(span: Span, *names: str) -> None:
    span.kernel.git("merge", "--quiet", "--no-ff", "--no-edit", *names)


def settled(span: Span, name: str) -> dict[str, list[tuple[str, str | None]]]:
    """By the subject of a commit, the rules of its remarks, of whatever confidence, with what settles each."""
    patches = span.found(f"start..{name}", "--min-confidence", "low")["patches"]
    names = {patch["commit"][:12]: patch["subject"] for patch in patches} | {None: None}
    return {
        patch["subject"]: [(one["rule"], names[one["resolved_by"]]) for one in patch["findings"]]
        for patch in patches
        if patch["findings"]
    }


def test_a_branch_that_never_had_it_does_not_settle_it(span, on):
    """It is reviewed after the other branch, and touches the function as it was before."""
    on("wrong")
    span.kernel.commit("wrong", {FILE: LEAK})
    on("beside")
    span.kernel.commit("beside", {FILE: WHOLE.replace("\treturn 0;", "\tx->n++;\n\treturn 0;")})
    span.kernel.git("checkout", "--quiet", "-B", "both", "wrong")
    merge(span, "beside")
    subjects = [patch["subject"] for patch in span.found("start..both")["patches"]]
    assert sorted(subjects) == ["beside", "wrong"]
    assert settled(span, "both") == {"wrong": [("scope-leak", None)]}


def test_a_branch_that_had_it_settles_it(span, on):
    on("mended")
    span.kernel.commit("wrong", {FILE: LEAK})
    span.kernel.commit("mend", {FILE: MENDED})
    on("aside")
    span.kernel.commit("aside", {FILE: ABOVE + WHOLE})
    merge(span, "mended")
    assert settled(span, "aside") == {"wrong": [("scope-leak", "mend")]}


def test_what_only_a_merge_mends_is_left_open(span, on):
    """Nobody has looked at what a merge does by itself, and it is named as not looked at."""
    on("half")
    span.kernel.commit("wrong", {FILE: LEAK})
    on("evil")
    span.kernel.commit("aside", {"fs/exfoo/b.c": WIDE})
    span.kernel.git("merge", "--quiet", "--no-ff", "--no-commit", "half")
    (span.folder / FILE).write_text(MENDED)
    span.kernel.git("commit", "--quiet", "-a", "-m", "evil")
    assert settled(span, "evil") == {"wrong": [("scope-leak", None)]}


def test_a_commit_that_only_stands_beside_a_change_does_not_take_it_back(span, on):
    """A mask is wider than it was before the first commit, whatever the second one does to the function."""
    on("wider")
    span.kernel.commit("narrow", {"fs/exfoo/w.c": NARROW})
    span.kernel.git("branch", "--force", "from")
    span.kernel.commit("wide", {"fs/exfoo/w.c": WIDE})
    span.kernel.commit("beside", {"fs/exfoo/w.c": WIDE.replace("\treturn", "\tx->n++;\n\treturn")})
    assert settled(span, "wider") == {"wide": [("widened-flags", None)]}
    span.kernel.commit("back", {"fs/exfoo/w.c": NARROW})
    assert settled(span, "wider") == {"wide": [("widened-flags", "back")]}


STEPS = (
    ("renamed, then mended", [{FILE: LEAK}, {FILE: None, "a.c": LEAK}, {"a.c": MENDED}], 2),
    ("renamed, and back", [{FILE: LEAK}, {FILE: None, "a.c": LEAK}, {"a.c": None, FILE: LEAK}], None),
    ("renamed and mended", [{FILE: LEAK}, {FILE: None, "a.c": MENDED}], 1),
    ("copied, and the copy mended", [{FILE: LEAK + ABOVE}, {"a.c": MENDED + ABOVE}], None),
    ("another file of its old name", [{FILE: LEAK}, {FILE: None, "a.c": LEAK}, {FILE: WHOLE}], None),
    ("twice in one file", [{FILE: f"#if A\n{LEAK}#else\n{WHOLE}#endif\n"}, {FILE: f"#if A\n{LEAK}#endif\n"}], None),
    (
        "the name is another's",
        [{FILE: LEAK}, {FILE: LEAK.replace("made(", "done(") + "\nint made(void)\n{\n}\n"}],
        None,
    ),
    ("its function renamed", [{FILE: LEAK}, {FILE: LEAK.replace("made(", "done(")}], None),
    ("lines above it", [{FILE: LEAK}, {FILE: ABOVE * 1 + LEAK}, {FILE: ABOVE + MENDED}], 2),
)


@pytest.mark.parametrize(("what", "steps", "expected"), STEPS, ids=[step[0] for step in STEPS])
def test_a_remark_is_followed(span, on, what, steps, expected):
    on("followed")
    for number, files in enumerate(steps):
        span.kernel.commit(f"step {number}", files)
    by = None if expected is None else f"step {expected}"
    assert settled(span, "followed")["step 0"] == [("scope-leak", by)]


def test_a_large_sync_that_a_function_may_have_gone_into_settles_nothing(span, on, monkeypatch):
    monkeypatch.setattr("reviewbot.sources.outcomes._BESIDE", 3)
    on("sync")
    span.kernel.commit("wrong", {FILE: LEAK})
    many = {f"fs/many/{at}.c": WIDE.replace("given", f"given{at}") for at in range(5)}
    span.kernel.commit("sync", {FILE: "int x;\n"} | many)
    assert settled(span, "sync")["wrong"] == [("scope-leak", None)]


def test_what_cannot_be_read_any_more_is_left_open(span, on, monkeypatch):
    on("unread")
    span.kernel.commit("wrong", {FILE: LEAK})
    span.kernel.commit("large", {FILE: LEAK.replace("\treturn -", "\treturn +")})
    monkeypatch.setattr(Engine, "wrong", lambda *_: None)
    assert settled(span, "unread")["wrong"] == [("scope-leak", None)]


@pytest.mark.parametrize("processes", [0, 2])
def test_a_file_is_looked_at_once_for_all_its_remarks(span, on, monkeypatch, processes):
    """Only its last state is read, and each of its functions that has a remark once, however many commits there are."""
    on("grown")
    files = {f"fs/exfoo/{name}.c": "" for name in "abcdefghij"}
    for at in range(8):
        for path in files:
            files[path] += LEAK.replace("made", f"made{at}") + "\n"
        span.kernel.commit(f"step {at}", files)
    monkeypatch.setattr(workers, "size", lambda most: processes)
    asked: list[tuple[str, str]] = []
    wrong = Engine.wrong

    def counted(self, path, texts, function, defined):
        asked.append((path, function))
        return wrong(self, path, texts, function, defined)

    monkeypatch.setattr(Engine, "wrong", counted)
    found = settled(span, "grown")
    assert found == {f"step {at}": [("scope-leak", None)] * 10 for at in range(8)}
    assert processes or sorted(asked) == sorted({(path, f"made{at}") for path in files for at in range(7)})
