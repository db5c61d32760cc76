"""Every labelled mail, replies and cover letters too, gets an answer: no crash, sound JSON, in time."""

from __future__ import annotations

import time

from answers import checked
from reviewbot.cli import main

SECONDS = 60  # for one mail


def test_every_mail_is_answered(corpus, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    answers = {}
    for mail in sorted(corpus.glob("lore/*.eml")):
        begin = time.monotonic()
        code = main.main(["thread", str(mail), "--format", "json"])
        took = time.monotonic() - begin
        out, err = capsys.readouterr()
        whole = checked(out)
        sound = whole["schema"] == 1 and (code == 3) == bool(err) and len(err.splitlines()) <= 1
        answers[mail.name] = code in (0, 1, 3) and sound and took < SECONDS
    assert len(answers) > 200
    assert [name for name, good in answers.items() if not good] == []
