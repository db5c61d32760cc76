"""A rule of one's own that cannot be used is an error at the start and of `reviewbot rule`, with file and line."""

from __future__ import annotations

import pytest

from command import THREADS

RULE = """\
severity = "warning"
confidence = "medium"
depth = "diff"
check = "masks.combinations:conflicting_flags"
summary = "$mask charges: $why"
question = '''
Is $mask right?

As far as I can see $why.
'''
why = "x"
fix = "y"
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "$why.",
            "$place.",
            ":9: question: masks.combinations:conflicting_flags fills in no $place; allowed: fun",
        ),
        ("$mask charges", "$msk charges", ":5: summary: masks.combinations:conflicting_flags fills in no $msk"),
        ("$why.", "$ why.", ":6: question: stray $ (write $name, ${name} or $$)"),
        (":conflicting_flags", ":conflicting_flag", ":4: check: no check 'masks.combinations:conflicting_flag'; did"),
        ("masks.combinations:", "masks.combination:", "did you mean masks.combinations:conflicting_flags?"),
        ('"masks.combinations:', '"os.path:', ":4: check: no check 'os.path:conflicting_flags'"),
        ("fix =", "fixes =", ":12: unknown key 'fixes'"),
        ('severity = "warning"', 'severity = "bad"', ":1: severity must be one of"),
    ],
)
@pytest.mark.parametrize("asked", ["rule", "thread"])
def test_the_place_is_named(command, asked, old, new, said):
    folder = command.work / "mine"
    folder.mkdir()
    (folder / "my-rule.toml").write_text(RULE.replace(old, new))
    words = ("rule", "my-rule") if asked == "rule" else ("thread", THREADS / "demo.mbox")
    done = command(*words, "--rules", "mine")
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "mine/my-rule.toml:" in done.err


def test_a_moved_folder_is_named_where_it_is_now(command):
    """What was read is kept by its content, and the place is part of what is kept."""
    for name in ("one", "two"):
        (command.work / name).mkdir()
        (command.work / name / "my-rule.toml").write_text(RULE.replace("$why.", "$place."))
        assert f"{name}/my-rule.toml:9: " in command("rule", "--rules", name).err


def test_a_right_one_is_shown(command):
    (command.work / "mine").mkdir()
    (command.work / "mine" / "my-rule.toml").write_text(RULE)
    assert "Is <mask> right?" in command("rule", "my-rule", "--rules", "mine").out
