"""Nothing that a mail says does anything on the pages of the drafts, and they are for everybody."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from draft_pages import NOW, at, ready
from kept_drafts import HOUR, add, point_of
from report_cases import mail, review, reviewed
from reviewbot.memory.drafts import NewDraft
from reviewbot.memory.evidence import packed
from reviewbot.memory.memory import Memory
from reviewbot.model.patch import Address, Unread
from reviewbot.model.review import ChainStep, ShownChain
from reviewbot.support.escape import visible

ATTACK = "</script></textarea><script>document.pwned = 1</script><img src=x onerror='document.pwned=1'>&lt;\u202eabc"
LONG = "A" * 100_000


# --- what comes with a mail ---


def attack(served, body: str) -> int:
    """Keep a draft of which every text is an attack."""
    diff = (
        f"diff --git a/fs/{ATTACK}.c b/fs/{ATTACK}.c\n--- a/fs/{ATTACK}.c\n+++ b/fs/{ATTACK}.c\n"
        f"@@ -1,1 +1,3 @@ {ATTACK}\n a\n+{ATTACK} {LONG}\n+{LONG}\n"
    )
    given = mail(subject=ATTACK, author=Address(ATTACK, ATTACK), date=ATTACK, message_id=ATTACK)
    patch = reviewed([ATTACK], diff=diff, given=given, unread=(Unread(ATTACK, ATTACK),))
    step = ChainStep(ATTACK, 1, ATTACK, ATTACK, f"{ATTACK} https://attacker.example/")
    texts = dict.fromkeys(("message", "question", "function", "rule", "fix"), f"{ATTACK} https://attacker.example/")
    found = replace(
        patch.findings[0], **texts, chain=ShownChain((ATTACK, ATTACK), (step, step), 1, (ATTACK,)), evidence=(step,)
    )
    patch = replace(patch, patch=replace(patch.patch, subject=ATTACK, body=f"{ATTACK}\n{LONG}"), findings=(found,))
    head = f"From: {ATTACK}\nTo: {ATTACK}\nSubject: {ATTACK}\nX: {LONG}"
    names = ("message_id", "asks", "in_reply_to", "subject", "author", "confidence", "reason", "list")
    new = NewDraft(
        **dict.fromkeys(names, ATTACK),
        content=f"{head}\nContent-Transfer-Encoding: 8bit\n\n{body}".encode(),
        points=(point_of(found),),
        evidence=packed(review(patch)),
    )
    with Memory.open(served.memory) as memory:
        return add(memory, new, NOW - 40 * HOUR)


def test_what_a_mail_says_is_shown_and_does_nothing(browser, served):
    number = attack(served, f"{ATTACK}\n> {ATTACK}\n{LONG}\nhttps://attacker.example/\n" + "a\n" * 6_000)
    browser.open(served.top)
    assert at(browser, served) == f"drafts/{number}"
    assert browser.run("document.pwned === undefined && document.images.length === 0")
    assert browser.run("document.scripts.length") == 1 and browser.complaints == []
    shown = visible(ATTACK)
    assert browser.shown("h1") == [shown]
    browser.run("document.querySelector('.diff').scrollIntoView()")  # what is far off the screen has no text yet
    browser.wait(0.2)
    for part in (
        ".mail pre",
        ".fields",
        "#queue [aria-current] .subject",
        ".diff .added code",
        ".remark",
        "header .reason",
    ):
        assert shown in browser.shown(part)[0], part
    assert "\u202e" not in browser.run("document.documentElement.textContent")
    assert not browser.run("[...document.links].some((one) => one.host.includes('attacker'))")
    assert "more lines are not shown." in browser.shown(".mail > pre b")[0]
    assert not browser.overflows() and browser.faults() == []
    assert "line 1 of its text has characters that a page would not show or keep" in browser.shown("#edit")[0]
    assert all(one.startswith(served.top) for one in browser.requests)


def test_markup_in_a_text_can_be_edited(browser, served):
    number = attack(served, ATTACK.replace("\u202e", "") + "\n\n<b>&amp;\n")
    ready(browser, served, f"drafts/{number}")
    browser.press("e")
    assert browser.run("document.getElementById('text').value") == ATTACK.replace("\u202e", "") + "\n\n<b>&amp;\n"
    assert browser.run("document.pwned === undefined && document.images.length === 0")


def test_the_policy_lets_nothing_else_in(browser, served):
    browser.open(served.top)
    browser.run(
        "() => { const one = document.createElement('script'); one.textContent = 'document.pwned = 1';"
        "document.body.append(one);"
        'const more = \'<img src="https://example.org/a.png"><b style="color: red">\';'
        "document.body.insertAdjacentHTML('beforeend', more);"
        "fetch('https://example.org/').catch(() => 0) }"
    )
    browser.wait(0.2)
    assert browser.run("document.pwned === undefined")
    assert len([one for one in browser.complaints if "Content Security Policy" in one]) >= 3


def test_a_page_of_another_site_can_do_nothing(browser, served, tmp_path):
    """With all that is secret known: the browser says where the form comes from."""
    fields = "".join(f'<input name="{name}" value="{value}">' for name, value in served.form(1, act="approve").items())
    page = tmp_path / "evil.html"
    page.write_text(f'<form id="f" method="post" action="{served.top}drafts/1">{fields}<button>x</button></form>')
    browser.open(page)
    assert browser.leave("click", "button") == 403
    page.write_text(f'<iframe src="{served.top}drafts/1"></iframe>')
    browser.open(page)
    browser.wait(0.3)
    assert any("frame-ancestors" in one or "X-Frame-Options" in one for one in browser.complaints)
    assert served.draft(1).state == "waiting"


def test_it_asks_nobody_else_and_complains_of_nothing(browser, served):
    ready(browser, served)
    browser.leave("press", "a")
    browser.leave("press", "j")
    assert {one.startswith(served.top) for one in browser.requests} == {True}
    assert browser.complaints == []


# --- for everybody ---


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (400, True)])
def test_nothing_keeps_people_from_working_with_it(browser, states, dark, width):
    served, numbers = states
    for number in (numbers["approved"], numbers["bare"]):
        ready(browser, served, f"drafts/{number}", dark=dark, width=width)
        browser.run("document.querySelectorAll('details:not(#drop)').forEach((one) => { one.open = true })")
        assert browser.faults() == []
        assert not browser.overflows()
    ready(browser, served, f"drafts/{numbers['waiting']}", dark=dark, width=width)
    browser.press("d")
    assert browser.faults() == [] and not browser.overflows()
    browser.press("Escape")
    browser.press("?")
    assert browser.faults() == []
