"""Small tables and a rule in the formats of rules/, with names of no kernel, for the tests of the loader."""

from __future__ import annotations

FLAGS = """
source = "a list"
[bit.__A]
meaning = "a"
set = "safe"
set_why = "s"
clear = "unsafe"
clear_why = "c"
[bit.__B]
since = "6.2"
meaning = "b"
set = "unsafe"
set_why = "s"
clear = "pointless"
clear_why = "c"
clear_source = "derived"
api = ["always()"]
api_at = { "later()" = ["6.5", "6.8"] }
[compound.AB]
base = true
bits = ["__A"]
bits_at = { __B = ["6.4", ""] }
meaning = "ab"
[compound.LESS]
bits = ["AB"]
without = ["__A"]
meaning = "less"
[compound.ALL]
all = true
meaning = "all"
[span]
OLD = { until = "5.0", instead = "__A" }
TYPO = { never = true, instead = "__A" }
"""
RULE = """
severity = "error"
confidence = "high"
depth = "diff"
check = "masks:combine"
summary = "$call cannot"
question = "Could $call?"
why = "because"
fix = "do"
see = ["one", "two"]
[[row]]
has = ["__A", "__B"]
most = 3
[[row]]
since = "6.9"
word = "late"
"""
SCOPES = """
[[scope]]
name = "quiet"
family = "memalloc"
enter = [{ call = "quiet_save", token = "result" }, { call = "flags_save", has = "PF_QUIET", token = "result" }]
leave = [{ call = "quiet_restore", token = "0" }]
clears = ["AB"]
flag = "PF_QUIET"
until = "6.8"
[[scope]]
name = "quiet"
family = "memalloc"
enter = [{ call = "hush" }]
clears = ["__A"]
since = "6.8"
"""
ALLOCATORS = """
[limit.no-a]
has = ["__A"]
effect = "refuses"
source = "mm/x.c"
[limit.old]
lacks = ["AB"]
until = "6.3"
effect = "warns"
[family.slab]
limits = ["no-a"]
nofail_order = 1
[family.pool]
returns = "errptr"
nofail_when = ["AB"]
[call.slab]
get = { gfp = 1, size = [0] }
get_more = { gfp = 2, size = [0, 1], nofail_order = -1, limits = ["old", "no-a"] }
young = { gfp = 0, since = "6.7" }
moved = { gfp = 3, gfp_before = { version = "6.2", index = 2 } }
[call.pool]
draw = { implicit = "AB", sleeps = "always", allocates = false }
[call.loose]
alone = { gfp = 0, order = 1 }
"""
