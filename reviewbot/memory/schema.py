"""The tables of the memory, and the steps from each version of them to the next.

The memory is state and no cache: it is never made anew, and before its tables change a copy is made. A step that was
once released is not edited any more; what a later version needs is a step of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

STEPS: Sequence[Sequence[str]] = (
    (
        # where the reading of a list goes on, see archive.port.Batch; `passed`: the end of the last pass
        "CREATE TABLE lists (name TEXT PRIMARY KEY, cursor TEXT NOT NULL, passed REAL NOT NULL, said TEXT NOT NULL)"
        " WITHOUT ROWID",
        # all versions of a series; `state`: see queue.STATES; `due`: when it is looked at next
        "CREATE TABLE series (number INTEGER PRIMARY KEY AUTOINCREMENT, list TEXT NOT NULL, subject TEXT NOT NULL,"
        " author TEXT NOT NULL, state TEXT NOT NULL, due REAL NOT NULL, arrived REAL NOT NULL, reason TEXT NOT NULL)",
        "CREATE INDEX series_due ON series (list, state, due)",
        # what a series is known by: message ids of its mails and above them, its change id, author and titles
        "CREATE TABLE keys (key TEXT PRIMARY KEY, series INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE INDEX keys_of ON keys (series)",
        # `raw`: the mail, compressed; NULL when it is not needed any more
        "CREATE TABLE mails (id TEXT PRIMARY KEY, series INTEGER NOT NULL, arrived REAL NOT NULL,"
        " patch INTEGER NOT NULL, raw BLOB)",
        "CREATE INDEX mails_of ON mails (series, arrived)",
        # versions that were looked at, each by a digest of its patches' message ids; of the `points` raised of the one
        # before so many are `gone`
        "CREATE TABLE versions (series INTEGER NOT NULL, version INTEGER NOT NULL, parts TEXT NOT NULL,"
        " reviewed REAL NOT NULL, gone INTEGER NOT NULL, points INTEGER NOT NULL, PRIMARY KEY (series, parts))"
        " WITHOUT ROWID",
        # each finding of each of these; `fate`: see findings.FATES
        "CREATE TABLE findings (series INTEGER NOT NULL, parts TEXT NOT NULL, fingerprint TEXT NOT NULL,"
        " rule TEXT NOT NULL, path TEXT NOT NULL, function TEXT NOT NULL, line TEXT NOT NULL, confidence TEXT NOT NULL,"
        " fate TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (series, parts, fingerprint)) WITHOUT ROWID",
        # `asks`: see report.reply.message.Draft; `edited`: NULL as long as nobody has; `folder`: a maildir it lies in
        "CREATE TABLE drafts (number INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT NOT NULL, asks TEXT NOT NULL,"
        " in_reply_to TEXT NOT NULL, series INTEGER, version INTEGER NOT NULL, list TEXT NOT NULL,"
        " subject TEXT NOT NULL, author TEXT NOT NULL, confidence TEXT NOT NULL, reason TEXT NOT NULL,"
        " content BLOB NOT NULL, edited BLOB, evidence BLOB, state TEXT NOT NULL, note TEXT NOT NULL,"
        " folder TEXT NOT NULL, made REAL NOT NULL, changed REAL NOT NULL)",
        "CREATE UNIQUE INDEX drafts_asks ON drafts (asks, folder)",
        "CREATE INDEX drafts_state ON drafts (state, made)",
        "CREATE INDEX drafts_of ON drafts (series)",
        # what a draft asks about
        "CREATE TABLE points (draft INTEGER NOT NULL, fingerprint TEXT NOT NULL, rule TEXT NOT NULL,"
        " path TEXT NOT NULL, function TEXT NOT NULL, line TEXT NOT NULL, confidence TEXT NOT NULL,"
        " PRIMARY KEY (draft, fingerprint))"
        " WITHOUT ROWID",
        "CREATE INDEX points_by ON points (fingerprint)",
        # a row before a draft is handed out, and its end afterwards: what has no end was cut short
        "CREATE TABLE outbox (draft INTEGER PRIMARY KEY, way TEXT NOT NULL, began REAL NOT NULL, ended REAL)",
        # code about which a remark was marked as wrong, by fingerprint: it is never raised again
        "CREATE TABLE wrong (fingerprint TEXT PRIMARY KEY, rule TEXT NOT NULL, marked REAL NOT NULL) WITHOUT ROWID",
    ),
)
