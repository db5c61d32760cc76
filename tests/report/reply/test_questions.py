"""Which questions of a reply are asked, which only counted, and in which order those about one line come."""

from __future__ import annotations

from report_cases import only, review, reviewed
from reviewbot.model.patch import DiffLine, FileChange, Hunk
from reviewbot.model.review import REMOVED_HERE, Evidence, Finding, ShownChain
from reviewbot.report.reply.questions import choose

LEAKS = "".join(f"+\tif (toy_{at}(t))\n+\t\treturn -{at};\n" for at in range(1, 7))
MANY = f"""\
diff --git a/fs/toy/leak.c b/fs/toy/leak.c
--- a/fs/toy/leak.c
+++ b/fs/toy/leak.c
@@ -1,1 +1,13 @@ static int toy_leak(struct toy *t)
 int toy_leak(struct toy *t)
{LEAKS}"""


def found(at: int, **values: object) -> Finding:
    given = {"rule": "r", "severity": "error", "confidence": "high", "path": "a.c", "line": at, "line_text": "x"}
    return Finding(**{**given, "function": f"f{at}", "message": "m", "question": "Q?", **values})  # type: ignore[arg-type]


def shown(finding: Finding) -> str:
    return finding.line_text


def lines(findings) -> list[int]:
    return [finding.line for finding in findings]


def test_of_one_mistake_three_places_are_quoted_and_the_others_listed():
    chosen = choose([found(at) for at in range(1, 6)], 12, shown)
    assert lines(chosen.quoted) == [1, 2, 3]
    assert chosen.left == ("a.c:4, in f4()", "a.c:5, in f5()")


def test_other_words_of_the_same_cause_are_the_same_mistake():
    chosen = choose([found(at, question=f"Q{at}?") for at in range(1, 6)], 12, shown)
    assert lines(chosen.quoted) == [1, 2, 3]


def test_the_same_question_is_the_same_mistake_whatever_the_message():
    chosen = choose([found(at, message=f"m{at}") for at in range(1, 6)], 12, shown)
    assert lines(chosen.quoted) == [1, 2, 3]


def test_another_rule_is_another_mistake():
    alike = [found(at, rule=f"r{at}") for at in range(1, 6)]
    assert choose(alike, 12, shown).quoted == tuple(alike)
    halves = [found(at, message=f"m{at}", question=f"Q{at}?\n\nThe end.") for at in range(1, 6)]
    assert choose(halves, 12, shown).quoted == tuple(halves)  # one paragraph in common is no reason


def test_what_is_too_much_is_the_least_severe_and_says_what_it_is():
    findings = [
        found(1, severity="note", message="a note", question="N?"),
        found(2, severity="warning", message="a warning", question="W?"),
        found(3, message="an error", question="E?"),
    ]
    chosen = choose(findings, 2, shown)
    assert lines(chosen.quoted) == [2, 3]
    assert chosen.left == ("a.c:1, in f1(): a note",)
    assert choose(findings, 3, shown).left == ()


def test_the_places_stand_at_the_end_of_the_mail():
    asks = [(f"return -{at};", {"question": "The scope is open."}) for at in range(1, 7)]
    text = only(review(reviewed(asks, diff=MANY))).content.decode()
    assert text.count("The scope is open.") == 1
    assert text.count("Same here.") == 2
    assert "> +\t\treturn -3;\n\nSame here.\n\nNot quoted, to keep this short (3):\n\n  fs/toy/leak.c:9, in" in text
    assert "return -4" not in text


def test_of_one_line_the_most_severe_comes_first():
    asks = [
        ("return -1;", {"rule": "a", "severity": "note", "question": "A nit."}),
        ("return -1;", {"rule": "b", "severity": "error", "question": "A bug."}),
    ]
    text = only(review(reviewed(asks, diff=MANY))).content.decode()
    assert "> +\t\treturn -1;\n\nA bug.\n\nA nit.\n" in text


def test_a_call_over_several_rows_is_quoted_whole_and_asked_about_below_it():
    diff = MANY.replace(
        "+\tif (toy_1(t))\n", "+\tt->buf = toy_alloc(t->len +\n+\t\t\t   t->head,\n+\t\t\t   TOY_WAIT);\n"
    ).replace("+1,13", "+1,15")
    for needle in ("toy_alloc(", "t->head,", "TOY_WAIT);"):
        text = only(review(reviewed([(needle, {"question": "Why?"})], diff=diff)), context=1).content.decode()
        assert text.endswith(
            ">  int toy_leak(struct toy *t)\n> +\tt->buf = toy_alloc(t->len +\n> +\t\t\t   t->head,\n"
            "> +\t\t\t   TOY_WAIT);\n\nWhy?\n\nFound with reviewbot.\n"
        )


def test_a_place_in_no_function():
    change = FileChange("a.c", "a.c", (Hunk("@@", "", (DiffLine("+", "x", None, 1),)),))
    assert change.path == "a.c"
    assert choose([found(at, function="") for at in range(1, 5)], 12, shown).left == ("a.c:4",)


def test_what_differs_only_in_names_that_the_quote_shows_is_the_same():
    named = [found(at, line_text=f"x{at} = kz{at}(F);", question=f"kz{at}() is odd for x{at}.") for at in (1, 2, 3, 4)]
    assert lines(choose(named, 12, shown).quoted) == [1, 2, 3]
    said = [f"kz() sleeps under lock{at}()." for at in (1, 2, 3, 4)]
    locks = [found(at, line_text="x = kz(F);", question=text, message=text) for at, text in enumerate(said)]
    assert lines(choose(locks, 12, shown).quoted) == [0, 1, 2, 3]


def test_a_question_stands_below_the_line_that_it_speaks_of():
    asks = [("if (toy_1(t))", {"question": "No.", "spoken": 5})]
    text = only(review(reviewed(asks, diff=MANY)), context=0).content.decode()
    assert "> +\tif (toy_1(t))\n> +\t\treturn -1;\n> +\tif (toy_2(t))\n> +\t\treturn -2;\n\nNo.\n" in text


def test_a_line_too_far_away_or_in_another_hunk_is_left_where_it_is():
    for spoken in (900, 1):
        asks = [("if (toy_2(t))", {"question": "No.", "spoken": spoken})]
        text = only(review(reviewed(asks, diff=MANY)), context=0).content.decode()
        assert "> +\tif (toy_2(t))\n\nNo.\n" in text


def test_a_line_that_is_only_beside_what_was_removed_is_not_shown_as_evidence():
    chain = ShownChain(("toy_poll", "toy_leak"), ())
    beside = Evidence("fs/toy/leak.c", 2, "toy_leak", "if (toy_1(t))", REMOVED_HERE)
    asks = [("if (toy_1(t))", {"question": "May it sleep?", "chain": chain, "evidence": (beside,)})]
    text = only(review(reviewed(asks, diff=MANY))).content.decode()
    assert f"\n    fs/toy/leak.c:2: {REMOVED_HERE}\n" in text
    assert text.count("if (toy_1(t))") == 1
