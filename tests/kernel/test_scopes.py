"""rules/_scopes.toml at a kernel version in: which calls enter and leave what, checked gate by gate."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from reviewbot.kernel.rules import load
from reviewbot.model.kernel import Kernel, ScopeCall, Version

RULES = Path(__file__).parents[2] / "rules"
MEMALLOC = {
    (5, 4): {"nofs", "noio", "noreclaim", "nocma"},
    (5, 12): {"nofs", "noio", "noreclaim", "nocma"},
    (5, 13): {"nofs", "noio", "noreclaim", "pin"},
    (6, 8): {"nofs", "noio", "noreclaim", "pin"},
    (6, 9): {"nofs", "noio", "noreclaim", "pin", "nowait", "nowarn"},
    (6, 11): {"nofs", "noio", "noreclaim", "pin", "nowait", "nowarn"},
    (6, 12): {"nofs", "noio", "noreclaim", "pin"},
    (6, 14): {"nofs", "noio", "noreclaim", "pin", "queue-freeze"},
    (7, 1): {"nofs", "noio", "noreclaim", "pin", "queue-freeze", "mask-scope"},
}
# begin, end, scope, position of the lock at either end
REGIONS = [
    ("spin_lock", "spin_unlock", "spinlock", 0, 0),
    ("spin_lock_irq", "spin_unlock", "spinlock", 0, 0),
    ("spin_lock_irqsave", "spin_unlock_irqrestore", "spinlock", 0, 0),
    ("spin_lock_nested", "spin_unlock_bh", "spinlock", 0, 0),
    ("raw_spin_lock_irqsave", "raw_spin_unlock_irqrestore", "raw-spinlock", 0, 0),
    ("read_lock_bh", "read_unlock_bh", "read-lock", 0, 0),
    ("write_lock_irq", "write_unlock_irq", "write-lock", 0, 0),
    ("write_seqlock", "write_sequnlock", "seqlock", 0, 0),
    ("read_seqlock_excl", "read_sequnlock_excl", "seqlock", 0, 0),
    ("write_seqcount_begin", "write_seqcount_end", "seqcount", 0, 0),
    ("bit_spin_lock", "bit_spin_unlock", "bit-spinlock", 1, 1),
    ("hlist_bl_lock", "hlist_bl_unlock", "hlist-bl-lock", 0, 0),
    ("xa_lock", "xa_unlock", "xa_lock", 0, 0),
    ("xa_lock_irq", "xa_unlock_irq", "xa_lock-irq", 0, 0),
    ("xas_lock_bh", "xas_unlock_bh", "xa_lock-bh", 0, 0),
    ("idr_lock_irqsave", "idr_unlock_irqrestore", "idr-lock", 0, 0),
    ("local_lock_irq", "local_unlock_irq", "local-lock", 0, 0),
    ("task_rq_lock", "task_rq_unlock", "rq-lock", 0, 1),
    ("folio_lruvec_lock", "unlock_page_lruvec", "lruvec-lock", -1, -1),
    ("pte_offset_map_lock", "pte_unmap_unlock", "page-table-lock", 3, 1),
    ("pmd_lock", "spin_unlock", "page-table-lock", -1, 0),
    ("bh_lock_sock", "bh_unlock_sock", "bh-lock-sock", 0, 0),
    ("rcu_read_lock", "rcu_read_unlock", "rcu", -1, -1),
    ("rcu_read_lock_bh", "rcu_read_unlock_bh", "rcu-bh", -1, -1),
    ("get_cpu_ptr", "put_cpu_ptr", "preempt-off", -1, -1),
    ("kmap_atomic", "kunmap_atomic", "kmap-atomic", -1, -1),
    ("idr_preload", "idr_preload_end", "preload", -1, -1),
    ("local_irq_save", "local_irq_restore", "irqs-off", -1, -1),
    ("local_bh_disable", "local_bh_enable", "bh-off", -1, -1),
]
# calls that 6.12 does not have yet
NEWER = {
    "spin_lock_irq_disable", "spin_trylock_irq_disable", "spin_unlock_irq_enable", "raw_spin_lock_irq_disable",
    "raw_spin_trylock_irq_disable", "raw_spin_unlock_irq_enable", "local_trylock", "local_trylock_irqsave",
    "local_interrupt_disable", "local_interrupt_enable",
}  # fmt: skip
# sleeping is legal inside, or depends on what the call does not show
SLEEPABLE = {
    "mutex_lock", "down_read", "down_write", "srcu_read_lock", "rcu_read_lock_trace", "lock_sock", "lock_page",
    "folio_lock", "migrate_disable", "kmap_local_page", "pagefault_disable", "read_seqbegin", "read_seqcount_begin",
    "rtnl_lock", "inode_lock", "mmap_read_lock",
    "snd_pcm_stream_lock_irqsave", "dma_fence_begin_signalling", "this_cpu_ptr", "fs_reclaim_acquire",
    "blk_mq_freeze_queue_nomemsave",
}  # fmt: skip
SLEEPABLE_GUARDS = {
    "mutex", "mutex_try", "mutex_intr", "rwsem_read", "rwsem_write", "srcu", "rtnl", "device", "pci_dev", "wiphy",
    "cpus_read_lock", "console_lock", "iio_claim_direct", "migrate", "disable_irq", "pcm_stream_lock",
    "pcm_stream_lock_irq", "pcm_stream_lock_irqsave",
}  # fmt: skip


def at(version: Version) -> Kernel:
    return load([RULES], version)[0]


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    return at((6, 12))


def gates(kernel: Kernel, call: str, side: str) -> dict[str, list[ScopeCall]]:
    """The gates of a call by the name of their scope."""
    found = {name: [gate for gate in getattr(kind, side) if gate.call == call] for name, kind in kernel.scopes.items()}
    return {name: rows for name, rows in found.items() if rows}


@pytest.mark.parametrize("version", MEMALLOC, ids=lambda version: f"{version[0]}.{version[1]}")
def test_which_memalloc_scopes_a_version_has(version):
    assert {name for name, kind in at(version).scopes.items() if kind.family == "memalloc"} == MEMALLOC[version]


@pytest.mark.parametrize(
    ("name", "save", "restore", "flag", "clears"),
    [
        ("nofs", "memalloc_nofs_save", "memalloc_nofs_restore", "PF_MEMALLOC_NOFS", {"__GFP_FS"}),
        ("noio", "memalloc_noio_save", "memalloc_noio_restore", "PF_MEMALLOC_NOIO", {"__GFP_IO", "__GFP_FS"}),
        ("noreclaim", "memalloc_noreclaim_save", "memalloc_noreclaim_restore", "PF_MEMALLOC", set()),
        ("pin", "memalloc_pin_save", "memalloc_pin_restore", "PF_MEMALLOC_PIN", {"__GFP_MOVABLE"}),
    ],
)
def test_memalloc_scopes_by_their_helpers(kernel, name, save, restore, flag, clears):
    kind = kernel.scopes[name]
    assert gates(kernel, save, "enter") == {name: [ScopeCall(save, token="result")]}
    assert gates(kernel, restore, "leave") == {name: [ScopeCall(restore, token="0")]}
    assert (kind.flag, kind.clears, kind.atomic) == (flag, clears, False)
    assert ScopeCall("memalloc_flags_save", has=flag, token="result") in kind.enter
    assert ScopeCall("memalloc_flags_restore", token="0") in kind.leave


def test_the_generic_save_opens_one_scope_a_flag():
    opened = gates(at((6, 10)), "memalloc_flags_save", "enter")
    assert {name: rows[0].has for name, rows in opened.items()} == {
        "nofs": "PF_MEMALLOC_NOFS",
        "noio": "PF_MEMALLOC_NOIO",
        "noreclaim": "PF_MEMALLOC",
        "pin": "PF_MEMALLOC_PIN",
        "nowait": "PF_MEMALLOC_NORECLAIM",
        "nowarn": "PF_MEMALLOC_NOWARN",
    }


def test_verdicts_of_the_matrix():
    verdicts = {name: kind.verdict for name, kind in at((6, 10)).scopes.items() if kind.family == "memalloc"}
    assert verdicts == {
        "nofs": "safe",
        "noio": "safe",
        "noreclaim": "discouraged",
        "pin": "safe",
        "nowait": "unsafe",
        "nowarn": "safe",
    }


def test_the_scope_that_breaks_nofail_says_so_and_hides_the_others():
    kind = at((6, 9)).scopes["nowait"]
    assert (kind.clears, kind.hides) == ({"__GFP_DIRECT_RECLAIM"}, ("PF_MEMALLOC_NOIO", "PF_MEMALLOC_NOFS"))
    assert "__GFP_NOFAIL" in kind.why
    assert "vmalloc()" in kind.why


def test_a_macro_around_an_expression_leaves_nothing_open():
    opened = gates(at((6, 11)), "memalloc_flags_do", "enter")
    assert list(opened) == ["nowait-expression"]
    kind = at((6, 11)).scopes["nowait-expression"]
    assert (kind.family, kind.clears, kind.sets, kind.leave) == ("expression", frozenset(), frozenset(), ())


@pytest.mark.parametrize(("version", "frozen"), [((6, 13), False), ((6, 14), True)])
def test_freezing_a_queue_is_a_scope_since_6_14(version, frozen):
    kernel = at(version)
    assert ("queue-freeze" in gates(kernel, "blk_mq_freeze_queue", "enter")) is frozen
    if frozen:
        assert gates(kernel, "blk_mq_unfreeze_queue", "leave")["queue-freeze"][0].token == "1"
        assert kernel.scopes["queue-freeze"].clears == kernel.scopes["noio"].clears


def test_charging_another_group_is_a_family_of_its_own():
    assert at((5, 9)).scopes["memcg"].enter[0].call == "memalloc_use_memcg"
    kind = at((6, 12)).scopes["memcg"]
    assert (kind.family, kind.enter[0].call, kind.leave[0].call) == ("memcg", "set_active_memcg", "set_active_memcg")


def test_handles_narrow_masks_but_are_no_memalloc_scopes(kernel):
    handles = {name: kind for name, kind in kernel.scopes.items() if kind.family == "handle"}
    assert {"jbd2-handle", "xfs-transaction", "fsnotify-group", "cifs-server"} <= set(handles)
    for name, kind in handles.items():
        like = next(k for k in kernel.scopes.values() if k.family == "memalloc" and k.flag == kind.flag)
        assert kind.clears == like.clears, name
        assert not any(gate.token for gate in (*kind.enter, *kind.leave)), name


@pytest.mark.parametrize(("begin", "end", "name", "key", "end_key"), REGIONS)
def test_atomic_regions(kernel, begin, end, name, key, end_key):
    assert kernel.scopes[name].atomic
    assert [gate.key for gate in gates(kernel, begin, "enter")[name]] == [key]
    assert [gate.key for gate in gates(kernel, end, "leave")[name]] == [end_key]


def test_atomic_regions_are_of_the_families_that_checks_know(kernel):
    atomic = {kind.family for kind in kernel.scopes.values() if kind.atomic}
    assert atomic == {"lock", "rcu", "irq", "bh", "preempt"}
    assert all(kind.atomic for kind in kernel.scopes.values() if kind.family in atomic)
    assert not any(kind.clears or kind.sets or kind.flag for kind in kernel.scopes.values() if kind.atomic)


def test_a_trylock_holds_only_if_it_returns_true(kernel):
    conditional = {gate.call for kind in kernel.scopes.values() for gate in kind.enter if gate.when}
    every = {gate.call for kind in kernel.scopes.values() for gate in kind.enter}
    assert {"spin_trylock", "raw_spin_trylock_irqsave", "read_trylock", "refcount_dec_and_lock"} <= conditional
    assert {call for call in every if "trylock" in call} <= conditional


def test_what_may_sleep_is_no_atomic_region(kernel):
    entered = {gate.call for kind in kernel.scopes.values() if kind.atomic for gate in kind.enter}
    guards = {name for kind in kernel.scopes.values() for name in kind.guards}
    assert not entered & SLEEPABLE
    assert not guards & SLEEPABLE_GUARDS
    assert {"spinlock", "spinlock_irqsave", "raw_spinlock", "read_lock", "rcu", "preempt", "irqsave"} <= guards


def test_every_scope_says_why_and_from_where(kernel):
    for kind in kernel.scopes.values():
        assert kind.why.endswith("."), kind.name
        assert re.search(r"[a-z]+/", kind.source) or "commit" in kind.source, kind.name


def test_a_call_enters_only_what_it_leaves_elsewhere(kernel):
    """A scope without a way out never ends, so every one but the macro has one; no call does both but one."""
    for kind in kernel.scopes.values():
        assert kind.leave, kind.name
        both = {gate.call for gate in kind.enter} & {gate.call for gate in kind.leave}
        assert both <= {"set_active_memcg"}, kind.name


def test_every_listed_region_and_guard_is_there(kernel):
    """Against a list of what is atomic in 6.12, gathered elsewhere; REVIEWBOT_FACTS names its folder."""
    import tomli

    if "REVIEWBOT_FACTS" not in os.environ:
        pytest.skip("REVIEWBOT_FACTS names no folder of facts")
    facts = tomli.loads((Path(os.environ["REVIEWBOT_FACTS"]) / "atomic-contexts.toml").read_text())
    called = {row["begin"]: row["end"] for row in facts["region"] if re.fullmatch(r"\w+", row["begin"])}
    for begin, end in called.items():
        opened = gates(kernel, begin, "enter")
        assert bool(opened) is (begin not in SLEEPABLE), begin
        assert not opened or opened.keys() & gates(kernel, end, "leave").keys(), begin
    guards = {name for kind in kernel.scopes.values() for name in kind.guards}
    for row in facts["guard"]:
        assert (row["name"] in guards) is (row["name"] not in SLEEPABLE_GUARDS), row["name"]


def test_the_calls_stand_in_the_kernels_headers(kernel):
    """Names of gates are macros or functions of include/, or stand in a file that the row names as its source."""
    tree = os.environ.get("REVIEWBOT_KERNEL")
    if not tree:
        pytest.skip("REVIEWBOT_KERNEL names no kernel tree")
    text = "\n".join(path.read_text(errors="replace") for path in sorted(Path(tree, "include").rglob("*.h")))
    words = set(re.findall(r"\w+", text)) | NEWER
    for kind in (kind for kind in kernel.scopes.values() if kind.atomic):
        named = [Path(tree, path) for path in re.findall(r"[\w/-]+\.[ch]\b", kind.source)]
        own = set(re.findall(r"\w+", " ".join(path.read_text() for path in named if path.exists())))
        assert {gate.call for gate in (*kind.enter, *kind.leave)} <= words | own, kind.name
