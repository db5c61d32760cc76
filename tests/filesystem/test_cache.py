"""What is kept between runs: the same comes back, and nothing is believed that others could have written."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import astuple

from reviewbot import config
from reviewbot.filesystem import cache as store
from reviewbot.kernel import rules, serialized
from reviewbot.model.errors import ConfigError

DATA = {"a": [1, None, "\ud800", {"b": True}], "c": "x" * 1000}
SHIPPED = (config.data_path("rules"),)


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "reviewbot"


def only(cache: Path) -> Path:
    (file,) = cache.iterdir()
    return file


def test_what_is_kept_comes_back(cache):
    key = store.key(b"text")
    assert store.cached("x", key) is None and not cache.exists()
    store.keep("x", key, DATA)
    assert store.cached("x", key) == DATA
    assert store.cached("y", key) is None
    assert (cache.stat().st_mode & 0o777, only(cache).stat().st_mode & 0o777) == (0o700, 0o600)


def test_another_text_another_program_is_another_key(cache, monkeypatch):
    keys = {store.key(b"text"), store.key(b"text", b""), store.key(b"tex", b"t"), store.key(b"other")}
    monkeypatch.setattr(store, "__version__", "0.0.0")
    keys.add(store.key(b"text"))
    monkeypatch.setattr(store, "_CODE", ("filesystem/cache.py",))
    keys.add(store.key(b"text"))
    monkeypatch.setattr(store, "_CODE", ("absent.py",))  # installed without its sources
    keys.add(store.key(b"text"))
    assert len(keys) == 7


def test_the_code_that_makes_what_is_kept_is_part_of_its_key():
    """All that rules.load() is made of, and what it makes: an edit in a checkout is another key."""
    package = Path(store.__file__).parents[1]
    for name in store._CODE:
        assert (package / name).is_file()
    texts = "".join((package / name).read_text() for name in store._CODE)
    used = set(
        re.findall(
            r"from reviewbot\.(kernel) import ([\w, ]+)|from reviewbot\.(kernel|model)\.(kernel|\w+) import", texts
        )
    )
    names = {f"kernel/{one.strip()}.py" for row in used if row[0] for one in row[1].split(",")}
    names |= {f"{row[2]}/{row[3]}.py" for row in used if row[2]}
    assert names - {"model/errors.py", "model/review.py"} <= set(store._CODE)


def other_key(file: Path) -> None:
    """The file of another key under this one's name."""
    key = store.key(b"other")
    store.keep("x", key, ["evil"])
    file.with_name(f"x-{key[:32]}.json").rename(file)


