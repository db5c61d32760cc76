"""The sdist and the wheel are whole: built one from the other, and used from another folder in an empty environment."""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from checkout import copied, tracked
from cisystems import TOP, Job, environment, run
from command import THREADS
from pages import page
from shipping import completions, manpages


class Artifacts:
    """The sdist of this checkout, the wheel that was built from it, and an environment with nothing but that."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = environment(folder / "home", SOURCE_DATE_EPOCH="1718000000")
        self.sdist = self.build("--sdist", copied(folder / "checkout"))
        with tarfile.open(self.sdist) as packed:
            packed.extractall(folder / "unpacked", filter="data")
        (self.unpacked,) = (folder / "unpacked").iterdir()
        self.wheel = self.build("--wheel", self.unpacked)
        self.place = folder / "environment"
        self.must([sys.executable, "-m", "venv", "--without-pip", str(self.place)])
        self.must([sys.executable, "-m", "pip", "--python", str(self.place), "install", "-q", str(self.wheel)])

    def must(self, command: list[str]) -> None:
        done = run(command, self.folder, self.env)
        assert done.code == 0, done.out + done.err

    def build(self, what: str, source: Path) -> Path:
        out = self.folder / f"out{what}"
        self.must([sys.executable, "-m", "build", "--no-isolation", what, "--outdir", str(out), str(source)])
        (made,) = out.iterdir()
        return made

    def reviewbot(self, *arguments: str | Path, **env: str) -> Job:
        return run([str(self.place / "bin/reviewbot"), *map(str, arguments)], self.folder / "home", {**self.env, **env})


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Artifacts:
    return Artifacts(tmp_path_factory.mktemp("artifacts"))


def test_the_demo_thread_is_reviewed(made):
    settings = made.unpacked / "tests/threads/demo.toml"
    demo = ("thread", THREADS / "demo.mbox", "--kernel", "6.10")
    done = made.reviewbot(*demo, "--config", settings, "--drafts", "replies")
    assert (done.code, done.out.splitlines()[-1][:24]) == (1, "4 remarks (3 errors, 1 w")
    assert len(list((made.folder / "home/replies/new").iterdir())) == 3, "templates are there"


def test_rules_and_settings_are_those_of_the_environment(made):
    folder = made.folder / "home/.config/reviewbot"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('[rules]\ndisable = ["scope-leak"]\n')
    named = set(made.reviewbot("rule", "--names").out.split())
    assert {path.stem for path in (TOP / "rules").glob("[!_]*.toml")} - named == {"scope-leak"} | removed(named)
    where = [str(made.place / "bin/python"), "-c", "import reviewbot; print(reviewbot.data_path('rules'))"]
    assert run(where, made.folder, made.env).out.startswith(str(made.place))


def removed(named: set[str]) -> set[str]:
    """Rules of other kernels than the default one."""
    return {path.stem for path in (TOP / "rules").glob("[!_]*.toml") if "\nuntil" in path.read_text()} - named


def test_man_pages_and_completions_are_where_they_are_looked_for(made):
    share = made.place / "share"
    assert {path.name for path in (share / "man/man1").iterdir()} == set(manpages.pages(TOP))
    for path, text in completions.scripts().items():
        assert (share / path).read_text() == text
    found = run(["man", "-w", "reviewbot-thread"], made.folder, {**made.env, "MANPATH": str(share / "man")})
    assert found.out.startswith(str(share)) or found.err.startswith("man: not found")


def test_nothing_more_than_that_is_installed(made):
    with zipfile.ZipFile(made.wheel) as packed:
        tops = {name.split("/")[0] for name in packed.namelist()}
    assert {top.split("-")[0] for top in tops} == {"reviewbot"}
    assert len(tops) == 3, "the package, its metadata, its share/"


def test_the_sdist_has_all_that_a_checkout_has(made):
    left = {name for name in tracked() if not (made.unpacked / name).exists()}
    assert left <= {".gitignore", ".ci/run"}


def test_the_lines_of_the_page_link_what_a_shell_looks_for(made):
    part = page("docs/installing.md").partition("\n## Man pages and shell completion\n")[2].partition("\n## ")[0]
    lines = [line.removeprefix("    ") for line in part.splitlines() if line.startswith("    ")]
    home = made.folder / "home"
    (home / ".local/bin").mkdir(parents=True)
    (home / ".local/bin/reviewbot").symlink_to(made.place / "bin/reviewbot")
    env = {**made.env, "PATH": f"{home}/.local/bin:{made.env['PATH']}", "MANPAGER": "cat"}
    done = run(["sh", "-ec", "\n".join(line for line in lines if not line.startswith("man "))], home, env)
    assert (done.code, done.err) == (0, "")
    for link in (".local/share/bash-completion/completions/reviewbot", ".zsh/_reviewbot"):
        assert "reviewbot rule --names" in (home / link).read_text()
    assert [line for line in lines if line.startswith("man ")] == ['man -M "$share/man" reviewbot']
