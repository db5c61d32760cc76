"""What the list says that the flag-scope matrix comes from, kept by hand: flag -> set, cleared, what else."""

from __future__ import annotations

HOCKO = "https://lore.kernel.org/all/ZtBWxWunhXTh0bhS@tiehlicka/"

# flag: may a scope set it, may a scope clear it, and which of the two the message says ("sc": both).
# Written down from the message, not from the table under test.

LIST = {
    "__GFP_DMA": ("safe", "unsafe", "s"),
    "__GFP_HIGHMEM": ("unsafe", "context", "s"),
    "__GFP_DMA32": ("unsafe", "unsafe", "s"),
    "__GFP_MOVABLE": ("unsafe", "safe", "s"),
    "__GFP_RECLAIMABLE": ("unsafe", "pointless", "s"),
    "__GFP_WRITE": ("safe", "safe", "s"),
    "__GFP_HARDWALL": ("safe", "context", "s"),
    "__GFP_THISNODE": ("unsafe", "unsafe", "s"),
    "__GFP_ACCOUNT": ("context", "context", "s"),
    "__GFP_NO_OBJ_EXT": ("none", "none", "sc"),
    "__GFP_HIGH": ("safe", "context", "s"),
    "__GFP_MEMALLOC": ("safe", "none", "s"),
    "__GFP_NOMEMALLOC": ("pointless", "pointless", "sc"),
    "__GFP_IO": ("unsafe", "safe", "sc"),
    "__GFP_FS": ("unsafe", "safe", "sc"),
    "__GFP_DIRECT_RECLAIM": ("unsafe", "unsafe", "sc"),
    "__GFP_KSWAPD_RECLAIM": ("pointless", "unsafe", "sc"),
    "__GFP_RETRY_MAYFAIL": ("unsafe", "pointless", "sc"),
    "__GFP_NORETRY": ("unsafe", "pointless", "sc"),
    "__GFP_NOFAIL": ("unsafe", "unsafe", "sc"),
    "__GFP_NOWARN": ("safe", "safe", "sc"),
    "__GFP_COMP": ("unsafe", "unsafe", "sc"),
    "__GFP_ZERO": ("safe", "unsafe", "s"),
    "__GFP_NOLOCKDEP": ("safe", "context", "s"),
}
