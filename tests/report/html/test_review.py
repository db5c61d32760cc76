"""The page of a review, in a browser: what it shows, what keys do, and that nothing in a mail does anything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from report_cases import ALLOC, DIR, DRAIN, SCOPE, evidence, frame, mail, review, reviewed
from reviewbot.model.patch import Address, Unread
from reviewbot.model.review import ChainStep, Review, ShownChain
from reviewbot.report.html import patches
from reviewbot.report.registry import FORMATS
from reviewbot.support.ci_commands import orders

MISSED = (Unread("fs/toy/b.c", "the hunk ends early"), Unread(None, "an attachment was left out"))
ATTACK = "</script></style><script>document.pwned = 1</script><img src=x onerror='document.pwned=1'>&lt;\u202eabc\u2066"
SHOWN_ATTACK = ATTACK.replace("\u202e", "\\u202e").replace("\u2066", "\\u2066")


def chain() -> ShownChain:
    told = (("lock taken here", 0), ("called from here", 0), ("may sleep here", 1))
    steps = (ChainStep("fs/toy/alloc.c", 16 + at, "toy_fill", f"step{at}();", *one) for at, one in enumerate(told))
    return ShownChain(("toy_fill", "toy_grow"), tuple(steps), 2, ("which callback this is",))


def usual() -> Review:
    first = reviewed([SCOPE, (DRAIN, {"severity": "warning", "confidence": "medium"})], total=2, unread=MISSED[:1])
    scope = evidence(first.files, SCOPE)
    second = reviewed([(ALLOC, {"evidence": (scope,), "chain": chain()})], number=2, total=2, width="series")
    resolved = reviewed([(DIR, {"resolved_by": "2/2"})], total=2).findings
    return review(replace(first, findings=(*first.findings, *resolved)), second, unread=MISSED[1:])


@pytest.fixture
def page(browser, tmp_path):
    """Opens the page of a review in a browser."""

    def opened(given: Review, bars: dict[str, str] | None = None, **how: object) -> Path:
        path = tmp_path / "review.html"
        context = frame(pages="https://pages.example/r", **(bars or {}))
        path.write_text(FORMATS["html"].render(given, context), encoding="utf-8")
        browser.open(path, **how)
        return path

    return opened


def test_a_remark_stands_below_its_line(browser, page):
    page(usual())
    above = browser.run(
        "[...document.querySelectorAll('.below')].map((one) => one.previousElementSibling)"
        ".map((one) => one.innerText.split(/\\s+/))"
    )
    assert [words[0] for words in above] == ["17", "44", "2", "23"]
    assert "toy_save(TOY_NORECLAIM);" in above[0]
    assert browser.shown(".contents li") and len(browser.shown(".remark")) == 4
    links = browser.run("[...document.querySelectorAll('.remark .headline a')].map((one) => one.href)")
    assert links[0] == "https://pages.example/r/rules/toy-scope.html"


def test_the_chain_is_drawn_with_its_places(browser, page):
    page(usual())
    steps = browser.shown("#r4 .path[aria-label=Calls] li")
    assert [step.split("\n")[0].split(" in ")[0] for step in steps] == [
        "lock taken here fs/toy/alloc.c:16",
        "called from here fs/toy/alloc.c:17",
        "may sleep here fs/toy/alloc.c:18",
    ]
    assert browser.run("document.querySelectorAll('#r4 svg').length") == 3
    # the last step stands further right, and the way leads down to it
    x = browser.run("[...document.querySelectorAll('#r4 circle')].map((one) => one.getBoundingClientRect().x)")
    assert x[1] > x[0]
    (said,) = browser.shown("#r4 .chain")
    assert said == "toy_fill() -> toy_grow() (and 2 more chains)"
    assert "not certain: which callback this is" in browser.shown("#r4")[0]


def test_evidence_within_a_function_is_in_the_order_of_its_lines(browser, page):
    files = reviewed().files
    above, below = evidence(files, SCOPE, "above"), evidence(files, DRAIN, "below")
    page(review(reviewed([(ALLOC, {"evidence": (below, above)})])))
    assert [step.split(" ")[0] for step in browser.shown(".path li")] == ["above", "here", "below"]
    signs = browser.run(
        "[...document.querySelectorAll('.path li')].map((one) => one.querySelector('rect, circle'))"
        ".map((one) => one.getAttribute('class'))"
    )
    assert signs == ["start", "end", "step"]
    page(review(reviewed([(ALLOC, {"evidence": (replace(below, path="fs/toy/b.c"), above)})])))
    assert [step.split(" ")[0] for step in browser.shown(".path li")] == ["below", "above", "here"]


def test_what_is_resolved_and_what_was_not_looked_at_is_said(browser, page):
    page(usual())
    assert browser.shown(".remark.resolved .later") == ["Resolved by 2/2."]
    assert [text.split("\n")[1] for text in browser.shown(".unread")] == [
        "fs/toy/b.c: the hunk ends early",
        "an attachment was left out",
    ]
    assert "Calls were followed through the series." in browser.shown(".covered")[0]
    page(review(reviewed(diff="", unread=MISSED[:1])))
    assert browser.shown(".covered p") == ["Nothing was read, so this page says nothing about the patches."]
    assert "Not read." in browser.shown(".patch-head")[0]
    page(usual(), bars={"min_confidence": "high"})
    assert "nothing but what is left out here." in browser.shown(".covered p")[0]
    assert "Left out: 1 below the bar (severity note, confidence high)." in browser.shown(".covered p")
    page(review(reviewed()))
    assert "these rules find nothing." in browser.shown(".covered p")[0]
    assert browser.shown("h1") == ["toy: fill"]
    assert browser.shown(".remark") == [] and "clean" in browser.shown(".said")[0]


def test_keys_go_from_remark_to_remark(browser, page):
    page(usual())
    assert browser.shown("#hint") == ["? shows keys"]
    seen = []
    for key in ("j", "j", "j", "j", "j", "k"):
        browser.press(key)
        seen.append(browser.run("document.activeElement.id"))
        box = browser.run("(({top, bottom}) => [top, bottom])(document.activeElement.getBoundingClientRect())")
        assert box[0] < 900 and box[1] > 0
    assert seen == ["r1", "r2", "r3", "r4", "r4", "r3"]
    browser.press("?")
    assert "next remark" in browser.shown("dialog")[0]
    browser.press("j")
    browser.press("Escape")
    assert browser.shown("dialog") == []
    page(usual(), where="#r2")
    browser.press("j")
    assert browser.run("document.activeElement.id") == "r3"


def attacked() -> Review:
    """A review of which every text is an attack."""
    diff = (
        f"diff --git a/fs/{ATTACK}.c b/fs/{ATTACK}.c\n--- a/fs/{ATTACK}.c\n+++ b/fs/{ATTACK}.c\n"
        f"@@ -1,1 +1,2 @@ {ATTACK}\n a\n+{ATTACK}\n"
    )
    given = mail(subject=ATTACK, author=Address(ATTACK, ATTACK), date=ATTACK, message_id=ATTACK)
    patch = reviewed([ATTACK], diff=diff, given=given, unread=(Unread(ATTACK, ATTACK),))
    step = ChainStep(ATTACK, 1, ATTACK, ATTACK, ATTACK)
    texts = dict.fromkeys(("message", "question", "function", "resolved_by", "rule", "fix"), ATTACK)
    whole = ShownChain((ATTACK, ATTACK), (step, step), 1, (ATTACK,))
    found = replace(patch.findings[0], **texts, chain=whole, evidence=(step,))
    patch = replace(patch, patch=replace(patch.patch, subject=ATTACK, body=f"{ATTACK}\n{ATTACK}"), findings=(found,))
    made = review(patch, unread=(Unread(ATTACK, ATTACK),))
    return replace(made, series=replace(made.series, subject=ATTACK, base=ATTACK))


def test_what_a_mail_says_is_shown_and_does_nothing(browser, page):
    path = page(attacked())
    assert browser.run("document.pwned === undefined && document.images.length === 0")
    assert browser.complaints == [] and browser.requests == [path.as_uri()]
    assert browser.run("document.scripts.length") == 1
    assert browser.shown("h1") == [SHOWN_ATTACK] and browser.title() == f"{SHOWN_ATTACK} – review"
    assert SHOWN_ATTACK in browser.shown(".diff .added code")[0]
    for part in ("h2", "h3", ".remark .path", ".remark > p", ".unread", ".told", ".patch-head .faint"):
        assert SHOWN_ATTACK in browser.shown(part)[0], part
    assert browser.faults() == []


def test_the_policy_lets_no_other_script_in(browser, page):
    page(usual())
    browser.run(
        "() => { const one = document.createElement('script'); one.textContent = 'document.pwned = 1';"
        "document.body.append(one);"
        "document.body.insertAdjacentHTML('beforeend', '<img src=\"https://example.org/a.png\">') }"
    )
    assert browser.run("document.pwned === undefined")
    assert any("Content Security Policy" in one for one in browser.complaints)


def test_it_asks_nobody_and_complains_of_nothing(browser, page):
    path = page(usual())
    assert browser.requests == [path.as_uri()]
    assert browser.complaints == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1200, 400])
def test_nothing_keeps_people_from_reading_it(browser, page, dark, width):
    page(usual(), dark=dark, width=width)
    browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    assert browser.faults() == []
    assert not browser.overflows()


def test_it_is_whole_without_scripts(browser, page):
    page(usual(), scripts=False)
    assert len(browser.shown(".remark")) == 4
    assert browser.shown("#hint") == [] and browser.shown("dialog") == []


def test_paper_shows_what_is_folded(browser, page):
    page(usual())
    assert browser.shown(".why p") == []
    assert browser.on_paper().startswith(b"%PDF")
    assert len(browser.shown(".why p")) > 3
    assert browser.shown("#hint") == []


def test_long_diffs_without_remarks_are_left_out_and_said():
    rows = "".join(f"+int a{at};\n" for at in range(15_000))
    parts = [
        f"diff --git a/{name} b/{name}\nnew file mode 100644\n--- /dev/null\n+++ b/{name}\n@@ -0,0 +1,15000 @@\n{rows}"
        for name in ("a.c", "b.c", "c.c")
    ]
    given = review(reviewed(["int a14999;"], diff="".join(reversed(parts))))
    text = FORMATS["html"].render(given, frame())
    assert text.count("Not shown, for they have no remark: 15000 more lines of this file.") == 1
    assert text.count('class="added') == 30_000


def test_many_files_without_remarks_are_left_out_and_said(monkeypatch):
    monkeypatch.setattr(patches, "MOST_LINES", 3)
    part = "diff --git a/{0} b/{0}\nnew file mode 100644\n--- /dev/null\n+++ b/{0}\n@@ -0,0 +1,1 @@\n+int {1};\n"
    given = reviewed(["int d6;"], diff="".join(part.format(f"{at}.c", f"d{at}") for at in range(8)))
    text = FORMATS["html"].render(review(given), frame())
    assert "Not shown, for they have no remark: 4 more of its files." in text
    assert re.findall(r"int (d\d);</code>", text) == ["d0", "d1", "d2", "d6"]


def test_neither_styles_nor_scripts_hold_an_order():
    """What is spelled out in them would no longer be what the policy allows."""
    text = FORMATS["html"].render(usual(), frame())
    for name in ("style", "script"):
        assert not orders(text.partition(f"<{name}>")[2].partition(f"</{name}>")[0])
