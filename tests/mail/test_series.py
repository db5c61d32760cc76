"""Threads as they really come, in; the series that is reviewed, and what was left out, out."""

from __future__ import annotations

import io
import json
import random
import time

import pytest

from letters import BOB, check, diff, mail, patch, series
from reviewbot.mail import mailbox
from reviewbot.mail.series import newest
from reviewbot.model.errors import InputError, NothingToReview

# --- one version ---


def test_a_single_patch():
    found = check([patch("[PATCH] mm: keep it", "one")], ["one"])
    only = found.patches[0]
    assert (only.number, only.total, only.subject, found.subject) == (1, 1, "mm: keep it", "mm: keep it")
    assert only.body == "Why this is done.\n\nSigned-off-by: Ann Author <ann@example.org>"
    assert only.diff == diff()
    assert found.cover is None
    assert found.message_id == "one@example.org"


def test_a_series_with_its_cover_letter():
    found = check(series(1, 3), ["v1-1", "v1-2", "v1-3"])
    assert found.cover.message_id == "v1-0@example.org"
    assert found.cover_body == "All of it."
    assert found.subject == "thing"


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_mails_does_not_matter(seed):
    messages = [*series(1, 4), *series(2, 4, to="v1-0", day=9), mail("Re: [PATCH 2/4] thing", "no.\n", "r", to="v1-2")]
    random.Random(seed).shuffle(messages)
    check(messages, ["v2-1", "v2-2", "v2-3", "v2-4"], version=2)


def test_a_series_without_cover_letter_threaded_below_its_first_patch():
    assert check(series(1, 3, cover=False), ["v1-1", "v1-2", "v1-3"]).cover is None


def test_a_series_that_is_not_threaded_at_all():
    check([patch(f"[PATCH {n}/3] part {n}", f"p{n}", name=f"f{n}") for n in (1, 2, 3)], ["p1", "p2", "p3"])


def test_a_chain_of_patches_each_below_the_one_before():
    mails = [patch(f"[PATCH {n}/3] part {n}", f"p{n}", to=f"p{n - 1}" if n > 1 else "") for n in (1, 2, 3)]
    check(mails, ["p1", "p2", "p3"])


def test_a_cover_letter_that_does_not_say_so():
    messages = [
        mail("clean up the thing", "All.\n\n 2 files changed, 2 insertions(+)\n", "c"),
        *series(1, 2, to="c", cover=False),
    ]
    found = check(messages, ["v1-1", "v1-2"])
    assert found.cover.message_id == "c@example.org"


def test_a_cover_letter_alone_has_the_version():
    messages = [mail("[PATCH 0/2 v3] thing", "", "c"), *(patch(f"[PATCH {n}/2] p{n}", f"p{n}", to="c") for n in (1, 2))]
    check(messages, ["p1", "p2"], version=3)


@pytest.mark.parametrize(
    ("subject", "version", "number", "total", "title"),
    [
        ("[PATCH net-next v2 03/10] net: do", 2, 3, 10, "net: do"),
        ("[RFC PATCH v3] mm: do", 3, 1, 1, "mm: do"),
        ("[PATCH RFT 1/2] x: do", 1, 1, 2, "x: do"),
        ("[RESEND PATCH] x: do", 1, 1, 1, "x: do"),
        ("[PATCH v6,19/24] x: do", 6, 19, 24, "x: do"),  # trap 10
        ("[PATCH,v2] x: do", 2, 1, 1, "x: do"),
        ("[PATCHv4 2/3] x: do", 4, 2, 3, "x: do"),
        ("[PATCH 2 of 3] x: do", 1, 2, 3, "x: do"),
        ("[PATCH 3/7 V2] x: do", 2, 3, 7, "x: do"),
        ("[dm-devel] [PATCH v2 1/2] x: do", 2, 1, 2, "x: do"),
        ("[PATCH v2.1 2/3] x: do", 2, 2, 3, "x: do"),
        ("[PATCH 6/5] x: do", 1, 6, 6, "x: do"),
        ("=?utf-8?q?=5BPATCH_v2_1/2=5D_x=3A_=C3=A4ndern?=", 2, 1, 2, "x: ändern"),
        ("[PATCH] drivers/x: [foo] do", 1, 1, 1, "drivers/x: [foo] do"),
        ("x: do", 1, 1, 1, "x: do"),  # trap 17: no [PATCH]
        ("rv: do", 1, 1, 1, "rv: do"),
        ("[PATCH v99999999999999] x: do", 1, 1, 1, "x: do"),
        ("[PATCH]", 1, 1, 1, "(no subject)"),
        ("", 1, 1, 1, "(no subject)"),
        ("[PATCH] \x1b[31mred\x07", 1, 1, 1, "[31mred"),
    ],
)
def test_subjects(subject, version, number, total, title):
    found = newest([patch(subject, "one")])
    only = found.patches[0]
    assert (found.version, only.number, only.total, only.subject) == (version, number, total, title)


