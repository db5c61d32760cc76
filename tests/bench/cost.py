"""What a patch to a large file costs, both sides of it whole; and whether memory stays flat over many patches.

    cost.py [--lines N] [--runs N] [--best N] [--patches N] [--kernel DIR] [--file FILE] [--profile]

Each patch puts one more request into another function of a file. Timed are files made up, which look like a driver of
which a third of the functions allocate, and, with --kernel or REVIEWBOT_KERNEL, the largest of the kernel's own; FILE
is one more below that tree. Before each patch another file is reviewed, so that nothing of it is remembered.
Milliseconds are processor time, and the fastest of --best runs: what else the machine does should not matter.
Memory is measured over the files in turn, every patch a new one. --profile says where the time goes.
"""

from __future__ import annotations

import argparse
import cProfile
import difflib
import gc
import os
import pstats
import statistics
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

from reviewbot.config import data_path
from reviewbot.kernel import rules
from reviewbot.model.patch import Patch, Series
from reviewbot.review.engine import Engine

LIMIT = 150  # milliseconds that a patch to any file should stay below
LARGE = (
    *("fs/ext4/inode.c", "fs/ext4/super.c", "fs/ext4/mballoc.c", "fs/btrfs/inode.c", "fs/namei.c", "fs/f2fs/segment.c"),
    *("fs/ocfs2/dlmglue.c", "fs/xfs/xfs_log.c", "fs/smb/server/smb2pdu.c", "fs/nfs/nfs4proc.c", "fs/nfsd/nfs4state.c"),
    *("mm/page_alloc.c", "mm/vmscan.c", "mm/memcontrol.c", "mm/slub.c", "mm/vmalloc.c", "mm/hugetlb.c", "mm/shmem.c"),
    *("kernel/sched/core.c", "kernel/sched/fair.c", "kernel/bpf/verifier.c", "kernel/workqueue.c", "kernel/fork.c"),
    *("kernel/events/core.c", "kernel/trace/trace.c", "block/bfq-iosched.c", "block/blk-mq.c", "io_uring/io_uring.c"),
    *("net/core/dev.c", "net/core/filter.c", "net/core/skbuff.c", "net/ipv4/tcp_input.c", "net/wireless/nl80211.c"),
    *("net/netfilter/nf_tables_api.c", "net/bluetooth/hci_event.c", "drivers/scsi/sd.c"),
    *("drivers/scsi/lpfc/lpfc_sli.c", "drivers/md/raid5.c", "drivers/md/dm.c", "drivers/nvme/host/core.c"),
    *("drivers/usb/host/xhci.c", "drivers/usb/core/hub.c", "drivers/block/drbd/drbd_receiver.c"),
    *("include/linux/fs.h", "include/linux/mm.h"),
)
ROW = "{:<36}{:>7}{:>9}{:>6}{:>6}{:>8}"

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


def places(rows: list[str]) -> list[int]:
    """Where the bodies of functions begin."""
    return [at + 1 for at, row in enumerate(rows) if row == "{"] or [len(rows)]


class Bench:
    """One engine, and the texts that its patches lead from and to."""

    def __init__(self) -> None:
        self.trees, self.number = {"0": b"", "1": b""}, 0
        self.engine = Engine(*rules.load((data_path("rules"),), (6, 12)), lambda tree, _: self.trees[tree])

    def patch(self, path: str, text: str, at: int) -> Patch:
        """The patch number `at` to a text: in one function after another, over all of the file."""
        self.number += 1
        rows = text.split("\n")
        bodies = places(rows)
        row = bodies[at * 37 % len(bodies)]
        request = f"\tvoid *more_{self.number} = kmalloc({self.number}, GFP_KERNEL | GFP_NOFS);"
        new = [*rows[:row], request, *rows[row:]]
        first = max(0, row - 3)
        around = difflib.unified_diff(
            rows[first : row + 3], new[first : row + 4], f"a/{path}", f"b/{path}", lineterm=""
        )
        head, tail, _, *body = around
        count = min(len(rows), row + 3) - first
        numbers = f"@@ -{first + 1},{count} +{first + 1},{count + 1} @@"
        self.trees = {"0": text.encode("latin-1"), "1": "\n".join(new).encode("latin-1")}
        return Patch(1, 1, "toy", "", "\n".join([head, tail, numbers, *body, ""]), before="0", after="1")

    def review(self, path: str, text: str, at: int) -> float:
        """Milliseconds of the processor."""
        patch = self.patch(path, text, at)
        begun = time.process_time()
        (reviewed,) = self.engine.review(Series("toy", 1, (patch,))).patches
        spent = time.process_time() - begun
        if reviewed.depth != "file" or any("hunks" in one.reason for one in reviewed.unread):
            raise SystemExit(f"{path}: the patch was not seen as a whole: {reviewed.unread}")
        if path.startswith("made_up") and not reviewed.findings:
            raise SystemExit("the request was not seen")
        return spent * 1000

    def cold(self, path: str, text: str, at: int) -> float:
        """As review(), where the last patch was to another file."""
        self.review("cold.c", FUNCTION.format(at=at, inside=ALLOCATES), at)
        return self.review(path, text, at)

    def row(self, path: str, text: str, runs: int, best: int) -> tuple[str, float]:
        times = sorted(min(self.cold(path, text, at) for _ in range(best)) for at in range(runs))
        high = times[min(len(times) - 1, len(times) * 95 // 100)]
        shown = (f"{value:.0f}" for value in (statistics.median(times), high, times[-1]))
        mark = "" if times[-1] < LIMIT else "  over"
        return ROW.format(path, text.count("\n"), len(times), *shown) + mark, times[-1]


def texts(options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    yield "made_up.c", made_up(options.lines)
    if options.kernel:
        for name in (*LARGE, *options.file):
            path = Path(options.kernel, name)
            if path.is_file():
                yield name, path.read_text("latin-1")


def resident() -> float:
    """MiB of this process in memory."""
    rows = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(row for row in rows if row.startswith("VmRSS")).split()[1]) / 1024


def memory(bench: Bench, found: list[tuple[str, str]], patches: int) -> None:
    shown = {100, 500, patches}
    for number in range(patches):
        path, text = found[number % len(found)]
        bench.review(path, text, number // len(found))
        if number + 1 in shown:
            gc.collect()
            print(f"after {number + 1:5,} patches {resident():.0f} MiB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=5000, help="of the file that is made up")
    parser.add_argument("--runs", type=int, default=20, help="patches to each file")
    parser.add_argument("--best", type=int, default=3, help="runs of each patch, of which the fastest counts")
    parser.add_argument("--patches", type=int, default=1000, help="over which memory is looked at; 0: none")
    parser.add_argument("--kernel", type=Path, default=os.environ.get("REVIEWBOT_KERNEL"))
    parser.add_argument("--file", action="append", default=[], help="one more file of the kernel (repeatable)")
    parser.add_argument("--profile", action="store_true", help="of the patches that are timed")
    options = parser.parse_args()
    found = list(texts(options))
    bench = Bench()
    bench.review(*found[0], 0)  # what is made once
    profile = cProfile.Profile()
    print(ROW.format("file", "lines", "patches", "ms", "95 %", "largest"))
    slow = 0
    for one in found if options.runs else ():
        with profile if options.profile else nullcontext():
            row, worst = bench.row(*one, options.runs, options.best)
        print(row, flush=True)
        slow += worst >= LIMIT
    if options.runs:
        print(f"{len(found) - slow} of {len(found)} files stay below {LIMIT} ms")
    if options.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)
    memory(bench, found, options.patches)


if __name__ == "__main__":
    main()
