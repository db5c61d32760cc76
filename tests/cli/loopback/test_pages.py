"""The pages of the drafts in a browser: what every key and button does, and that nothing in a mail does anything."""

from __future__ import annotations

import email
import re

import pytest

from draft_pages import ARCHIVE, CAREFUL, NOW, at, ready, serve_drafts
from pages import page
from reviewbot.memory import drafts
from reviewbot.memory.memory import Memory

# --- what is shown ---


def test_it_begins_with_what_has_waited_longest(browser, served):
    browser.open(served.top)
    assert at(browser, served) == "drafts/1"
    assert browser.title() == "(5) Re: [PATCH 1/3] exfoo: do not wait for memory when the index is read – drafts"
    assert [text.split("\n") for text in browser.shown("#queue [aria-current]")] == [
        [
            "[PATCH 1/3] exfoo: do not wait for memory when the index is read",
            "1 d · high · linux-exfoo",
            "v2: 1 of the 2 points of v1 is still there",
        ]
    ]
    assert browser.shown("#queue h2") == ["Waiting 5"] and browser.shown("#queue h3") == [
        "3 of one series",
        "2 of one series",
    ]


def test_the_mail_stands_there_as_it_goes_out(browser, served):
    browser.open(served.top)
    sent = email.message_from_bytes(served.draft(1).mail)
    (text,) = browser.shown(".mail > pre")
    assert text.strip() == sent.get_payload().strip()
    fields = [row.split("\n") for row in browser.shown(".fields div")]
    assert [name for name, _ in fields] == ["From", "To", "Cc", "Subject", "Date"]
    assert dict(fields)["Cc"] == "linux-exfoo@lists.example.org, linux-fsdevel@lists.example.org"
    browser.click("text=Whole header")
    assert f"Message-ID: {sent['Message-ID']}" in browser.shown(".head-of-mail pre")[0]


def test_only_the_archive_is_linked(browser, served):
    with Memory.open(served.memory) as memory:
        text = f"See {ARCHIVE}/a@b/ and https://lore.kernel.org.attacker.example/all/ and http://a.example/.\n"
        drafts.edit(memory, 1, b"Subject: a\n\n" + text.encode(), NOW)
    browser.open(served.top, "drafts/1")
    links = browser.run("[...document.querySelectorAll('.mail > pre a')].map((one) => [one.href, one.rel])")
    assert links == [[f"{ARCHIVE}/a@b/", "noreferrer"]]
    (thread,) = browser.run("[...document.querySelectorAll('header a')].map((one) => [one.href, one.rel])")
    assert thread == [f"{ARCHIVE}/20240610081502.4711-2-mira.holt@example.org/", "noreferrer"]
    outside = browser.run("[...document.links].filter((one) => one.host !== location.host).map((one) => one.rel)")
    assert {*outside} == {"noreferrer"}


def test_remarks_stand_in_the_patch_with_what_they_rest_on(browser, served):
    browser.open(served.top)
    (above,) = browser.run(
        "[...document.querySelectorAll('.below')].map((one) => one.previousElementSibling.innerText)"
    )
    assert "memalloc_flags_save(PF_MEMALLOC_NORECLAIM);" in above
    assert "The flag-scope matrix at Linux 6.10" in browser.run("document.querySelector('.facts').ariaLabel")
    browser.open(served.top, "drafts/2")
    assert "scope entered here" in browser.shown(".remark .path")[0]
    assert len(browser.shown(".patch")) == 1


def test_each_state_says_what_can_be_done(browser, states):
    served, numbers = states
    can = {"waiting": ["Approve a", "Edit e", "Drop d"], "approved": ["Hold back h", "Edit e", "Drop d"]}
    can["dropped"] = ["Take up again u"]
    for state in ("waiting", "approved", "late", "dropped", "sent", "placed", "handled"):
        browser.open(served.top, f"drafts/{numbers[state]}")
        assert browser.shown("main .state") == [state]
        said = browser.shown("main > .decide > :not(.ways), main > .decide form button")
        assert list(dict.fromkeys(text.replace("\n", " ") for text in said)) == can.get(state, [])
    assert "reviewbot drafts send sends them." in browser.shown("#queue .send")
    browser.open(served.top, f"drafts/{numbers['late']}")
    assert browser.shown("header .next") == ["It is late: v2 came before it was sent. Nothing is left to decide."]
    browser.open(served.top, f"drafts/{numbers['placed']}")
    assert browser.shown("header .next") == ["It lies in /home/ada/replies, where your mail program has it."]


def test_a_draft_without_its_review_says_so_and_shows_the_mail(browser, states):
    served, numbers = states
    browser.open(served.top, f"drafts/{numbers['bare']}")
    (said,) = browser.shown("main > section > p")
    assert said.startswith("What this draft was made of is not there") and said.endswith("all there is to see.")
    assert "\\x" not in said
    assert browser.shown(".mail > pre")[0].startswith("On Mon, 10 Jun 2024")
    assert "sleep-in-atomic" in browser.shown("table.plain td")
    assert browser.shown(".patch") == []


