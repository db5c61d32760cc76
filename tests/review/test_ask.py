"""Which of a rule's texts a finding has: `ask` where its own confidence is lower than high, if the rule has one."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from engines import engine
from reviewbot.model.patch import Patch
from reviewbot.model.review import Finding
from reviewbot.review.engine import Engine

DIFF = """\
diff --git a/fs/exfoo/a.c b/fs/exfoo/a.c
new file mode 100644
--- /dev/null
+++ b/fs/exfoo/a.c
@@ -0,0 +1,4 @@
+void exfoo_add(struct exfoo *f)
+{
+	f->one = kmalloc(8, GFP_KERNEL | GFP_NOFS);
+}
"""


def found(confidence: str, ask: str) -> Finding:
    """A contradiction in a mask, by a rule of this confidence; findings have no more than their rule."""
    known = engine("6.12")
    rule = next(rule for rule, _ in known.rules if rule.id == "conflicting-flags")
    changed = replace(rule, confidence=confidence, question="Told: $why.", ask=ask)
    return Engine(known.kernel, [changed]).patch(Patch(1, 1, "x", "", DIFF)).findings[0]


@pytest.mark.parametrize("confidence", ["low", "medium"])
def test_what_is_not_sure_is_asked(confidence: str) -> None:
    asked, told = found(confidence, "\nIs it $one and $other?\n"), found(confidence, "")
    assert (asked.confidence, asked.question) == (confidence, "Is it GFP_KERNEL and GFP_NOFS?")
    assert told.question.startswith("Told: ")
    assert asked.fingerprint == told.fingerprint


def test_what_is_sure_is_told() -> None:
    assert found("high", "Is it?").question.startswith("Told: ")
    assert found("high", "").question.startswith("Told: ")
