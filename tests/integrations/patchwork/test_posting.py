"""`--patchwork`, as whole processes against a real server: who hears what, who gets the token, and the exit codes."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from command import THREADS, Command, diff, mail
from httpserver import serve
from kerneltree import KernelTree
from patchworkserver import OTHER, TOKEN, Patchwork, patchwork, send

DEMO = ("thread", THREADS / "demo.mbox", "--kernel", "6.10")
IDS = [f"20240610081502.4711-{number}-mira.holt@example.org" for number in (2, 3, 4)]
BAD = "\tp = kmalloc(8, GFP_KERNEL | GFP_NOFS);\n"
CONFLICT = "1 warning: conflicting-flags in made()"


@pytest.fixture
def there():
    with patchwork() as server:
        yield server


@pytest.fixture
def demo(there):
    """The three patches of the demo, as Patchwork has them."""
    return [there.patch(one) for one in IDS]


def run(command: Command, there: Patchwork, *arguments, token=TOKEN, **env):
    """A review that posts; the token stands nowhere in what it says."""
    (command.work / "quick.toml").write_text("[patchwork]\ntimeout = 1\nretries = 1\nseconds = 10\n")
    given = {"REVIEWBOT_PATCHWORK_TOKEN": token} if token else {}
    options = ("--patchwork", there.url, "--config", "quick.toml")
    done = command(*(arguments or DEMO), *options, **given, **env)
    assert not token or token not in done.out + done.err
    return done


# --- a thread ---


def test_a_thread_is_posted_and_a_second_run_posts_nothing(command, there, demo):
    done = run(command, there)
    assert (done.code, done.out) == (1, command(*DEMO).out)
    assert done.err.splitlines() == [
        "posted: 1/3 exfoo: do not wait for memory when the index is read: fail, "
        "1 error: unsafe-scope in exfoo_index_init()",
        "posted: 2/3 exfoo: read all extents at once: fail, 1 error: scope-leak in exfoo_extents_prefetch()",
        "posted: 3/3 exfoo: keep a list of free cursors: fail, "
        "1 error, 1 warning: sleep-in-atomic in exfoo_cursor_get(), conflicting-flags in exfoo_cursors_fill()",
    ]
    assert [[state for state, _ in there.said(patch)] for patch in demo] == [["fail"]] * 3
    assert {check["context"] for patch in demo for check in there.checks[patch]} == {"reviewbot"}
    again = run(command, there)
    assert (again.code, again.err, there.posts()) == (1, "3 of 3 checks: already there\n", 3)


def test_a_changed_result_is_posted_again(command, there, demo):
    run(command, there)
    done = run(command, there, *DEMO, "--min-severity", "error")
    assert there.posts() == 4
    assert done.err.splitlines()[-1] == "2 of 3 checks: already there"
    assert there.said(demo[2])[1] == ("fail", "1 error: sleep-in-atomic in exfoo_cursor_get()")


def test_what_is_ignored_or_known_is_not_posted(command, there, demo):
    command(*DEMO, "--write-baseline", "known.json")
    done = run(command, there, *DEMO, "--baseline", "known.json")
    assert done.code == 0
    assert {there.said(patch)[0] for patch in demo} == {("success", "no remarks (kernel 6.10)")}


def test_a_dry_run_posts_nothing_and_needs_no_token(command, there, demo):
    there.check(demo[0], "reviewbot", state="fail", description="1 error: unsafe-scope in exfoo_index_init()")
    done = run(command, there, *DEMO, "--dry-run", token="")
    assert [line.partition(":")[0] for line in done.err.splitlines()] == [
        "would be posted",
        "would be posted",
        "1 of 3 checks",
    ]
    assert (done.code, there.posts(), {header for *_, header in there.requests}) == (1, 0, {None})


def test_nothing_is_asked_without_the_option(command, there, demo):
    (command.work / "own.toml").write_text(f'[patchwork]\nurl = "{there.url}"\nproject = "fs"\n')
    command(*DEMO, "--config", "own.toml", REVIEWBOT_PATCHWORK_TOKEN=TOKEN)
    assert there.requests == []
    done = command(*DEMO, "--config", "own.toml", "--patchwork", "config", REVIEWBOT_PATCHWORK_TOKEN=TOKEN)
    assert (done.code, there.posts()) == (1, 3)


def test_settings_are_those_of_the_file(command, there):
    first, second = there.patch("1.made@example.org", project="fs"), there.patch("1.made@example.org", project="mm")
    settings = 'project = "fs"\ncontext = "gfp scopes"\nfail_on = "never"\ntarget_url = "https://x.example/$message_id"'
    (command.work / "own.toml").write_text(f"[patchwork]\n{settings}\n")
    asked = ("thread", "-", "--config", "own.toml", "--patchwork", there.url)
    given = {"stdin": mail(diff=diff()), "REVIEWBOT_PATCHWORK_TOKEN": TOKEN}
    assert command(*asked, **given).code == 1
    (posted,) = there.checks[first]
    assert (posted["context"], posted["state"], posted["description"], posted["target_url"]) == (
        *("gfp-scopes", "warning", CONFLICT),
        "https://x.example/1.made@example.org",
    )
    command(*asked, "--patchwork-project", "mm", **given)
    command("thread", "-", "--patchwork", f"{there.url}/project/mm/list/", **given)
    assert [check["context"] for check in there.checks[second]] == ["gfp-scopes", "reviewbot"]


def test_what_could_not_be_read_is_pending(command, there):
    patch = there.patch("1.made@example.org")
    short = diff().replace("@@ -1,4 +1,5 @@", "@@ -1,9 +1,10 @@")
    (command.work / "lost.eml").write_bytes(mail(diff=short))
    done = run(command, there, "thread", "lost.eml")
    assert done.code == 3
    assert done.err.endswith("reviewbot: nothing was reviewed: no patch of this series could be read\n")
    ((state, description),) = there.said(patch)
    assert state == "pending" and description.startswith("not looked at: fs/exfoo/a.c: ")


# --- what fails ---


def test_a_failed_post_is_3_and_everything_else_is_there(command, there, demo):
    del there.checks[demo[1]]
    done = run(command, there, *DEMO, "--output", "json=r.json", "--write-baseline", "known.json")
    assert done.code == 3
    left = "8 new calls under a lock or in a scope leave what was read"
    assert done.out == f"clean: 3 patches, 129 added lines, kernel 6.10 (4 known or ignored, {left})\n"
    assert {"work/r.json", "work/known.json"} <= command.left()
    (line,) = [line for line in done.err.splitlines() if line.startswith("reviewbot: ")]
    assert line.startswith("reviewbot: no check for 2/3 exfoo: read all extents at once: 127.0.0.1:")
    assert [len(there.checks[patch]) for patch in (demo[0], demo[2])] == [1, 1]


def test_a_wrong_token_is_one_line_that_says_what_to_do(command, there, demo):
    done = run(command, there, *DEMO, "-q", token="f" * 40)
    assert done.code == 3
    (line,) = done.err.splitlines()
    assert line.startswith("reviewbot: no check for 1/3 exfoo: do not wait") and " and 2 more: " in line
    assert line.endswith("does not know this token: Patchwork shows the right one in your user profile")


def test_a_token_that_may_not_post(command, there, demo):
    done = run(command, there, token=OTHER)
    assert (done.code, there.posts()) == (3, 3)
    assert "does not let the token's user post checks" in done.err


def test_a_patch_that_patchwork_does_not_have(command, there):
    done = run(command, there)
    assert done.code == 3
    assert f"has no patch {IDS[0]}: it may not have arrived there" in done.err


def test_a_broken_server_is_told_of_with_v(command, there, demo):
    rest = [500, 503]
    there.before = lambda to: bool(rest) and send(to, rest.pop(), {}) is None
    (command.work / "quick.toml").write_text("[patchwork]\nretries = 2\n")
    done = command(*DEMO, "-v", "--patchwork", there.url, "--config", "quick.toml", REVIEWBOT_PATCHWORK_TOKEN=TOKEN)
    assert (done.code, there.posts(), done.err.count(": trying again in ")) == (1, 3, 2)
    assert TOKEN not in done.err


def test_a_server_without_an_end_costs_the_configured_seconds(command, demo, there):
    """Answers that announce an answer, one after the other: no part of an HTTP client counts them."""

    def announce(to) -> None:
        while True:
            to.wfile.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)
            time.sleep(0.01)

    (command.work / "quick.toml").write_text("[patchwork]\nseconds = 1\n")
    with serve(announce) as server:
        begin = time.monotonic()
        done = command(
            *(*DEMO, "--patchwork", f"http://{server.name}", "--config", "quick.toml"), REVIEWBOT_PATCHWORK_TOKEN=TOKEN
        )
    assert (done.code, time.monotonic() - begin < 10) == (3, True)
    failed = [line for line in done.err.splitlines() if "no check for" in line]
    assert failed and all("no time " in line and "(seconds under [patchwork]" in line for line in failed)


def test_a_mistake_of_our_own_does_not_show_the_token(command, there, demo):
    """With -v an unexpected error prints its traceback."""
    (command.work / "sitecustomize.py").write_text(
        "import json\nbefore = json.loads\n"
        "def loads(*given, **more):\n    raise RuntimeError('made to fail')\n"
        "import httpx\njson.loads = loads\n"
    )
    env = {"PYTHONPATH": f"{command.work}{os.pathsep}{command.env['PYTHONPATH']}"}
    done = run(command, there, *DEMO, "-v", **env)
    assert (done.code, "made to fail" in done.err, "Traceback" in done.err) == (3, True, True)


# --- where the token comes from ---


def settings(command: Command, **values: str) -> None:
    for key, value in values.items():
        name = key.replace("__", ".").replace("_", "-")
        asked = ["git", "config", "--file", str(command.home / ".gitconfig"), name, value]
        subprocess.run(asked, check=True, env=command.env)


@pytest.mark.parametrize(
    "keys", [("pw__server", "pw__token", "pw__project"), ("b4__pw_url", "b4__pw_key", "b4__pw_project")]
)
def test_the_settings_of_git_pw_and_of_b4(command, there, keys):
    first, second = there.patch(IDS[0], project="fs"), there.patch(IDS[0], project="mm")
    server = there.url + ("/api/1.2" if keys[0] == "pw__server" else "/")
    settings(command, **dict(zip(keys, (server, TOKEN, "mm"), strict=True)))
    done = run(command, there, token="")
    assert TOKEN not in done.out + done.err
    assert (len(there.checks[first]), len(there.checks[second])) == (0, 1)


def test_the_environment_goes_first(command, there, demo):
    settings(command, pw__server=there.url, pw__token=OTHER)
    assert run(command, there).code == 1


def test_a_token_is_for_the_server_that_it_stands_beside(command, there, demo):
    with patchwork() as other:
        settings(command, pw__server=other.url, pw__token=TOKEN, b4__pw_key=TOKEN)
        done = run(command, there, token="")
        assert (done.code, there.requests, other.requests) == (2, [], [])
    assert done.err.startswith(f"reviewbot: no token for {there.server.name}: put it into $REVIEWBOT_PATCHWORK_TOKEN")
    assert TOKEN not in done.err


def test_settings_of_the_tree(command, there, tmp_path):
    tree = KernelTree(tmp_path / "tree")
    tree.git("config", "pw.server", there.url)
    tree.git("config", "pw.token", TOKEN)
    tree.commit(f"fs: fill\n\nMessage-ID: <{IDS[0]}>", {"fs/a.c": made()})
    there.patch(IDS[0])
    done = run(command, there, "range", "HEAD", "--tree", tree.folder, token="")
    assert (done.code, there.posts()) == (1, 1)


# --- a range ---


def made(*lines: str) -> str:
    return "int made(void)\n{\n\tvoid *p;\n" + "".join(lines or (BAD,)) + "}\n"


def test_commits_are_posted_to_the_mails_they_came_by(command, there, tmp_path):
    tree = KernelTree(tmp_path / "tree")
    good = made("\tp = kmalloc(8, GFP_KERNEL);\n")
    tree.commit(f"fs: one\n\nWhy.\n\nLink: https://patch.msgid.link/{IDS[0]}", {"fs/d.c": made()})
    tree.commit(f"fs: two\n\nWhy.\n\nLink: https://lore.kernel.org/r/{IDS[1]}", {"fs/e.c": good})
    tree.commit("fs: three", {"fs/f.c": made()})
    tree.commit(f"fs: four\n\nLink: https://lore.kernel.org/r/{IDS[2]}", {"fs/g.c": good})
    patches = [there.patch(IDS[0], "[1/2] other"), there.patch(IDS[1], "[2/2] FS: two"), there.patch(IDS[2], "[bug] x")]
    done = run(command, there, "range", "main~4..main", "--tree", tree.folder)
    assert done.code == 3
    assert [there.said(patch) for patch in patches] == [
        [("warning", CONFLICT)],
        [("success", "no remarks (kernel 6.12)")],
        [],
    ]
    assert "no check for 3/4 fs: three: nothing says which mail it came by" in done.err
    assert f"has no patch {IDS[2]} with this subject" in done.err
    done = run(command, there, "range", "main~4..main~1", "--tree", tree.folder)
    assert (done.code, there.posts()) == (1, 2)


def test_commits_of_which_no_mail_is_known(command, there, tmp_path):
    tree = KernelTree(tmp_path / "tree")
    tree.commit("fs: one", {"fs/d.c": made()})
    done = run(command, there, "range", "HEAD", "--tree", tree.folder)
    assert (done.code, there.requests) == (3, [])
    assert done.err.endswith("reviewbot: no check was posted: of no patch it is known which mail it came by\n")


# --- invalid options ---


WRONG = {
    ("--dry-run",): "they need --patchwork URL",
    ("--patchwork-project", "fs"): "they need --patchwork URL",
    ("--patchwork", "http://pw.example.org"): "write https://",
    ("--patchwork", "config"): "there is no url under [patchwork]",
    ("--patchwork", "https://bot:hunter2@pw.example.org"): "no name and no password",
    ("--patchwork", "https://pw.example.org", "--patchwork-project", "a\nb"): "no name of a project",
}


@pytest.mark.parametrize("options", WRONG)
def test_what_cannot_be_meant_is_said_before_anything_is_fetched(command, options):
    done = command("thread", "absent.mbox", *options, REVIEWBOT_PATCHWORK_TOKEN=TOKEN)
    (line,) = done.err.splitlines()
    assert (done.code, WRONG[options] in line, "hunter2" in line) == (2, True, False)


@pytest.mark.parametrize(
    "setting", ['context = "!"', 'target_url = "x"', 'fail_on = "bad"', "retries = 0", 'token = "x"']
)
def test_settings_that_cannot_be_used(command, setting):
    (command.work / "own.toml").write_text(f"[patchwork]\n{setting}\n")
    options = ("--config", "own.toml", "--patchwork", "https://pw.example.org")
    done = command("thread", "absent.mbox", *options, REVIEWBOT_PATCHWORK_TOKEN=TOKEN)
    assert (done.code, "[patchwork]" in done.err, setting.split()[0] in done.err) == (2, True, True)


def test_a_token_that_is_none(command):
    options = ("--patchwork", "https://pw.example.org")
    done = command("thread", "absent.mbox", *options, REVIEWBOT_PATCHWORK_TOKEN="top\x1bsecret")
    assert (done.code, done.err) == (
        2,
        "reviewbot: $REVIEWBOT_PATCHWORK_TOKEN holds no token: that is a word of letters and digits\n",
    )
