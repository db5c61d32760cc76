#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A patch test for NIPA: reviews the commit that is applied (HEAD) in the tree it is run in.
#
#   0    no remarks
#   250  (warning) remarks, none of them an error; or not all of the commit could be looked at
#   1    (fail) an error
#
# REVIEWBOT names the program where it is not on the path, REVIEWBOT_ARGS more options, such as --config FILE.
# $BRANCH_BASE and $FIRST_IN_SERIES have no part in this: each patch is held against the one before it.

set -u
results=${RESULTS_DIR:-}
[ -n "$results" ] || { results=$(mktemp -d) && trap 'rm -rf "$results"' EXIT; }
mkdir -p "$results"

read -r -a more <<<"${REVIEWBOT_ARGS:-}"
"${REVIEWBOT:-reviewbot}" range HEAD --min-confidence medium --fail-on error --unread fail --color never \
	--output "json=$results/reviewbot.json" --output "rdjsonl=$results/remarks.jsonl" "${more[@]}" \
	>"$results/report" 2>"$results/trouble"
code=$?
cat "$results/report"
cat "$results/trouble" >&2

case $code in
0) [ -s "$results/remarks.jsonl" ] && code=250 ;;
1) ;;
3) if grep -qs '"severity": "ERROR"' "$results/remarks.jsonl"; then code=1; else code=250; fi ;;
*) code=250 ;;
esac
# the last line says what was found, or why nothing could be
desc=$(tail -n 1 "$results/report")
[ -n "$desc" ] || desc=$(tail -n 1 "$results/trouble")
echo "${desc:0:200}" >&"${DESC_FD:-2}"
exit "$code"
