"""Makes what a commit range is judged by: the session for the tree at its end, and the rule set of that."""

from __future__ import annotations

from reviewbot.cli.session import Session, for_tree
from reviewbot.git.repository import Repository
from reviewbot.git.revisions import CommitRange
from reviewbot.sources.commit_range import range_end
from reviewbot.sources.kernel_eras import RuleSet


def at_end(repository: Repository, span: CommitRange, session: Session) -> Session:
    """The session for what the tree is at the end of a range."""
    end = range_end(repository, span, session.config.tree.headers)
    return for_tree(session, end.stamp, end.version, end.names)


def ruleset(session: Session) -> RuleSet:
    """What the commits of a range are judged by, for a session at its end."""
    return RuleSet(
        session.kernel,
        session.rules,
        session.folders,
        session.config.rules.disable,
        session.dated,
        session.config.tree.headers,
        session.index(),
    )
