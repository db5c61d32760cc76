"""What --help of a command says beside its options, for those that cli.py has no room for."""

LOCAL = """\
Review what you are about to send: the commits that are not upstream yet, what
is staged, and what is not, each as a patch of its own. Or patch files, before
they are sent. Nothing of the repository is changed, and no hook of it is run.

Which commits those are is known by b4, where it prepares the branch, else by
the upstream of the branch, else by the default branch of the remote; -v says
which, and --base REV says it yourself.

PATCH is what git format-patch, diff, or a mail program wrote: several files
are one series, in order. They are applied to the repository around the current
folder, in a temporary place, where that fits; else their hunks are read.
"""

EXAMPLES = """\
examples:
  reviewbot local                        all that is not upstream
  reviewbot local --staged               what git commit would take
  reviewbot local -e                     and open the editor at each remark
  reviewbot local --explain --base v6.12
  reviewbot local outgoing/*.patch
  git diff | reviewbot local -
  reviewbot local --staged -q --fail-on warning      in .git/hooks/pre-commit
  vim -q <(reviewbot local)              what it prints is a quickfix list

"""
