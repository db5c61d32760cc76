"""What a patch to a large file costs, both sides of it whole; and whether memory stays flat over many patches.

    cost.py [--lines N] [--runs N] [--patches N] [--file FILE]

FILE is reviewed instead of text made up for it, which looks like a driver: a third of its functions allocate.
"""

from __future__ import annotations

import argparse
import difflib
import gc
import statistics
import time
from pathlib import Path

from reviewbot import rules
from reviewbot.config import data_path
from reviewbot.engine import Engine
from reviewbot.model import Patch, Series

FUNCTION = """\
/* Step {at}: takes the lock, looks, and says what it saw. */
static int toy_step_{at}(struct toy *t, struct list_head *all, gfp_t gfp)
{{
	struct toy_item *item, *next;
	unsigned long irq;
	int err = 0;

	list_for_each_entry_safe(item, next, all, list) {{
		if (item->state == TOY_STATE_{at} && !item->busy)
			continue;
		spin_lock_irqsave(&t->lock, irq);
		err = toy_look(t, item, container_of(item->owner, struct toy, self));
		spin_unlock_irqrestore(&t->lock, irq);
		if (err < 0)
			goto out;
{inside}
	}}
out:
	return err;
}}

"""
ALLOCATES = """\
		item->data = kzalloc(item->size, gfp | __GFP_NOWARN);
		if (!item->data)
			return -ENOMEM;
"""
WORKS = """\
		item->count++;
		t->total += item->count;
		toy_note(t, item->count);
"""


def made_up(lines: int) -> str:
    parts = ["#include <linux/slab.h>\n\n"]
    at = 0
    while sum(part.count("\n") for part in parts) < lines:
        parts.append(FUNCTION.format(at=at, inside=(WORKS if at % 3 else ALLOCATES).rstrip("\n")))
        at += 1
    return "".join(parts)


def changed(text: str, number: int) -> str:
    """The text with one more request in the middle of it."""
    rows = text.split("\n")
    bodies = [at for at, row in enumerate(rows) if row == "{"]
    at = bodies[(len(bodies) // 2 + number) % len(bodies)]
    return "\n".join(
        [*rows[: at + 1], f"\tvoid *more_{number} = kmalloc({number}, GFP_KERNEL | GFP_NOFS);", *rows[at + 1 :]]
    )


def resident() -> float:
    """MiB of this process in memory."""
    rows = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(row for row in rows if row.startswith("VmRSS")).split()[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--patches", type=int, default=1000)
    parser.add_argument("--file", type=Path)
    options = parser.parse_args()
    text = options.file.read_text("latin-1") if options.file else made_up(options.lines)
    trees: dict[str, bytes] = {"0": text.encode("latin-1")}
    engine = Engine(*rules.load((data_path("rules"),), (6, 12)), lambda tree, _: trees[tree])

    def review(number: int) -> float:
        new = changed(text, number)
        rows = difflib.unified_diff(text.splitlines(True), new.splitlines(True), "a/toy.c", "b/toy.c")
        patch = Patch(1, 1, "toy", "", "".join(rows), before="0", after="1")
        trees["1"] = new.encode("latin-1")
        begun = time.perf_counter()
        (reviewed,) = engine.review(Series("toy", 1, (patch,))).patches
        spent = time.perf_counter() - begun
        if not reviewed.findings or reviewed.depth != "file":
            raise SystemExit("the request was not seen")
        return spent * 1000

    times = sorted(review(number) for number in range(options.runs))
    print(f"{text.count(chr(10))} lines: median {statistics.median(times):.0f} ms, largest {times[-1]:.0f} ms")
    for number in range(options.patches):
        review(number)
        if number % 100 == 99:
            gc.collect()
            print(f"after {number + 1:5} patches {resident():.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
