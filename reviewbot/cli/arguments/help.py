"""Holds the texts of --help that several commands share, and those of `thread` and `range`."""

from __future__ import annotations

EXIT_CODES = """\
exit codes:
  0    reviewed, and nothing at or above the bar, or nothing there to review
  1    reviewed, and there are remarks (of the severity that --fail-on names)
  2    invalid command line or configuration file
  3    could not look: no answer from the server, no patch in the mail, ...
       or looked, and could not post a check, or did not see everything and
       that is to fail (--unread); whatever the remarks are
  129  hung up (SIGHUP), as when the terminal is closed
  130  interrupted (SIGINT)
  143  terminated (SIGTERM)
"""


ABOUT = """\
Reviews Linux kernel patches for one thing: what a memory allocation may do
where it stands (GFP flags, memalloc_*_save() scopes, locks around it).
It writes text, reply drafts, and reports that CI systems and other programs
read. It never sends mail, and posts nothing unless --patchwork says where to.
"""


EXAMPLES = """\
examples:
  reviewbot thread series.mbox                   remarks on a saved thread
  reviewbot thread 20240610.1-1-a@example.org    fetch that thread first
  reviewbot thread series.mbox --drafts replies  and write replies to send
  git format-patch --stdout -3 | reviewbot thread -
  reviewbot range origin/master..HEAD            the commits of a branch
  reviewbot local                                what you are about to send
  reviewbot reach register_console               what it does that may sleep
  reviewbot rule scope-leak                      why it says what it says
  reviewbot matrix __GFP_NOFAIL                  which scopes may touch a flag
  reviewbot explain ad91 --report review.json    one remark with all it rests on
  reviewbot setup b4                             make b4 run it on its patches

"""


THREAD = """\
Take the newest whole version of the series in SOURCE and say what its added
lines do wrong. A remark appears if it is sure enough for where it goes: see
[surface] in config.toml, or --min-confidence.

SOURCE is one of
  a message id    20240610.1-1-a@example.org, with or without <>
  a URL           of a message on lore.kernel.org or another allowed host
  a file          an mbox, or a single mail as saved by a mail program
  a folder        a maildir
  -               any of these two files, on standard input
"""


THREAD_EXAMPLES = """\
examples:
  reviewbot thread https://lore.kernel.org/all/20240610.1-1-a@example.org/
  reviewbot thread --kernel 6.12 --explain series.mbox
  reviewbot thread --tree ~/linux series.mbox
  reviewbot thread --format json series.mbox | jq '.patches[].findings[].rule'
  reviewbot thread --output sarif=review.sarif --output junit=t.xml series.mbox
  reviewbot thread --drafts replies series.mbox
  mutt -e 'set postponed=replies' -p     read, edit, and send them yourself
  reviewbot thread series.mbox --dry-run --patchwork https://pw.example.org

"""


RANGE = """\
Review commits of the git repository around the current folder, oldest first,
each against its parent and with whole files. What a later commit of the range
mends is named as resolved. Merges are skipped, and said so.

RANGE is one of
  BASE..TIP       the commits that are in TIP and not in BASE (HEAD where one
                  side is left out); BASE...TIP is refused, for it means two
                  things to git
  COMMIT          that one, against its parent; also beside --since-merge-base,
                  then all from there to it
"""


RANGE_EXAMPLES = """\
examples:
  reviewbot range origin/master..HEAD
  reviewbot range HEAD                           the last commit
  reviewbot range --since-merge-base v6.12       all since this left v6.12
  reviewbot range --tree ~/linux v6.12..v6.13 --format json
  reviewbot range main.. --output sarif=review.sarif --fail-on error
  reviewbot range main.. --write-baseline known.json   what is not news
  reviewbot range main.. --baseline known.json         and then what is

"""