def test_an_empty_memory_says_where_drafts_come_from(browser, tmp_path):
    with serve_drafts(tmp_path / "memory.sqlite") as served:
        browser.open(served.top)
        assert "There are no drafts yet. reviewbot watch makes them." in browser.shown("main p")
        assert browser.faults() == []


# --- keys and buttons ---


def test_keys_go_through_the_drafts(browser, served):
    browser.open(served.top)
    seen = []
    for key in "jjjjk":
        browser.leave("press", key)
        seen.append(at(browser, served))
    assert seen == ["drafts/2", "drafts/3", "drafts/4", "drafts/5", "drafts/4"]
    browser.press("Shift+J")
    browser.press("Control+j")
    assert at(browser, served) == "drafts/4"


def test_a_approves_and_goes_on(browser, served):
    ready(browser, served)
    assert browser.leave("press", "a") == 200
    assert served.draft(1).state == "approved"
    assert at(browser, served).startswith("drafts/2")
    browser.wait(0.2)
    assert browser.shown("#said") == ["Draft 1 is approved; reviewbot drafts send sends it."]
    assert browser.run("document.getElementById('said').getAttribute('role')") == "status"
    assert at(browser, served) == "drafts/2"  # a reload does not say it again


def test_a_key_for_the_draft_before_decides_nothing(browser, served):
    ready(browser, served)
    browser.leave("press", "a")
    for key in ("a", "d", "w"):
        browser.press(key)
    browser.wait(0.2)
    assert served.draft(2).state == "waiting" and browser.shown("#drop form") == []


def test_h_takes_it_back(browser, states):
    served, numbers = states
    ready(browser, served, f"drafts/{numbers['approved']}")
    browser.leave("press", "h")
    assert served.draft(numbers["approved"]).state == "waiting"
    browser.wait(0.2)
    assert browser.shown("#said") == [f"Draft {numbers['approved']} waits again."]


@pytest.mark.parametrize(("key", "why"), [("w", "wrong"), ("k", "known"), ("l", "late")])
def test_d_and_a_reason_drop_it(browser, served, key, why):
    ready(browser, served)
    browser.press("d")
    assert len(browser.shown("#drop button")) == 3
    assert browser.run("document.activeElement.value") == "wrong"
    browser.leave("press", key)
    found = served.draft(1)
    assert (found.state, found.note) == ("dropped", why)
    with Memory.open(served.memory) as memory:
        assert bool(memory.rows("SELECT 1 FROM wrong")) == (why == "wrong")
    assert at(browser, served).startswith("drafts/2")


def test_u_takes_up_again_what_was_dropped(browser, served):
    with Memory.open(served.memory) as memory:
        drafts.drop(memory, 1, drafts.WRONG, NOW)
    ready(browser, served, "drafts/1")
    assert "It is dropped: wrong." in browser.run("document.body.innerText")
    browser.leave("press", "u")
    assert served.draft(1).state == "waiting"
    browser.wait(0.2)
    assert browser.shown("#said") == ["Draft 1 waits again."]
    with Memory.open(served.memory) as memory:
        assert memory.rows("SELECT 1 FROM wrong") == []


def test_escape_drops_nothing(browser, served):
    ready(browser, served)
    browser.press("d")
    browser.press("Escape")
    assert browser.shown("#drop form") == []
    assert browser.run("document.activeElement.parentElement.id") == "drop"
    browser.press("w")
    browser.press("d")
    browser.click("h1")
    assert browser.shown("#drop form") == [] and served.draft(1).state == "waiting"


@pytest.mark.parametrize("how", ["keys", "buttons"])
def test_a_text_is_edited_and_kept(browser, served, how):
    ready(browser, served)
    before = served.draft(1).mail
    browser.press("e") if how == "keys" else browser.click("#to-edit")
    assert browser.run("document.activeElement.id") == "text"
    assert browser.shown(".mail > pre") == []
    assert browser.run("document.activeElement.value") == before.partition(b"\n\n")[2].decode()
    browser.fill("#text", "\n  Is it?\n\n> \u00e4 \u4e2d\n\ttab \n-- \nIda\n")
    browser.leave("press", "Control+Enter") if how == "keys" else browser.leave("click", "#edit button")
    browser.wait(0.2)
    assert browser.shown("#said") == ["Draft 1 has the text that you wrote."] and at(browser, served) == "drafts/1"
    head, _, body = served.draft(1).mail.partition(b"\n\n")
    assert body.decode() == "\n  Is it?\n\n> \u00e4 \u4e2d\n\ttab \n-- \nIda\n"
    assert head == before.partition(b"\n\n")[0].replace(b"Encoding: 7bit", b"Encoding: 8bit")
    browser.press("e")
    assert browser.run("document.activeElement.value") == body.decode()
    browser.press("Escape")
    assert browser.shown(".mail h2")[0] == "The mail The text was edited."
    browser.click("text=As reviewbot wrote it")
    assert "On Mon, 10 Jun 2024" in browser.shown(".mail details pre")[-1]


