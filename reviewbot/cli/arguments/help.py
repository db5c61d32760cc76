"""Holds the texts of --help that several commands share, and those of `thread` and `range`."""

from __future__ import annotations

EXIT_CODES = """\
exit codes:
  0    no remarks at or above the threshold, or nothing to review
  1    remarks at or above --fail-on
  2    invalid command line or configuration file
  3    could not review (server did not answer, no patch in the mail, ...),
       could not post a check, or --unread fail and not all of it was read
  129  hung up (SIGHUP), as when the terminal is closed
  130  interrupted (SIGINT)
  143  terminated (SIGTERM)
"""


ABOUT = """\
Reviews how Linux kernel patches allocate memory: GFP flags, memalloc_*_save()
scopes, and locks around allocations. It writes text, reply drafts, and reports
for CI systems and other programs. It never sends mail that you have not
approved (drafts send), and posts nothing without --patchwork.
"""


EXAMPLES = """\
examples:
  reviewbot thread series.mbox                   remarks on a saved thread
  reviewbot thread 20240610.1-1-a@example.org    fetch that thread first
  reviewbot thread series.mbox --drafts replies  and write replies to send
  reviewbot local                                your own changes
  reviewbot range origin/master..HEAD            the commits of a branch
  reviewbot rule scope-leak                      what a rule is about
  reviewbot matrix __GFP_NOFAIL                  which scopes may touch a flag
  reviewbot explain ad91 --report review.json    one remark with all it rests on
  reviewbot reach register_console               what it calls that may sleep
  reviewbot pages public                         rules and matrix as web pages
  reviewbot drafts list                          replies that wait for you
  reviewbot setup b4                             run it from b4

"""


THREAD = """\
Review the lines added by the newest complete version of the series in SOURCE.
Each output shows remarks from a minimum confidence on: see [surface] in
config.toml, or --min-confidence.

SOURCE is one of
  a message id    20240610.1-1-a@example.org, with or without <>
  a URL           of a message on lore.kernel.org or another allowed host
  a file          an mbox, or a single mail as saved by a mail program
  a folder        a maildir
  -               an mbox or a mail on standard input
With --of-mail it is one mail, and its whole thread is fetched by its id.
"""


THREAD_EXAMPLES = """\
examples:
  reviewbot thread https://lore.kernel.org/all/20240610.1-1-a@example.org/
  reviewbot thread --of-mail - < mail.eml        what a mail program pipes
  reviewbot thread --kernel 6.12 --explain series.mbox
  reviewbot thread --tree ~/linux series.mbox
  reviewbot thread --format json series.mbox | jq '.patches[].findings[].rule'
  reviewbot thread --output sarif=review.sarif --output junit=t.xml series.mbox
  reviewbot thread --drafts replies series.mbox
  mutt -e 'set postponed=replies' -p     read, edit and send the drafts
  reviewbot thread series.mbox --dry-run --patchwork https://pw.example.org

"""


RANGE = """\
Review commits of a git repository, oldest first, each against its parent and
with whole files. Remarks that a later commit of the range fixes are marked as
resolved. Merges are skipped, and named.

RANGE is one of
  BASE..TIP       the commits in TIP that are not in BASE; a missing side
                  means HEAD (BASE...TIP is refused: it means two things to git)
  COMMIT          that one commit; with --since-merge-base, all up to it
"""


RANGE_EXAMPLES = """\
examples:
  reviewbot range origin/master..HEAD
  reviewbot range HEAD                           the last commit
  reviewbot range --since-merge-base v6.12       this branch since v6.12
  reviewbot range --tree ~/linux v6.12..v6.13 --format json
  reviewbot range main.. --output sarif=review.sarif --fail-on error
  reviewbot range main.. --write-baseline known.json   note what is known,
  reviewbot range main.. --baseline known.json         and show what is new

"""
