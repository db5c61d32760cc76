"""What Patchwork is told of a review, and which mail a commit came by."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report_cases import ALLOC, DIFF, SCOPE, mail, review, reviewed
from reviewbot.integrations.patchwork.checks import CheckTerms, checks, slug, target
from reviewbot.model.errors import ConfigError
from reviewbot.model.patch import Patch, Unread
from reviewbot.report.origin import MailOrigin, origin, same_subject

LOST = (Unread("fs/toy/x.c", "a truncated hunk"),)


def terms(**other):
    values = {"min_severity": "note", "min_confidence": "medium", "fail_on": "error", "context": "reviewbot"}
    return CheckTerms(**{**values, "target": target(""), "kernel": "6.12", **other})


def check(*asks, unread=(), diff=DIFF, given=None, **other):
    (found,) = checks(review(reviewed(asks, unread=unread, diff=diff, given=given)), terms(**other))
    return found


def ask(needle=SCOPE, **values):
    return needle, values


STATES = {
    "clean": ([], {}, "success", "no remarks (kernel 6.12)"),
    "an error": ([ask()], {}, "fail", "1 error: toy-scope in toy_fill()"),
    "a warning": ([ask(severity="warning")], {}, "warning", "1 warning: toy-scope in toy_fill()"),
    "a note": ([ask(severity="note", function="")], {}, "warning", "1 note: toy-scope in fs/toy/alloc.c"),
    "several": (
        [ask(severity="note", rule="a"), ask(ALLOC, function="g"), ask(severity="note", rule="a")],
        {},
        "fail",
        "1 error, 2 notes: toy-scope in g(), a in toy_fill()",
    ),
    "nothing fails": ([ask()], {"fail_on": "never"}, "warning", "1 error: toy-scope in toy_fill()"),
    "notes fail": ([ask(severity="note")], {"fail_on": "note"}, "fail", "1 note: toy-scope in toy_fill()"),
    "not sure enough": ([ask(confidence="low")], {}, "success", "no remarks (kernel 6.12)"),
    "not bad enough": ([ask(severity="note")], {"min_severity": "warning"}, "success", "no remarks (kernel 6.12)"),
    "settled by a later patch": ([ask(resolved_by="2/2")], {}, "success", "no remarks (kernel 6.12)"),
    "not all was read": ([], {"unread": LOST}, "pending", "not looked at: fs/toy/x.c: a truncated hunk"),
    "what was read is wrong": (
        [ask(severity="warning")],
        {"unread": LOST},
        "warning",
        "1 warning: toy-scope in toy_fill(); not looked at: fs/toy/x.c: a truncated hunk",
    ),
    "nothing was read": ([], {"diff": "", "unread": LOST[:0]}, "pending", "not looked at: nothing of it was read"),
}


@pytest.mark.parametrize("case", STATES)
def test_states(case):
    asks, other, state, description = STATES[case]
    found = check(*asks, **other)
    assert (found.state, found.description) == (state, description)


def test_a_moved_line_is_no_change():
    """Every check stays visible in Patchwork: what is said again must be news."""
    assert check(ask()) == check(ask(line=99, message="another way to say it"))


def test_a_description_is_one_short_line_whatever_the_mail_held():
    asks = [ask(function=f"f{number}\n\x1b[2J\u202e") for number in range(60)]
    described = check(*asks).description
    assert len(described) == 255 and described.endswith("...") and described.isprintable()
    assert described.startswith("60 errors: toy-scope in f0 [2J(), ")


def test_each_patch_has_its_own_check():
    given = review(reviewed([SCOPE], number=1, total=2), reviewed(number=2, total=2))
    assert [(one.patch, one.origin.ids, one.state) for one in checks(given, terms())] == [
        ("1/2 toy: fill 1", ("20260304.1@author.example",), "fail"),
        ("2/2 toy: fill 2", ("20260304.2@author.example",), "success"),
    ]


JOINED = {
    "all clean": ([], [], "success", "no remarks (kernel 6.12)"),
    "the first": ([ask()], [], "fail", "1 error: toy-scope in toy_fill()"),
    "the second": ([], [ask()], "fail", "1 error: toy-scope in toy_fill()"),
    "both": (
        [ask(severity="note")],
        [ask(function="g")],
        "fail",
        "1 error: toy-scope in g(); 1 note: toy-scope in toy_fill()",
    ),
}


@pytest.mark.parametrize("case", JOINED)
def test_two_commits_of_one_mail_are_one_check(case):
    """Else each of them would be posted over the other, with every run."""
    first, second, state, description = JOINED[case]
    patches = [reviewed(asks, number=number, total=2, given=mail()) for number, asks in enumerate((first, second), 1)]
    (found,) = checks(review(*patches), terms())
    assert (found.patch, found.state, found.description) == ("1/2 toy: fill 1", state, description)


def test_commits_of_no_mail_stay_apart():
    odd = mail(message_id="a b")
    assert len(checks(review(reviewed(given=odd), reviewed(given=odd)), terms())) == 2


CONTEXTS = {
    "reviewbot": "reviewbot",
    "gfp scope / mm": "gfp-scope-mm",
    "-v2.1-": "v2-1",
    "Größe": "Gr-e",
    "x" * 300: "x" * 255,
    "a\nb": "a-b",
}


@pytest.mark.parametrize("context", CONTEXTS)
def test_contexts(context):
    assert slug(context) == CONTEXTS[context]
    assert re.fullmatch(r"[-a-zA-Z0-9_]{1,255}", slug(context))


@pytest.mark.parametrize("context", ["", "---", "  ", "\u00fc"])
def test_a_context_without_a_letter_is_an_error(context):
    with pytest.raises(ConfigError, match=r"\[patchwork\] context"):
        slug(context)


NO_TARGETS = """
ci.example.org
ftp://ci.example.org
http://
https://a b/
https://x/$other
https://x/$
https://[x/
https://x:99999/
https://x/\x1b[2J
javascript:alert(1)
"""


@pytest.mark.parametrize("url", [*NO_TARGETS.strip().split("\n"), "https://x/" + "y" * 200, "a\n://x"])
def test_a_target_that_is_none(url):
    with pytest.raises(ConfigError, match=r"\[patchwork\] target_url"):
        target(url)


def test_a_target_names_the_patch():
    there = target("https://ci.example.org/r/${message_id}#x")
    assert check(target=there).target_url == "https://ci.example.org/r/20260304.1@author.example#x"
    odd = mail(message_id="a/b?c#d%e@x")
    assert check(given=odd, target=there).target_url == "https://ci.example.org/r/a%2Fb%3Fc%23d%25e@x#x"
    assert check(given=mail(message_id="x" * 190 + "@y"), target=there).target_url == ""
    assert check().target_url == ""


# --- where a commit came from ---

ID = "20240610.1-1-a@example.org"
BODIES = {
    "nothing": ("Why.\n\nSigned-off-by: A <a@example.org>", MailOrigin()),
    "Message-ID": (f"Why.\n\nMessage-ID: <{ID}>\nSigned-off-by: A <a@x.org>", MailOrigin((ID,))),
    "Message-Id without brackets": (f"Why.\n\nMessage-Id: {ID}", MailOrigin((ID,))),
    "patch.msgid.link": (f"Why.\n\nLink: https://patch.msgid.link/{ID}", MailOrigin((ID,))),
    "the sure one wins": (
        f"Why.\n\nLink: https://patch.msgid.link/{ID}\nLink: https://lore.kernel.org/r/report@x.org",
        MailOrigin((ID,)),
    ),
    "lore": (f"Why.\n\nLink: https://lore.kernel.org/r/{ID}", MailOrigin((ID,), "subject")),
    "a list on lore": (f"Why.\n\nLink: https://lore.kernel.org/linux-mm/{ID}/", MailOrigin((ID,), "subject")),
    "escaped": (f"Why.\n\nLink: https://lkml.kernel.org/r/{ID.replace('@', '%40')}", MailOrigin((ID,), "subject")),
    "the last is the likeliest": (
        "Why.\n\nLink: https://lore.kernel.org/r/a@x.org\nCloses: https://lore.kernel.org/r/c@x.org\n"
        "Link: https://lkml.kernel.org/r/b@x.org\nLink: https://lore.kernel.org/r/a@x.org",
        MailOrigin(("a@x.org", "b@x.org"), "subject"),
    ),
    "a footnote": ("Why.\n\nLink: https://lore.kernel.org/r/a@x.org # [1]", MailOrigin()),
    "in the text": (f"Link: https://lore.kernel.org/r/{ID}\n\nMore.\n\nSigned-off-by: A <a@x.org>", MailOrigin()),
    "elsewhere": ("Why.\n\nLink: https://bugs.example.org/a@x.org\nLink: https://lore.kernel.org/", MailOrigin()),
    "no id": ("Why.\n\nLink: https://patch.msgid.link/\nMessage-ID: <>\nLink: https://[/a@x.org", MailOrigin()),
    "an id with odd characters": ("Why.\n\nLink: https://patch.msgid.link/a%0d%0ab@x.org", MailOrigin()),
    "nobody looks at hundreds": (
        "Why.\n\n" + "".join(f"Link: https://lore.kernel.org/r/{number}@x.org\n" for number in range(500)),
        MailOrigin(("499@x.org", "498@x.org", "497@x.org", "496@x.org"), "subject"),
    ),
}


@pytest.mark.parametrize("case", BODIES)
def test_the_mail_that_a_commit_came_by(case):
    body, came = BODIES[case]
    assert origin(Patch(1, 1, "subject", body, "", commit="1234")) == came


def test_a_mail_is_itself():
    body = f"Why.\n\nMessage-ID: <{ID}>"
    assert origin(Patch(1, 1, "subject", body, "", mail())) == MailOrigin(("20260304.1@author.example",))
    assert origin(Patch(1, 1, "subject", body, "", mail(message_id="a\r\nb: c@x"))) == MailOrigin()


@given(st.text("abc@/:<>%[]#. \n\rLinkMessageID-", max_size=200))
def test_any_body_gives_ids_that_can_be_asked_for(text):
    came = origin(Patch(1, 1, "subject", f"Why.\n\nLink: https://lore.kernel.org/r/{text}", "", commit="1"))
    assert all(one.isascii() and one.isprintable() and " " not in one for one in came.ids)


SUBJECTS = [
    ("[v2,1/3] fs: fill it", "fs: fill it", True),
    ("[net-next] [RFC] fs:  Fill\n it", "fs: fill it", True),
    ("fs: fill it", "fs: fill it", True),
    ("[1/3] fs: fill it", "fs: empty it", False),
    ("[", "x", False),
]


@pytest.mark.parametrize(("sent", "committed", "same"), SUBJECTS)
def test_subjects(sent, committed, same):
    assert same_subject(sent, committed) is same
