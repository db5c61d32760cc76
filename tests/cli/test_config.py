"""The shipped config.toml, and a user's file over it."""

from __future__ import annotations

import re

import pytest
import tomli

from reviewbot import config
from reviewbot.config import Config, data_path, load_config
from reviewbot.model.errors import ConfigError
from reviewbot.model.patch import Address


def _load(tmp_path, text):
    path = tmp_path / "config.toml"
    path.write_text(text)
    return load_config(path, {})


def _refused(tmp_path, text):
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, text)
    assert str(tmp_path / "config.toml") in str(caught.value)
    return str(caught.value)


def test_every_default_has_a_field_and_every_field_a_default():
    defaults = tomli.loads(data_path("config.toml").read_text())
    fields = {name: set(section.__struct_fields__) for name, section in config.SECTIONS.items()}
    assert {name: set(values) for name, values in defaults.items()} == fields
    assert list(Config.__struct_fields__) == [*config.SECTIONS, "ignore", "lists"]


def test_every_default_is_explained_and_used():
    """A key stands below a comment or beside one, and some module reads it."""
    text = data_path("config.toml").read_text()
    code = "".join(path.read_text() for path in data_path("reviewbot").rglob("*.py"))
    for block in re.split(r"\n(?=\[)", text)[1:]:
        assert "#" in block.partition("\n")[2].splitlines()[0], f"no comment opens {block[:20]}"
        for key in re.findall(r"^(\w+) =", block, re.M):
            section = block[1 : block.index("]")]
            assert re.search(rf"\.{key}\b|\b{key}:", code), f"{section}.{key} is read by nobody"


def test_a_user_file_overrides_key_by_key(tmp_path):
    mine = _load(tmp_path, '[surface]\ntext = "high"\n[mail]\ncc = "list"\nlists = ["*@example.org"]\n')
    shipped = load_config(None, {})
    assert (mine.surface.text, mine.surface.json) == ("high", shipped.surface.json)
    assert (mine.mail.cc, mine.mail.lists) == ("list", ("*@example.org",))
    assert mine.limits == shipped.limits


@pytest.mark.parametrize(
    "env",
    [
        pytest.param(lambda home: {"XDG_CONFIG_HOME": str(home)}, id="XDG_CONFIG_HOME"),
        pytest.param(lambda home: {"HOME": str(home.parent)}, id="HOME"),
        pytest.param(lambda home: {"XDG_CONFIG_HOME": "", "HOME": str(home.parent)}, id="XDG_CONFIG_HOME is empty"),
    ],
)
def test_the_users_file_is_found(tmp_path, env):
    folder = tmp_path / ".config" / "reviewbot"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('[kernel]\nversion = "5.15"\n')
    assert load_config(None, env(folder.parent)).kernel.version == "5.15"


def test_a_named_file_is_read_instead_of_the_users(tmp_path):
    users = tmp_path / "reviewbot" / "config.toml"
    users.parent.mkdir()
    users.write_text('[kernel]\nversion = "5.15"\n')
    named = tmp_path / "named.toml"
    named.write_text('[surface]\ntext = "high"\n')
    assert load_config(named, {"XDG_CONFIG_HOME": str(tmp_path)}).kernel.version == load_config(None, {}).kernel.version


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param('[surfaces]\ntext = "low"\n', ["'surfaces'", "surface"], id="unknown table"),
        pytest.param('[surface]\ntxt = "low"\n', ["'txt'", "[surface]", "text"], id="unknown key"),
        pytest.param('text = "low"\n', ["'text'", "surface"], id="key outside a table"),
        pytest.param('surface = "low"\n', ["surface", "a table"], id="text for a table"),
        pytest.param('[surface]\ntext = "loud"\n', ["text", "low, medium, high", "'loud'"], id="word that is none"),
        pytest.param("[surface]\ntext = 3\n", ["text", "low, medium, high"], id="number for a word"),
        pytest.param('[limits]\nseconds = "10"\n', ["seconds", "whole number above 0", "'10'"], id="text for a number"),
        pytest.param("[limits]\nseconds = true\n", ["seconds", "whole number"], id="truth for a number"),
        pytest.param("[limits]\nseconds = 0\n", ["seconds", "above 0"], id="nothing may pass"),
        pytest.param('[rules]\nextra = "mine"\n', ["extra", "list of texts"], id="text for a list"),
        pytest.param("[rules]\nextra = [1]\n", ["extra", "list of texts"], id="numbers in a list"),
        pytest.param("[mail]\nname = [1, 2\n", ["invalid TOML"], id="no TOML"),
    ],
)
def test_a_mistake_is_named_with_file_key_and_what_is_allowed(tmp_path, text, said):
    refusal = _refused(tmp_path, text)
    assert [part for part in said if part not in refusal] == []


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.toml: cannot be read: no such file"):
        load_config(tmp_path / "absent.toml", {})
    with pytest.raises(ConfigError, match="cannot be read: is a directory"):
        load_config(tmp_path, {})


def test_bytes_that_are_no_text_are_no_config(tmp_path):
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff\xfe[mail]\n")
    with pytest.raises(ConfigError, match="invalid TOML"):
        load_config(path, {})


@pytest.fixture
def git_user(tmp_path, monkeypatch):
    """Writes git's own settings of a user who has no others."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.chdir(tmp_path)
    return (tmp_path / "gitconfig").write_text


def test_a_draft_is_from_the_configured_person_before_gits(tmp_path, git_user):
    git_user("[user]\nname = Git Name\nemail = git@example.org\n")
    assert config.identity(load_config(None, {})) == Address("Git Name", "git@example.org")
    mine = _load(tmp_path, '[mail]\nname = "My Name"\n')
    assert config.identity(mine) == Address("My Name", "git@example.org")


def test_without_a_person_it_is_said_how_to_set_one(git_user):
    git_user("[user]\nname = Git Name\n")
    with pytest.raises(ConfigError, match=r"\[mail\] name and email.*git config --global user\.email"):
        config.identity(load_config(None, {}))