def test_a_mail_of_a_series_alone_is_one_note():
    check([patch("[PATCH v2 3/7] part", "one")], ["one"], ["patches 1-2, 4-7 of 7 are not in this thread"], version=2)


def test_a_missing_patch_is_named():
    check(series(1, 3)[:3], ["v1-1", "v1-2"], ["patch 3/3 is not in this thread"])


@pytest.mark.parametrize(
    ("cover", "first", "base"),
    [
        ("base-commit: 0123456789ABCDEF0123456789abcdef01234567", "", "0123456789abcdef0123456789abcdef01234567"),
        ("", "base-commit: 0123456", "0123456"),
        ("base-commit: 1234567", "base-commit: 89abcde", "1234567"),
        ("base-commit: not a commit", "", None),
        ("base-commit: 12345", "", None),
        ("base-commit: " + "1" * 65, "", None),
        ("base-commit: 1234567; rm -rf", "", None),
        (" base-commit: 1234567", "", None),
    ],
)
def test_the_base(cover, first, base):
    body = f"Why.\n---\n{diff()}\n\n{first}\n-- \n2.43.0\n"
    messages = [
        mail("[PATCH 0/1] all", f"Text.\n\n{cover}\n-- \n2.43.0\n", "c"),
        mail("[PATCH 1/1] p", body, "p", to="c"),
    ]
    assert newest(messages).base == base


# --- versions ---


def test_the_newest_version_goes_by_number_not_by_date():  # trap 8
    check([*series(1, 2, day=50), *series(2, 2, day=3)], ["v2-1", "v2-2"], version=2)
    check([*series(10, 2, day=1), *series(9, 2, day=2)], ["v10-1", "v10-2"], version=10)


def test_versions_in_threads_of_their_own():
    check([*series(1, 2), *series(3, 2), *series(2, 2)], ["v3-1", "v3-2"], version=3)


def test_a_new_title_in_the_same_thread_is_still_the_next_version():
    check([*series(1, 2), *series(2, 3, to="v1-0", title="better")], ["v2-1", "v2-2", "v2-3"], version=2)


def test_an_incomplete_newest_version_gives_way_to_a_whole_one():
    check([*series(1, 3), *series(2, 3)[:2]], ["v1-1", "v1-2", "v1-3"], ["v2 is not whole here (1 of 3 patches): v1"])


def test_no_whole_version_at_all():
    messages = [*series(1, 3)[:2], *series(2, 3)[:3]]
    check(messages, ["v2-1", "v2-2"], ["patch 3/3 is not in this thread"], version=2)


def test_a_single_patch_grows_into_a_series():
    messages = [patch("[PATCH] thing: part 1", "old"), *series(2, 2, to="old")]
    check(messages, ["v2-1", "v2-2"], version=2)


def test_a_single_patch_and_its_next_version_below_it():
    messages = [patch("[PATCH] one", "a"), patch("[PATCH v2] one, better", "b", line="x = 2", to="a")]
    check(messages, ["b"], version=2)


def test_a_next_version_from_another_author():
    messages = [
        *series(1, 2),
        *(m.replace(b"From: Ann", b"From: Bob").replace(b"<ann@", b"<bob@", 1) for m in series(2, 2, to="v1-0")),
    ]
    check(messages, ["v2-1", "v2-2"], version=2)


@pytest.mark.parametrize("parent", ["v2-2", "v2-0", "talk"])  # trap 11
def test_a_partial_reroll_is_filled_up_and_says_so(parent):
    talk = mail("Re: [PATCH v2 2/3] thing", "Please change.\n", "talk", to="v2-2", by="Bob <bob@example.org>")
    again = patch("[PATCH v3 2/3] thing: part 2", "new", "x = 3", to=parent, refs=("v2-0",), day=5)
    found = check(
        [*series(1, 3), *series(2, 3, day=2), talk, again],
        ["v2-1", "new", "v2-3"],
        ["v3 brings patch 2 of 3 alone: the others are those of v2"],
        version=3,
    )
    assert found.cover.message_id == "v2-0@example.org"
    assert [one.total for one in found.patches] == [3, 3, 3]


