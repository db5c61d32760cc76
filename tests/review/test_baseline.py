"""What is not raised, and what fails a run: ignored remarks, known ones, and the bar for the exit code."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from command import mail
from report_cases import ALLOC, DIR, DRAIN, SCOPE, review, reviewed
from report_readers import READERS
from reviewbot.model.errors import ConfigError
from reviewbot.model.review import Review
from reviewbot.review import baseline
from reviewbot.review.baseline import BaselineEntry, Ignore, ignore_of

FILE = "fs/toy/toy.c"


def needles(found: Review) -> list[str]:
    """The lines that remarks are about, without what stands before and behind the needle."""
    return [bytes.fromhex(one.fingerprint).decode() for patch in found.patches for one in patch.findings]


def short(needle: str) -> str:
    return needle[:8]  # a fingerprint of report_cases has no more of it


# --- [[ignore]] ---

COVERED = {
    "the rule": ({"rule": "toy-scope"}, True),
    "another rule": ({"rule": "toy"}, False),
    "the path": ({"path": FILE}, True),
    "a folder": ({"path": "fs/*"}, True),
    "a folder by its name only": ({"path": "fs"}, False),
    "one that is spelled otherwise": ({"path": "FS/*"}, False),
    "functions that begin alike": ({"function": "toy_*"}, True),
    "a part of a function's name": ({"function": "toy"}, False),
    "the fingerprint": ({"fingerprint": SCOPE.encode().hex()[:16]}, True),
    "the start of the fingerprint": ({"fingerprint": SCOPE.encode().hex()[:15]}, False),
    "all that is named": ({"rule": "toy-scope", "path": "fs/*", "function": "toy_fill"}, True),
    "not all that is named": ({"rule": "toy-scope", "path": "fs/*", "function": "toy_drain"}, False),
}


@pytest.mark.parametrize(("table", "covered"), COVERED.values(), ids=COVERED)
def test_all_that_a_table_names_has_to_fit(table, covered):
    one = ignore_of({"reason": "known to the maintainer", **table}, "here")
    given_ = review(reviewed([(SCOPE, {"path": FILE})]))
    done = baseline.without_known(given_, [one], ())
    assert needles(done.review) == ([] if covered else [short(SCOPE)])
    assert (done.ignored, done.idle) == ((1, ()) if covered else (0, (one,)))


BAD_TABLES = {
    "no reason": ({"rule": "toy-scope"}, "reason is missing"),
    "a reason without words": ({"rule": "toy-scope", "reason": " \n"}, "reason is missing"),
    "nothing but a reason": ({"reason": "noise"}, "leave out every remark"),
    "only what is empty": ({"reason": "noise", "path": ""}, "leave out every remark"),
    "another key": ({"reason": "noise", "file": "a.c"}, "unknown key 'file'"),
    "another kind": ({"reason": "noise", "rule": ["toy-scope"]}, "rule must be a text"),
}


@pytest.mark.parametrize(("table", "why"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_a_table_that_is_not_understood(table, why):
    with pytest.raises(ConfigError, match=f"^here: .*{why}"):
        ignore_of(table, "here")


# --- a baseline ---


def test_as_many_equal_remarks_as_it_counts_are_known_in_each_patch():
    twice = reviewed([SCOPE, SCOPE, ALLOC], total=2)
    base = baseline.new_baseline(review(reviewed([SCOPE])))
    done = baseline.without_known(review(twice, reviewed([SCOPE, DRAIN], number=2, total=2)), (), base)
    assert needles(done.review) == [short(SCOPE), short(ALLOC), short(DRAIN)]
    assert (done.known, done.stale) == (2, ())


def test_what_a_later_patch_settles_is_neither_known_nor_counted():
    settled = reviewed([(SCOPE, {"resolved_by": 2}), SCOPE], total=2)
    assert baseline.new_baseline(review(reviewed([(SCOPE, {"resolved_by": 2})], total=2))) == ()
    base = baseline.new_baseline(review(settled))
    assert [one.count for one in base] == [1]
    left = baseline.without_known(review(settled), (), base).review.patches[0].findings
    assert [one.resolved_by for one in left] == [2]


def test_what_is_ignored_takes_no_place_of_what_is_known():
    given_ = review(reviewed([(SCOPE, {"function": "one"}), (SCOPE, {"function": "two"})]))
    base = baseline.new_baseline(review(reviewed([SCOPE])))
    done = baseline.without_known(given_, [Ignore("no", function="one")], base)
    assert (needles(done.review), done.ignored, done.known) == ([], 1, 1)


def test_what_is_no_longer_there_is_named():
    base = baseline.new_baseline(review(reviewed([SCOPE, SCOPE, ALLOC, DIR])))
    done = baseline.without_known(review(reviewed([SCOPE, DIR])), (), base)
    assert [short(bytes.fromhex(one.fingerprint).decode()) for one in done.stale] == [short(ALLOC), short(SCOPE)]


def test_writing_one_keeps_what_was_known():
    before = baseline.new_baseline(review(reviewed([SCOPE, SCOPE, ALLOC])))
    after = baseline.new_baseline(review(reviewed([SCOPE, DIR])), before)
    assert {short(bytes.fromhex(one.fingerprint).decode()): one.count for one in after} == {
        short(SCOPE): 2,
        short(ALLOC): 1,
        short(DIR): 1,
    }
    assert list(after) == sorted(after)


SETS = st.lists(
    st.lists(st.tuples(st.sampled_from([SCOPE, ALLOC, DRAIN, DIR]), st.sampled_from([None, None, 2])), max_size=6),
    min_size=1,
    max_size=4,
)


@given(SETS)
def test_with_its_own_baseline_a_review_raises_nothing(patches):
    given_ = review(
        *(
            reviewed([(needle, {"resolved_by": by}) for needle, by in one], number=at, total=len(patches))
            for at, one in enumerate(patches, 1)
        )
    )
    base = baseline.new_baseline(given_)
    done = baseline.without_known(given_, (), base)
    assert all(one.resolved_by for patch in done.review.patches for one in patch.findings)
    assert done.stale == ()
    assert baseline.loaded(baseline.dumped(base), "here") == base
    assert baseline.new_baseline(given_, base) == base


ENTRY = {"rule": "r", "path": "p", "function": "f", "line": "l", "fingerprint": "a", "count": 1}
BAD_FILES = {
    "empty": ("", "invalid JSON"),
    "text": ("known: all", "invalid JSON"),
    "nested too deep": ("[" * 200_000, "not a baseline file"),
    "a list": ("[]", "must be a table"),
    "no number": ('{"remarks": []}', "schema is missing"),
    "of a later version": ('{"schema": 2, "remarks": []}', "schema must be 1"),
    "no remarks": ('{"schema": 1}', "remarks is missing"),
    "remarks that are none": ('{"schema": 1, "remarks": [1]}', "remarks must be a list of tables"),
    **{
        f"a remark with {name}": (json.dumps({"schema": 1, "remarks": [{**ENTRY, **entry}]}), why)
        for name, entry, why in (
            ("a count of 0", {"count": 0}, "count must be a whole number above 0"),
            ("a count that is none", {"count": True}, "count must be"),
            ("another key", {"who": "me"}, "unknown key 'who'"),
            ("no text", {"rule": None}, "rule must be a text"),
        )
    },
    "a remark without a fingerprint": (
        json.dumps({"schema": 1, "remarks": [{key: ENTRY[key] for key in ENTRY if key != "fingerprint"}]}),
        "fingerprint is missing",
    ),
}


@pytest.mark.parametrize(("text", "why"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_is_no_baseline(text, why):
    with pytest.raises(ConfigError, match=f"^known.json:? .*{why}"):
        baseline.loaded(text, "known.json")


def test_a_row_of_the_file_has_one_thing_that_may_change():
    """So that two branches which add to it can be merged, and a diff of it can be read."""
    one = BaselineEntry("a.c", "f", "r", "p = kmalloc(8, \u201cx\u201d);", "0123", 1)
    few, more = baseline.dumped([one]).split("\n"), baseline.dumped([one, replace(one, fingerprint="4567")]).split("\n")
    assert len(more) - len(few) == 8
    assert [line for line in few if line not in more] == []
    assert "\u201cx\u201d" in baseline.dumped([one])


# --- on a command line ---

# a warning and a note
BODY = """\
	p = kmalloc(8, GFP_KERNEL | GFP_NOFS);
	q = kmalloc(8, GFP_NOWAIT | __GFP_NOWARN);"""
CODE = "int {name}(void)\n{{\n\tvoid *p;\n{body}\n\treturn 0;\n}}\n"


def patch(body: str = BODY, *, name: str = "made", above: str = "", subject: str = "[PATCH] exfoo: made()") -> bytes:
    """A mail that makes a file with a function in it."""
    rows = (above + CODE.format(name=name, body=body)).rstrip("\n").split("\n")
    added = "\n".join(f"+{row}" for row in rows)
    diff = "diff --git a/fs/exfoo/a.c b/fs/exfoo/a.c\nnew file mode 100644\nindex 000000000000..222222222222\n"
    diff += f"--- /dev/null\n+++ b/fs/exfoo/a.c\n@@ -0,0 +1,{len(rows)} @@\n{added}\n-- \n2.43.0\n"
    return mail(subject, diff)


class Run:
    """`reviewbot thread -` and what it raised."""

    def __init__(self, command) -> None:
        self.command = command

    def __call__(self, *options, stdin: bytes = b"", kernel: str = "6.12"):
        return self.command("thread", "-", "--kernel", kernel, *options, stdin=stdin or patch())

    def raised(self, *options, stdin: bytes = b"", code: int | None = None) -> list[tuple[str, str]]:
        done = self(*options, "--format", "json", stdin=stdin)
        found = [one for reviewed_ in json.loads(done.out)["patches"] for one in reviewed_["findings"]]
        assert done.code == (bool(found) if code is None else code), done.err
        return [(one["severity"], one["rule"]) for one in found]

    def configured(self, text: str):
        (self.command.work / "own.toml").write_text(text)
        return "--config", "own.toml"


@pytest.fixture
def run(command):
    return Run(command)


def test_severities_of_what_is_used_here(run):
    assert run.raised() == [("warning", "conflicting-flags"), ("note", "redundant-flag")]


BARS = [
    ([], 1),
    (["--fail-on", "note"], 1),
    (["--fail-on", "warning"], 1),
    (["--fail-on", "error"], 0),
    (["--fail-on", "never"], 0),
    (["--exit-zero"], 0),
]


@pytest.mark.parametrize(("options", "code"), BARS)
def test_the_bar_changes_the_exit_code_and_nothing_else(run, options, code):
    done = run(*options)
    assert done.code == code
    assert done.out == run().out


def test_only_what_is_bad_enough_fails(run):
    note = patch(BODY.split("\n")[1])
    codes = {bar: run("--fail-on", bar, stdin=note).code for bar in ("note", "warning", "error", "never")}
    assert codes == {"note": 1, "warning": 0, "error": 0, "never": 0}


def test_what_is_not_shown_does_not_fail(run):
    done = run("--min-severity", "error", "--fail-on", "note", stdin=patch(BODY.split("\n")[1]))
    assert done.code == 0


def test_the_bar_of_the_config_and_over_it_that_of_the_command_line(run):
    own = run.configured('[report]\nfail_on = "never"\n')
    assert (run(*own).code, run(*own, "--fail-on", "warning").code) == (0, 1)


def test_a_baseline_is_written_and_then_only_news_is_raised(run):
    done = run("--write-baseline", "known.json")
    assert (done.code, done.out.count("conflicting-flags")) == (0, 0)
    assert done.err == "known.json: 2 remarks are known from now on\n"
    assert done.out == "clean: 1 patch, 7 added lines, kernel 6.12 (2 known or ignored)\n"
    assert run.raised("--baseline", "known.json") == []
    moved = patch(above="/* something new */\n" * 30)
    assert run.raised("--baseline", "known.json", stdin=moved) == [], "the same lines further down"
    more = patch(BODY + "\n\tr = kzalloc(8, GFP_KERNEL | GFP_NOFS);")
    assert run.raised("--baseline", "known.json", stdin=more) == [("warning", "conflicting-flags")]
    twice = patch(BODY + "\n" + BODY.split("\n")[0])
    assert run.raised("--baseline", "known.json", stdin=twice) == [("warning", "conflicting-flags")]
    other = patch(name="other")
    assert len(run.raised("--baseline", "known.json", stdin=other)) == 2


def test_a_baseline_is_kept_up_to_date_in_place(run):
    run("--write-baseline", "known.json", stdin=patch(BODY.split("\n")[0]))
    first = (run.command.work / "known.json").read_text()
    done = run("--baseline", "known.json", "--write-baseline", "known.json", stdin=patch(name="other"))
    assert (done.code, done.err) == (0, "known.json: 3 remarks are known from now on\n")
    both = json.loads((run.command.work / "known.json").read_text())["remarks"]
    assert [one["function"] for one in both] == ["made", "other", "other"]
    assert all(one in both for one in json.loads(first)["remarks"])


def test_what_became_of_a_baseline_is_said_with_v(run):
    run("--write-baseline", "known.json")
    done = run("--baseline", "known.json", "-v", stdin=patch(BODY.split("\n")[0]))
    assert "not raised: 0 ignored, 1 in the baseline" in done.err
    assert "baseline: redundant-flag in fs/exfoo/a.c, made() (" in done.err
    assert "fewer here than it counts" in done.err


UNUSABLE = {
    "not there": ("absent.json", "--baseline absent.json: no such file or directory"),
    "a folder": (".", "--baseline .: is a directory"),
    "no UTF-8": ("latin.json", "--baseline latin.json: not a baseline file: invalid UTF-8"),
    "something else": ("other.json", "--baseline other.json: not a baseline file: invalid JSON"),
}


@pytest.mark.parametrize(("name", "why"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_baseline_that_cannot_be_used_stops_the_run_before_it_begins(run, name, why):
    (run.command.work / "latin.json").write_bytes(b"\xff")
    (run.command.work / "other.json").write_text("<xml/>")
    done = run("--baseline", name, "--write-baseline", "new.json")
    assert (done.code, done.out) == (2, "")
    assert why in done.err
    assert not (run.command.work / "new.json").exists()


@pytest.mark.parametrize("place", ["nowhere/known.json", "."])
def test_a_baseline_that_cannot_be_written_says_so_before_it_begins(run, place):
    done = run("--write-baseline", place)
    assert (done.code, done.out) == (3, "")
    assert place in done.err


def test_a_run_that_reviewed_nothing_leaves_the_baseline_as_it_was(run):
    run("--write-baseline", "known.json")
    before = (run.command.work / "known.json").read_bytes()
    done = run("--baseline", "known.json", "--write-baseline", "known.json", stdin=b"no mail at all\n")
    assert done.code == 3
    assert (run.command.work / "known.json").read_bytes() == before


def test_what_is_ignored_is_in_no_format(run):
    ignored = '[[ignore]]\nrule = "conflicting-flags"\npath = "fs/exfoo/*"\nreason = "tested hardware"\n'
    own = run.configured(f'{ignored}[kcidb]\norigin = "toys"\n')
    assert run.raised(*own) == [("note", "redundant-flag")]
    for name, read in READERS.items():
        assert [row.rule for row in read(run(*own, "--format", name).out)] == ["redundant-flag"]


def test_what_is_ignored_does_not_get_into_a_baseline(run):
    own = run.configured('[[ignore]]\nrule = "conflicting-flags"\nreason = "tested hardware"\n')
    run(*own, "--write-baseline", "known.json")
    assert [one["rule"] for one in json.loads((run.command.work / "known.json").read_text())["remarks"]] == [
        "redundant-flag"
    ]


def test_an_ignore_that_is_about_nothing_here_is_said_with_v(run):
    own = run.configured('[[ignore]]\nfunction = "gone_*"\nreason = "old"\n')
    assert "[[ignore]] function gone_*: there is no such remark here" in run(*own, "-v").err
    assert run(*own).err == ""


def test_a_config_that_ignores_without_a_reason_or_a_rule_that_is_none(run):
    for table, why in (
        ('rule = "redundant-flag"\n', "own.toml: [[ignore]] number 1: reason is missing"),
        ('rule = "redundant-flags"\nreason = "x"\n', "unknown rule 'redundant-flags' (did you mean redundant-"),
        ('reason = "x"\n', "it would leave out every remark"),
    ):
        done = run(*run.configured(f"[[ignore]]\n{table}"))
        assert (done.code, done.out) == (2, "")
        assert why in done.err