TAMPERED = {
    "a changed value": lambda file: file.write_bytes(file.read_bytes().replace(b"true", b"null")),
    "cut": lambda file: file.write_bytes(file.read_bytes()[:-1]),
    "empty": lambda file: file.write_bytes(b""),
    "bytes": lambda file: file.write_bytes(b"\xff" * 1000),
    "no JSON": lambda file: file.write_bytes(store._seal(store.key(b"text"), b"[").encode() + b"\n["),
    "deep": lambda file: file.write_bytes(
        store._seal(store.key(b"text"), b"[" * 200_000).encode() + b"\n" + b"[" * 200_000
    ),
    "of another key": other_key,
    "for all to write": lambda file: file.chmod(0o606),
    "for a group to write": lambda file: file.chmod(0o660),
    "the folder for all": lambda file: file.parent.chmod(0o777),
    "the folder for a group": lambda file: file.parent.chmod(0o770),
    "huge": lambda file: os.truncate(file, 9_000_000),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_what_others_could_have_written_is_not_believed(cache, case):
    key = store.key(b"text")
    store.keep("x", key, DATA)
    TAMPERED[case](only(cache))
    assert store.cached("x", key) is None


def test_somebody_elses_is_not_believed(cache, monkeypatch):
    key = store.key(b"text")
    store.keep("x", key, DATA)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert store.cached("x", key) is None
    store.keep("y", key, DATA)
    assert len(list(cache.iterdir())) == 1


def test_links_and_pipes_are_not_followed(cache, tmp_path):
    key = store.key(b"text")
    store.keep("x", key, DATA)
    real = only(cache).rename(tmp_path / "real")
    (cache / f"x-{key[:32]}.json").symlink_to(real)
    assert store.cached("x", key) is None
    (cache / f"x-{key[:32]}.json").unlink()
    os.mkfifo(cache / f"x-{key[:32]}.json")
    assert store.cached("x", key) is None
    moved = cache.rename(tmp_path / "moved")
    cache.symlink_to(moved)
    store.keep("y", key, DATA)
    assert store.cached("y", key) is None and len(list(moved.iterdir())) == 1


NOWHERE = {
    "a file": lambda cache: (cache.parent.mkdir(), cache.write_text("")),
    "a link to nothing": lambda cache: (cache.parent.mkdir(), cache.symlink_to("/nonexistent/x")),
    "a loop": lambda cache: cache.parent.symlink_to(cache.parent),
    "above is a file": lambda cache: cache.parent.write_text(""),
}


@pytest.mark.parametrize("case", NOWHERE)
def test_without_a_folder_everything_works_without(cache, case):
    NOWHERE[case](cache)
    store.keep("x", store.key(b""), DATA)
    assert store.cached("x", store.key(b"")) is None
    assert rules.load(SHIPPED, (6, 12))[0].version == (6, 12)


@pytest.mark.parametrize("name", ["", "relative", "/nul\0", "/" + "x" * 300])
def test_odd_settings_of_the_environment(tmp_path, monkeypatch, name):
    """os.environ takes no NUL: a long name is refused by the system, a relative one by the specification."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", {"XDG_CACHE_HOME": name})
    store.keep("x", store.key(b""), DATA)
    assert store.cached("x", store.key(b"")) is None
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_no_part(cache, monkeypatch):
    monkeypatch.setattr(os, "rename", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    store.keep("x", store.key(b""), DATA)
    assert list(cache.iterdir()) == []


def test_what_json_cannot_hold_is_not_kept(cache):
    store.keep("x", store.key(b""), {"a": {1, 2}})
    assert not cache.exists()


def test_old_files_go(cache, monkeypatch):
    monkeypatch.setattr(store, "_MOST", 10)
    for number in range(30):
        store.keep("x", store.key(str(number).encode()), number)
    assert len(list(cache.iterdir())) <= 10
    assert store.cached("x", store.key(b"29")) == 29


def test_many_at_once(cache):
    """Each writes the same file and reads it; nobody sees half of it, and no part is left."""
    code = (
        "from reviewbot.filesystem import cache as store\nkey = store.key(b'')\n"
        "for _ in range(200):\n"
        "    store.keep('x', key, ['y' * 100_000])\n"
        "    assert store.cached('x', key) == ['y' * 100_000]\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [one.wait(60) for one in running] == [0, 0, 0]
    only(cache)


# --- rules ---


@pytest.mark.parametrize("version", [(4, 19), (5, 10), (6, 1), (6, 12), (7, 0)])
def test_kept_rules_are_those_that_were_read(cache, version, monkeypatch):
    fresh = rules.load(SHIPPED, version)
    assert list(cache.iterdir())
    monkeypatch.setattr(rules, "_load", lambda *_: pytest.fail("it was read again"))
    again = rules.load(SHIPPED, version)
    assert again[0] == fresh[0]
    assert [astuple(one) for one in again[1]] == [astuple(one) for one in fresh[1]]
    assert list(again[0].allocators) == list(fresh[0].allocators) and list(again[0].flags) == list(fresh[0].flags)
    assert hash(next(iter(again[0].allocators.values()))) == hash(next(iter(fresh[0].allocators.values())))


def test_edited_rules_are_read_again(cache, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "_macros.toml").write_text('[words]\nmine = ["one"]\n')
    assert rules.load((*SHIPPED, own), (6, 12))[0].words["mine"] == {"one"}
    (own / "_macros.toml").write_text('[words]\nmine = ["two"]\n')
    assert rules.load((*SHIPPED, own), (6, 12))[0].words["mine"] == {"two"}
    (own / "_macros.toml").write_text("[words]\nmine = [1]\n")
    for _ in range(2):  # an error is not kept
        with pytest.raises(ConfigError, match="mine"):
            rules.load((*SHIPPED, own), (6, 12))


@pytest.mark.parametrize("data", [[], {}, None, 3, {"kernel": [1], "rules": [], "limits": []}, {"kernel": []}])
def test_data_of_another_shape_is_read_anew(cache, data, monkeypatch):
    monkeypatch.setattr(store, "cached", lambda *_: data)
    assert rules.load(SHIPPED, (6, 12))[0].version == (6, 12)


def test_a_run_after_the_first_parses_no_toml_and_none_loads_what_it_does_not_use(command, monkeypatch):
    slow = {"tomli", "dataclasses", "email.policy", "difflib", "secrets", "httpx", "git", "rich"}
    code = (
        "import sys\nfrom reviewbot.cli import main as cli\nsys.argv = ['reviewbot', 'check', '--protocol', 'review']\n"
        f"cli.main(sys.argv[1:])\nprint('loaded', *{slow} & sys.modules.keys(), file=sys.stderr)"
    )
    env = {**command.env, "XDG_CACHE_HOME": str(command.home)}
    given = (Path(__file__).parents[1] / "threads" / "demo.mbox").read_bytes().split(b"\nFrom ")[1].partition(b"\n")[2]
    said = [
        subprocess.run([sys.executable, "-c", code], env=env, cwd=command.work, input=given, capture_output=True)
        for _ in range(2)
    ]
    assert [one.stderr.decode().splitlines()[-1].split() for one in said] == [["loaded", "tomli"], ["loaded"]]
    assert said[0].stdout == said[1].stdout and json.loads(said[0].stdout)


def test_plain_data_is_plain(cache):
    data, shown = serialized.to_plain(*rules.load(SHIPPED, (6, 12)))
    assert json.loads(json.dumps(data, default=shown))["kernel"][0] == [6, 12]