def test_a_partial_reroll_of_a_partial_reroll():
    messages = [
        *series(1, 3),
        patch("[PATCH v2 1/3] thing: part 1", "second", "x = 2", to="v1-1"),
        patch("[PATCH v3 3/3] thing: part 3", "third", "x = 3", to="v1-3"),
    ]
    check(
        messages,
        ["second", "v1-2", "third"],
        ["v3 brings patch 3 of 3 alone: the others are those of v1, v2"],
        version=3,
    )


def test_a_reroll_without_number_needs_the_same_title():
    again = patch("[PATCH v2] thing: part 2", "new", "x = 3", to="v1-2")
    check([*series(1, 3), again], ["v1-1", "new", "v1-3"], ["v2 brings patch 2 of 3 alone"], version=2)
    other = patch("[PATCH v2] thing: repair part 2", "new", "x = 3", to="v1-2")
    check([*series(1, 3), other], ["v1-1", "v1-2", "v1-3"], ["another patch"], version=1)


def test_a_patch_sent_again_because_it_was_lost():
    again = patch("[RESEND PATCH 3/3] thing: part 3", "again", "x = 3", to="v1-0", name="f3")
    check([*series(1, 3)[:3], again], ["v1-1", "v1-2", "again"])


def test_a_whole_series_sent_again():
    check([*series(1, 2, day=1), *series(1, 2, day=2, key="r", prefix="PATCH RESEND")], ["r1", "r2"])


# --- stray patches (trap 9) ---


@pytest.mark.parametrize(
    ("stray", "note"),
    [
        (patch("[PATCH] a fix", "s", "x = 7", to="v1-1", by=BOB), "another patch"),
        (patch("[PATCH 1/2] a fix", "s", "x = 7", to="v1-1", by=BOB), "another patch"),
        (patch("[PATCH] a fix on top", "s", "x = 7", to="v1-1"), "another patch"),
        (patch("[PATCH v2] a fix on top", "s", "x = 7", to="v1-0"), "another patch"),
        (patch("[RESEND PATCH 1/2] thing: part 1", "s", "x = 7", to="v1-1"), "a second patch 1/2 of v1"),
        (patch("Re: [PATCH 1/2] thing: part 1", "s", "x = 7", to="v1-1", by=BOB), "a diff in a reply"),
        (patch("fix for this", "s", "x = 7", to="v1-1", by=BOB), "another patch"),
        (mail("[PATCH 3/2] thing: html", "<b>x</b>", "s", to="v1-0", extra="Content-Type: text/html\n"), "HTML only"),
    ],
)
@pytest.mark.parametrize("first", [False, True])
def test_a_stray_patch_in_the_thread(stray, note, first):
    messages = [stray, *series(1, 2)] if first else [*series(1, 2), stray]
    check(messages, ["v1-1", "v1-2"], [note], version=1)


def test_a_patch_sent_twice_counts_once():
    twice = patch("[RESEND PATCH 1/2] thing: part 1", "s", "v1 = 1", to="v1-1", name="f1")
    check([*series(1, 2), twice], ["v1-1", "v1-2"])


def test_one_more_patch_on_top():
    more = patch("[PATCH 3/2] thing: one more", "more", "x = 9", to="v1-0", name="f9")
    check([*series(1, 2), more], ["v1-1", "v1-2", "more"])


def test_two_patches_for_one_number_the_one_that_answers_the_other_wins():
    later = patch("[PATCH v1.1 1/2] thing: part 1", "later", "x = 9", to="v1-1", day=-5)
    check([*series(1, 2), later], ["later", "v1-2"], ['"[PATCH 1/2] thing: part 1" <v1-1@example.org> was left out'])


def test_two_series_in_one_mbox():
    messages = [*series(1, 2, key="a", title="first"), *series(1, 3, key="b", title="second")]
    check(messages, ["a1", "a2"], ["another series (3 patches)"])
    check(messages, ["b1", "b2", "b3"], ["another series (2 patches)"], wanted="b2@example.org")


# --- the mail that was asked for ---