def test_what_was_written_is_not_thrown_away_by_a_key(browser, served):
    ready(browser, served)
    browser.press("e")
    browser.press("Escape")
    assert browser.shown("#text") == [] and browser.run("document.activeElement.id") == "to-edit"
    browser.press("e")
    for key in "jad?":
        browser.press(key)
    browser.press("Escape")
    assert browser.run("document.activeElement.id") == "leave"
    assert browser.run("document.getElementById('text').value").startswith("jad?On Mon")
    browser.leave("press", "Enter")
    assert (at(browser, served), served.draft(1).edited, served.draft(1).state) == ("drafts/1", None, "waiting")


def test_n_and_p_go_through_the_remarks(browser, served):
    ready(browser, served, "drafts/3")
    seen = []
    for key in "nnnp":
        browser.press(key)
        seen.append(browser.run("document.activeElement.id"))
    assert seen == ["r1", "r2", "r2", "r1"]


def test_the_keys_are_told(browser, served):
    ready(browser, served)
    assert browser.shown("#hint") == ["? shows keys"]
    browser.press("?")
    assert "approve, and go to the next one that waits" in browser.shown("dialog")[0]
    browser.press("a")
    browser.press("Escape")
    assert browser.shown("dialog") == [] and served.draft(1).state == "waiting"


def test_the_page_for_readers_tells_the_same_keys(browser, served):
    ready(browser, served)
    browser.press("?")
    table = page("docs/drafts-web.md").partition("| key |")[2].partition("\n\n")[0]
    rows = [row.split(" | ")[0] for row in table.split("\n")[2:]]
    assert [re.findall(r"`(.)`", row) for row in rows] == [row.split() for row in browser.shown("dialog dt")]


def test_it_can_be_worked_through_by_tab_alone(browser, served):
    ready(browser, served)
    browser.press("Tab")
    assert browser.run("document.activeElement.textContent") == "Skip to the draft"
    browser.press("Enter")
    browser.press("Tab")
    browser.press("Tab")
    assert browser.run("document.activeElement.id") == "approve"
    ring = browser.run(
        "(({outlineStyle, outlineWidth}) => [outlineStyle, outlineWidth])(getComputedStyle(document.activeElement))"
    )
    assert ring == ["solid", "2px"]
    browser.press("Tab")
    browser.press("Tab")
    browser.press("Enter")
    browser.press("Tab")
    browser.press("Tab")
    browser.leave("press", "Enter")
    assert (served.draft(1).state, served.draft(1).note) == ("dropped", "known")


def test_buttons_work_without_scripts(browser, served):
    browser.open(served.top, scripts=False)
    browser.leave("click", "#approve")
    assert served.draft(1).state == "approved" and browser.shown("#said") != [""]
    browser.click("#drop summary")
    browser.leave("click", "#drop button[value=late]")
    assert served.draft(2).note == "late"
    browser.click("#edit summary")
    browser.fill("#text", "Another one.")
    browser.leave("click", "#edit button")
    assert served.draft(3).mail.endswith(b"\n\nAnother one.\n")
    browser.leave("click", "#said a")
    assert at(browser, served) == "drafts/3"


def test_the_last_one_ends_it(browser, served):
    with Memory.open(served.memory) as memory:
        for number in (2, 3, 4, 5):
            drafts.drop(memory, number, drafts.TOO_LATE, NOW)
    ready(browser, served)
    browser.leave("press", "a")
    assert browser.shown("#queue section:first-child p") == ["Nothing waits."]
    assert browser.shown("main p")[1] == "No draft waits."


# --- at the same time ---


def test_a_decision_about_something_older_is_refused(browser, served):
    ready(browser, served)
    browser.tab(f"{served.top}drafts/1")
    browser.wait(CAREFUL)
    served.now += 1
    browser.leave("press", "a")
    browser.turn(0)
    browser.press("d")
    assert browser.leave("press", "w") == 409
    assert browser.shown("[role=alert]") == ["Not done: draft 1 was changed meanwhile: it is approved now."]
    assert browser.shown("main .state") == ["approved"] and served.draft(1).state == "approved"


def test_a_text_that_cannot_be_kept_is_not_lost(browser, served):
    ready(browser, served)
    browser.press("e")
    browser.fill("#text", "Mine.")
    with Memory.open(served.memory) as memory:
        drafts.edit(memory, 1, b"Subject: a\n\nTheirs.\n", NOW + 1)
    assert browser.leave("press", "Control+Enter") == 409
    assert browser.run("document.getElementById('text').value") == "Mine."
    assert browser.shown("#edit > p") == ["The text as it is now:"]
    assert browser.shown(".mail > pre")[0].strip() == "Theirs."
    browser.leave("click", "#edit button")
    assert served.draft(1).mail.endswith(b"\n\nMine.\n")


def test_what_is_on_its_way_is_left_alone(browser, states):
    served, numbers = states
    ready(browser, served, f"drafts/{numbers['approved']}")
    with Memory.open(served.memory) as memory, memory.writing():
        memory.run("INSERT INTO outbox VALUES (?, 'git', 1, NULL)", numbers["approved"])
    assert browser.leave("press", "h") == 409
    assert "is being sent, or was cut short on its way" in browser.shown("[role=alert]")[0]
