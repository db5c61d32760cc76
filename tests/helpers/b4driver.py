"""A job for b4 on the command line, as JSON, in; what b4 itself makes of it, as JSON, out: run in a process of its own.

b4 keeps its configuration, its caches and its network in globals of the process. Here all of it is b4 0.16's own code,
except for the screen: its interface needs a library that nothing else does.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import socket
import sys
from pathlib import Path


def refuse(*_args, **_more):
    raise AssertionError("the network was asked")


socket.socket.connect = refuse
socket.getaddrinfo = refuse

import b4  # noqa: E402
import b4.command  # noqa: E402
import b4.ez  # noqa: E402
import b4.review  # noqa: E402
from b4.review import checks  # noqa: E402
from b4.review import tracking as store  # noqa: E402

b4.can_network = False


def begin() -> str:
    b4.setup_config(argparse.Namespace(config={"b4.attestation-policy": "off"}))
    return b4.git_get_toplevel()


def messages(path: str):
    """The mails of an mbox, parsed as b4 parses what it gets from lore."""
    return b4.split_and_dedupe_pi_results(Path(path).read_bytes())


def split(found):
    """A cover letter, if any, and the patches in order, as _fetch_and_check() of the interface tells them apart."""
    cover, patches = None, []
    for msg in found:
        subject = b4.LoreSubject(msg.get("subject", ""))
        msgid = msg.get("message-id", "").strip("<> ")
        if subject.counter == 0 and subject.expected > 0:
            cover = (msgid, msg)
        elif subject.patch and not subject.reply:
            patches.append((msgid, msg))
    patches.sort(key=lambda one: b4.LoreSubject(one[1].get("subject", "")).counter)
    return cover, patches


def check(mbox: str, change_id: str = ""):
    """What the table of checks shows: the results of each message by its id, and those of the series."""
    top = begin()
    perpatch, series = checks.load_check_cmds()
    env = {}
    branch = f"b4/review/{change_id}"
    if change_id and b4.git_branch_exists(top, branch):
        _, tracking = b4.review.load_tracking(top, branch)
        path = Path(os.environ["HOME"]) / "b4-tracking.json"
        path.write_text(json.dumps(tracking, indent=2))
        env["B4_TRACKING_FILE"] = str(path)
    cover, patches = split(messages(mbox))
    results = checks.run_perpatch_checks(patches, perpatch, top, extra_env=env)
    whole = checks.run_series_checks(cover or patches[0], series, top, extra_env=env) if series else []
    # and through its cache, where a tool has one row a message
    db = checks.get_db()
    for msgid, rows in results.items():
        checks.store_results(db, msgid, rows)
    return {
        "commands": [perpatch, series],
        "patches": [results[msgid] for msgid, _ in patches],
        "series": whole,
        "cached": checks.get_cached_results(db, [msgid for msgid, _ in patches]),
    }


def local_check(mbox: str, key: str):
    """What b4 prep or b4 am says of each mail."""
    begin()
    commands = b4.ez.get_check_cmds()[0] if key == "prep" else b4.get_main_config().get("am-perpatch-check-cmd")
    _, patches = split(messages(mbox))
    return [
        [row for command in commands for row in b4.LoreMessage.run_local_check(checks.parse_cmd(command), msgid, msg)]
        for msgid, msg in patches
    ]


def review(mbox: str, change_id: str, base: str):
    """Make the review branch, as the interface does when a series is checked out."""
    top = begin()
    series = b4.review._review._get_lore_series(messages(mbox))
    box = io.BytesIO()
    b4.save_git_am_mbox(series.get_am_ready(noaddtrailers=True), box)
    b4.git_fetch_am_into_repo(top, ambytes=box.getvalue(), at_base=base, origin="test", am_flags=["-3"], resolve=True)
    mask = "https://lore.kernel.org/r/%s"
    b4.review.create_review_branch(top, f"b4/review/{change_id}", base, series, mask % "x", mask)
    return b4.git_run_command(top, ["rev-parse", "HEAD"])[1].strip()


def thread(mbox: str, change_id: str):
    """Store a thread with the branch, as an update of the interface does."""
    top = begin()
    return store._store_thread_blob(top, change_id, messages(mbox))


def change(change_id: str, path: list, value):
    """Set something in the tracking data of a branch."""
    top = begin()
    cover, tracking = b4.review.load_tracking(top, f"b4/review/{change_id}")
    at = tracking
    for key in path[:-1]:
        at = at[key] if isinstance(at, list) else at.setdefault(key, {})
    at[path[-1]] = value
    assert b4.review.save_tracking_ref(top, f"b4/review/{change_id}", cover, tracking)
    return b4.git_run_command(top, ["rev-parse", f"b4/review/{change_id}"])[1].strip()


def load(change_id: str):
    """Open the series, as the interface does: its tracking data, what the editor shows of each patch, what is sent."""
    begin()
    found = b4.review._review._prepare_review_session(argparse.Namespace(branch=f"b4/review/{change_id}"))
    me = found["usercfg"]["email"]
    editors = []
    for sha, patch in zip(found["commit_shas"], found["patches"], strict=True):
        real = b4.git_run_command(found["topdir"], ["diff", f"{sha}~1", sha])[1]
        editors.append(b4.review._review._render_quoted_diff_with_comments(real, patch.get("reviews", {}), me))
    mails = b4.review.collect_review_emails(
        found["series"], found["patches"], found["cover_text"], found["topdir"], found["commit_shas"]
    )
    return {"tracking": found["tracking"], "editors": editors, "sent": [one.get_payload() for one in mails]}


def adopt(change_id: str, number: int, edited: str):
    """Save what the maintainer has made of the editor's text, as the interface does, and build the reply."""
    top = begin()
    found = b4.review._review._prepare_review_session(argparse.Namespace(branch=f"b4/review/{change_id}"))
    sha, patch = found["commit_shas"][number - 1], found["patches"][number - 1]
    real = b4.git_run_command(top, ["diff", f"{sha}~1", sha])[1]
    mine = b4.review._review._ensure_my_review(patch, found["usercfg"])
    mine["comments"] = b4.review._review._extract_editor_comments(edited, diff_text=real)
    mine["reply"] = edited
    msg = b4.review._review._build_review_email(found["series"], patch, mine, found["cover_text"], top, sha)
    return {"comments": mine["comments"], "mail": msg.get_payload(), "from": str(msg["From"])}


def run(*arguments: str):
    """b4 itself; what it has said."""
    said = io.StringIO()
    logging.getLogger("b4").addHandler(logging.StreamHandler(said))
    sys.argv = ["b4", "--offline-mode", *arguments]
    code = 0
    try:
        b4.command.cmd()
    except SystemExit as stop:
        code = stop.code or 0
    return {"code": code, "said": said.getvalue()}


if __name__ == "__main__":
    job, given = sys.argv[1], json.loads(sys.argv[2])
    answer = globals()[job](*given)
    print("\n" + json.dumps(answer))
