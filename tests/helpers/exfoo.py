"""Files of a small driver, good and bad, and the marks of a series that b4 knows; for tests of trees and of b4."""

from __future__ import annotations

from pathlib import Path

from kerneltree import KernelTree

CHANGE = "20240610-exfoo-0123456789ab"
LEAKS_AT = 23  # the line of LEAK that does
_STEPS = "".join(f"\tstep_{number}(x);\n" for number in range(12))
WHOLE = f"""\
#include <linux/slab.h>

int made(struct x *x)
{{
	unsigned int flags;
	void *p;

	flags = memalloc_nofs_save();
	p = kmalloc(8, GFP_KERNEL);
{_STEPS}	x->p = p;
	memalloc_nofs_restore(flags);
	return 0;
}}
"""
LEAK = WHOLE.replace("\tx->p = p;\n", "\tif (!p)\n\t\treturn -ENOMEM;\n\tx->p = p;\n")
MENDED = LEAK.replace("\t\treturn -ENOMEM;\n", "\t\tgoto out;\n").replace(
    "\tmemalloc_nofs_restore", "out:\n\tmemalloc_nofs_restore"
)


def with_mask(mask: str) -> str:
    """The file with another mask; where it says nothing more than that, what is wrong is the mask."""
    return WHOLE.replace("kmalloc(8, GFP_KERNEL)", f"kmalloc(8, {mask})")


def message_id(mail: bytes) -> str:
    return mail.partition(b"Message-Id: <")[2].partition(b">")[0].decode()


def tree(folder: Path) -> KernelTree:
    """A repository with nothing wrong in it; its commit is `base`."""
    made = KernelTree(folder)
    made.base = made.commit("exfoo: made()", {"fs/exfoo/a.c": WHOLE})
    return made


def mbox(kernel: KernelTree, *options: str) -> bytes:
    return b"".join(b"From x Thu Jan  1 00:00:00 1970\n" + one + b"\n" for one in kernel.mails(*options, kernel.base))


def leak(kernel: KernelTree, *options: str) -> bytes:
    kernel.commit("exfoo: check", {"fs/exfoo/a.c": LEAK})
    mails = mbox(kernel, *options)
    kernel.back()
    return mails