def test_the_mail_asked_for_is_of_an_older_version():
    messages = [*series(1, 2), *series(2, 2, to="v1-0")]
    check(messages, ["v2-1", "v2-2"], ["is of v1: the newer v2 was reviewed"], wanted="<v1-2@example.org>")


def test_a_reply_is_asked_for():
    talk = [mail("Re: b", "", "t1", to="b2", by=BOB), mail("Re: b", "", "t2", to="t1")]
    messages = [*series(1, 1, key="a", title="first"), *series(1, 2, key="b", title="second"), *talk]
    check(messages, ["b1", "b2"], ["another patch"], wanted="t2@example.org")


def test_a_stray_patch_is_asked_for():
    messages = [*series(1, 2), patch("[PATCH] a fix", "s", "x = 7", to="v1-1", by=BOB)]
    check(messages, ["s"], ["another series (2 patches)"], wanted="s@example.org")


def test_a_mail_asked_for_that_is_not_there():
    with pytest.raises(InputError, match=r"no mail with the id gone@example\.org"):
        newest(series(1, 2), "gone@example.org")


# --- nothing to review (trap 17) ---


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (
            mail("[GIT PULL] mm fixes", "are available in the Git repository at:\n"),
            "a pull request: no patch in the mail",
        ),
        (mail("[PULL 0/3] mm fixes", "text\n"), "a pull request: no patch in the mail"),
        (mail("Re: [PATCH] x", "Looks good.\n"), "a reply with no patch of its own: Re: [PATCH] x"),
        (mail("Re: [PATCH] x", "> " + diff().replace("\n", "\n> ")), "(it quotes one)"),
        (mail("AW: [PATCH] x", "> " + diff().replace("\n", "\n> ")), "a reply"),
        (mail("回复： [PATCH] x", "No.\n"), "a reply"),
        (mail("[dm-devel] Re: [PATCH] x", "No.\n"), "a reply"),
        (mail("[PATCH 0/3] x", "About it.\n"), "a cover letter with no patch: [PATCH 0/3] x"),
        (mail("hello", "diff --git a/x b/x\nis what git prints.\n"), "a mail with no patch: hello"),
        (mail("[PATCH] x", "<pre>" + diff(), extra="Content-Type: text/html\n"), "an HTML mail"),
        (mail("", ""), "a mail with no patch: (no subject)"),
    ],
)
def test_nothing_to_review(message, line):
    with pytest.raises(NothingToReview) as caught:
        newest([message])
    assert line in str(caught.value)


def test_a_thread_of_talk():
    with pytest.raises(NothingToReview, match="and none in the 1 mails with it"):
        newest([mail("question", "why?\n", "q"), mail("Re: question", "so.\n", "a", to="q")])


def test_a_diff_in_a_lone_reply_is_reviewed():
    only = check([patch("Re: [PATCH 1/2] x: do", "r", to="gone")], ["r"]).patches[0]
    assert (only.number, only.total, only.subject) == (1, 1, "x: do")


def test_a_lone_cover_letter_with_the_diff_in_it():
    assert check([patch("[PATCH 0/1] x: do", "c")], ["c"]).patches[0].number == 1


# --- real mail ---


def test_every_mail_of_the_corpus(corpus):
    for line in (corpus / "manifest.jsonl").read_text().splitlines():
        about = json.loads(line)
        start = time.process_time()
        messages, unread = mailbox.read_mails(str(corpus / "lore" / about["file"]), io.BytesIO(), 10_000_000)
        try:
            count = [bool(one.diff) for one in newest(messages).patches]
        except NothingToReview:
            count = []
        assert count == [True] * about["has_diff"], about["file"]
        assert not unread
        assert time.process_time() - start < 5


def test_every_series_of_the_corpus(corpus):
    kinds = {}
    for line in (corpus / "manifest.jsonl").read_text().splitlines():
        about = json.loads(line)
        kinds[about["file"]] = about["kind"]
    for name, members in json.loads((corpus / "series.json").read_text()).items():
        files = [one["file"] for one in members]
        mbox = b"".join(
            b"From a@example.org Mon Jan  5 10:00:00 2026\n" + (corpus / "lore" / file).read_bytes() + b"\n"
            for file in files
        )
        found = newest(mailbox.read_mails("-", io.BytesIO(mbox), 10_000_000)[0])
        assert len(found.patches) == sum(kinds[file] == "patch" for file in files), name
        assert found.cover
        assert not found.unread
