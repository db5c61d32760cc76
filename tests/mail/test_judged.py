"""Each remark on the labelled mails that is sure enough to be shown has been read as the one would who gets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tomli

from reviewbot.cli import main

LIST = Path(__file__).parents[1] / "mails" / "judged.toml"
REMARKS = tomli.loads(LIST.read_text(encoding="utf-8"))["remark"]
MOST_NOISE = 1 / 20


@pytest.fixture
def said(corpus, capsys, tmp_path, monkeypatch):
    """(message id, path, line, rule) of everything said of the patches, each judged by the kernel of its day."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    found = set()
    for row in (corpus / "truth.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(row)
        mail = str(corpus / "lore" / case["file"])
        main.main(["thread", mail, "--kernel", case["kernel"], "--format", "json", "--min-confidence", "medium"])
        patches = json.loads(capsys.readouterr().out)["patches"]
        found |= {(case["message_id"], one["path"], one["line"], one["rule"]) for p in patches for one in p["findings"]}
    return found


def test_each_remark_on_the_labelled_mails_has_been_judged(said):
    known = {(one["mail"], one["path"], one["line"], one["rule"]): one for one in REMARKS}
    assert said - known.keys() == set()
    assert {key for key, one in known.items() if one["verdict"] == "fair"} - said == set()


def test_few_of_them_are_noise():
    assert {one["verdict"] for one in REMARKS} <= {"fair", "arguable", "noise"}
    assert all(one["says"] for one in REMARKS)
    assert sum(one["verdict"] == "noise" for one in REMARKS) <= MOST_NOISE * len(REMARKS)
