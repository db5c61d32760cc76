"""rules/_allocators.toml at a kernel version in: where masks stand and what is refused, by hand-kept tables."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
import tomli

from reviewbot.kernel.rules import load
from reviewbot.model.kernel import Allocator, Kernel, Version

RULES = Path(__file__).parents[2] / "rules"
TABLE = RULES / "_allocators.toml"
OLD, NEW = (5, 4), (7, 1)

# call, position of the mask, of the sizes in bytes, of the order, what a failure returns; at 6.12
CALLS = [
    ("kmalloc", 1, (0,), None, "pointer"),
    ("kzalloc", 1, (0,), None, "pointer"),
    ("kcalloc", 2, (0, 1), None, "pointer"),
    ("kmalloc_array", 2, (0, 1), None, "pointer"),
    ("kmalloc_node", 1, (0,), None, "pointer"),
    ("krealloc", 2, (1,), None, "pointer"),
    ("krealloc_array", 3, (1, 2), None, "pointer"),
    ("kmemdup", 2, (1,), None, "pointer"),
    ("kstrdup", 1, (), None, "pointer"),
    ("kstrndup", 2, (), None, "pointer"),
    ("kasprintf", 0, (), None, "pointer"),
    ("kmem_cache_alloc", 1, (), None, "pointer"),
    ("kmem_cache_zalloc", 1, (), None, "pointer"),
    ("kmem_cache_alloc_node", 1, (), None, "pointer"),
    ("kmem_cache_alloc_lru", 2, (), None, "pointer"),
    ("kmem_cache_alloc_bulk", 1, (), None, "count"),
    ("kvmalloc", 1, (0,), None, "pointer"),
    ("kvzalloc", 1, (0,), None, "pointer"),
    ("kvmalloc_array", 2, (0, 1), None, "pointer"),
    ("kvcalloc", 2, (0, 1), None, "pointer"),
    ("kvrealloc", 2, (1,), None, "pointer"),
    ("__vmalloc", 1, (0,), None, "pointer"),
    ("__vmalloc_node", 2, (0,), None, "pointer"),
    ("__vmalloc_node_range", 4, (0,), None, "pointer"),
    ("alloc_pages", 0, (), 1, "pointer"),
    ("alloc_page", 0, (), None, "pointer"),
    ("alloc_pages_node", 1, (), 2, "pointer"),
    ("folio_alloc", 0, (), 1, "pointer"),
    ("pagetable_alloc", 0, (), 1, "pointer"),
    ("__get_free_pages", 0, (), 1, "pointer"),
    ("get_zeroed_page", 0, (), None, "pointer"),
    ("alloc_pages_exact", 1, (0,), None, "pointer"),
    ("alloc_pages_bulk_array", 0, (), None, "count"),
    ("alloc_contig_range", 3, (), None, "errno"),
    ("mempool_alloc", 1, (), None, "pointer"),
    ("bio_alloc", 3, (), None, "pointer"),
    ("bio_alloc_bioset", 3, (), None, "pointer"),
    ("blkdev_issue_discard", 3, (), None, "errno"),
    ("dma_alloc_coherent", 3, (1,), None, "pointer"),
    ("dma_alloc_pages", 4, (1,), None, "pointer"),
    ("dma_pool_alloc", 1, (), None, "pointer"),
    ("iommu_map", 5, (), None, "errno"),
    ("sg_alloc_table", 2, (), None, "errno"),
    ("alloc_percpu_gfp", 1, (), None, "pointer"),
    ("percpu_counter_init", 2, (), None, "errno"),
    ("idr_alloc", 4, (), None, "errno"),
    ("ida_alloc_range", 3, (), None, "errno"),
    ("xa_alloc", 4, (), None, "errno"),
    ("__xa_alloc", 4, (), None, "errno"),
    ("xa_store", 3, (), None, "other"),
    ("radix_tree_preload", 0, (), None, "errno"),
    ("mtree_alloc_range", 6, (), None, "errno"),
    ("alloc_skb", 1, (0,), None, "pointer"),
    ("skb_clone", 1, (), None, "pointer"),
    ("nlmsg_new", 1, (), None, "pointer"),
    ("audit_log_start", 1, (), None, "pointer"),
    ("devm_kzalloc", 2, (1,), None, "pointer"),
    ("devm_kasprintf", 1, (), None, "pointer"),
    ("devm_get_free_pages", 1, (), 2, "pointer"),
    ("usb_submit_urb", 1, (), None, "errno"),
    ("usb_alloc_urb", 1, (), None, "pointer"),
    ("virtqueue_add_sgs", 5, (), None, "errno"),
    ("shmem_read_mapping_page_gfp", 2, (), None, "errptr"),
    ("__filemap_get_folio", 3, (), None, "errptr"),
    ("jbd2__journal_start", 4, (), None, "errptr"),
    ("posix_acl_alloc", 1, (), None, "pointer"),
]
# call, version, position of the mask
MOVED = [
    ("bio_alloc", (5, 17), 0),
    ("bio_alloc", (5, 18), 3),
    ("bio_alloc_bioset", (5, 17), 0),
    ("bio_kmalloc", (5, 17), 0),
    ("bio_kmalloc", (5, 18), 1),
    ("blk_next_bio", (5, 17), 2),
    ("kvrealloc", (6, 11), 3),
    ("kvrealloc", (6, 12), 2),
    ("jbd2__journal_start", (5, 4), 3),
    ("jbd2__journal_start", (5, 5), 4),
    ("rxrpc_kernel_begin_call", (6, 3), 5),
    ("rxrpc_kernel_begin_call", (6, 4), 6),
]
# call, first version without, a version with
GONE = [
    ("blkdev_zone_mgmt", (6, 9), (6, 8)),
    ("blkdev_issue_flush", (5, 12), (5, 11)),
    ("__getblk_gfp", (6, 7), (6, 6)),
    ("iommu_map_atomic", (6, 3), (6, 2)),
    ("bio_clone_fast", (5, 18), (5, 17)),
    ("__napi_alloc_skb", (6, 10), (6, 9)),
    ("try_alloc_pages", (6, 16), (6, 15)),
]
# call, limit, a version that has it, one that does not
LIMITED = [
    ("kmalloc", "slab-highmem", NEW, None),
    ("kzalloc", "slab-dma32", OLD, None),
    ("kmem_cache_alloc", "slab-cache-dma", NEW, None),
    ("kvmalloc", "kvmalloc-nowait", (6, 18), (6, 19)),
    ("kvcalloc", "kvmalloc-nowait", OLD, NEW),
    ("kvmalloc", "kvmalloc-nofs", (5, 16), (5, 17)),
    ("kvmalloc", "kvmalloc-nofail", (5, 16), (5, 17)),
    ("kvzalloc", "kvmalloc-noretry", (7, 0), (7, 1)),
    ("__vmalloc", "vmalloc-nowait", (6, 18), (6, 19)),
    ("__vmalloc", "vmalloc-nofs", (5, 16), (5, 17)),
    ("__vmalloc", "vmalloc-nofail", (5, 16), (5, 17)),
    ("__vmalloc", "vmalloc-retry-mayfail", (7, 0), (7, 1)),
    ("__vmalloc", "vmalloc-dma32", (6, 19), (6, 18)),
    ("vmalloc_huge", "vmalloc-highmem", (6, 19), (6, 18)),
    ("mempool_alloc", "mempool-zero", NEW, None),
    ("bio_alloc", "mempool-zero", NEW, None),
    ("dma_alloc_coherent", "dma-comp", (6, 2), (6, 1)),
    ("dma_alloc_pages", "dma-pages-dma32", (6, 12), None),
    ("iommu_map", "iommu-highmem", (6, 3), (6, 2)),
    ("alloc_pages_exact", "exact-comp", NEW, None),
    ("alloc_pages_exact", "address-highmem", NEW, None),
    ("__get_free_page", "address-highmem", NEW, None),
    ("alloc_contig_pages", "contig-nofail", (6, 14), (6, 13)),
    ("alloc_contig_range", "contig-memalloc", (6, 14), (6, 13)),
    ("alloc_percpu_gfp", "percpu-nofail", NEW, None),
    ("radix_tree_preload", "preload-nowait", NEW, None),
    ("alloc_pages_nolock", "nolock-kswapd", NEW, None),
]


def at(version: Version) -> Kernel:
    return load([RULES], version)[0]


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    return at((6, 12))


@pytest.mark.parametrize(("call", "gfp", "size", "order", "returns"), CALLS, ids=[row[0] for row in CALLS])
def test_where_things_stand(kernel, call, gfp, size, order, returns):
    found = kernel.allocators[call]
    assert (found.gfp, found.size, found.order, found.returns) == (gfp, size, order, returns)
    assert found.allocates


@pytest.mark.parametrize(("call", "version", "gfp"), MOVED)
def test_a_mask_that_moved(call, version, gfp):
    assert at(version).allocators[call].gfp == gfp


@pytest.mark.parametrize(("call", "gone", "there"), GONE)
def test_a_call_that_lost_its_mask(call, gone, there):
    assert call in at(there).allocators
    assert call not in at(gone).allocators


@pytest.mark.parametrize("call", ["kmalloc_obj", "kzalloc_objs", "kvmalloc_flex", "kvzalloc_obj", "iommu_map"])
def test_a_mask_that_may_be_left_out(kernel, call):
    found = kernel.allocators[call]
    assert found.gfp is not None
    assert found.implicit == "GFP_KERNEL"


@pytest.mark.parametrize(
    ("call", "implicit"),
    [
        ("vmalloc", "GFP_KERNEL"),
        ("alloc_percpu", "GFP_KERNEL"),
        ("memdup_user", "GFP_USER | __GFP_NOWARN"),
        ("netdev_alloc_skb", "GFP_ATOMIC"),
        ("usb_control_msg", "GFP_NOIO"),
        ("single_open", "GFP_KERNEL_ACCOUNT"),
        ("sock_alloc_send_skb", ""),
        ("kern_path", "GFP_KERNEL"),
        ("register_sysctl", "GFP_KERNEL_ACCOUNT"),
        ("mempool_alloc_bulk", "GFP_KERNEL"),
    ],
)
def test_a_mask_that_is_never_given(kernel, call, implicit):
    assert (kernel.allocators[call].gfp, kernel.allocators[call].implicit) == (None, implicit)


@pytest.mark.parametrize(("call", "limit", "having", "lacking"), LIMITED)
def test_limits_by_version(call, limit, having, lacking):
    assert limit in {one.name for one in at(having).allocators[call].limits}
    if lacking is not None:
        assert limit not in {one.name for one in at(lacking).allocators[call].limits}


def test_what_has_no_limit(kernel):
    """A bare __GFP_ZERO does krealloc() no harm, and what chooses its own zone is not told off for it."""
    names = {limit.name for call in ("krealloc", "krealloc_array") for limit in kernel.allocators[call].limits}
    assert names == {"slab-highmem", "slab-dma32", "slab-movable"}
    for call in ("radix_tree_maybe_preload", "idr_preload", "vmalloc_32", "iommu_alloc_resv_region", "devm_kmalloc"):
        assert not at(NEW).allocators[call].limits, call
    for call in ("__vmalloc_node", "__vmalloc_node_range", "vrealloc", "mempool_alloc_noreserve"):
        assert not at(NEW).allocators[call].limits, call  # these hand the mask on as it is


def test_every_limit_is_used_and_worded_as_the_end_of_a_sentence():
    content = tomli.loads(TABLE.read_text())
    tables = [*content["family"].values(), *(row for rows in content["call"].values() for row in rows.values())]
    assert set(content["limit"]) == {name for table in tables for name in table.get("limits", ())}
    for name, limit in content["limit"].items():
        assert limit.get("has") or limit.get("lacks"), name
        assert re.match(r"[a-z]", limit["effect"]), name
        assert not limit["effect"].endswith("."), name
        assert limit["instead"], name
        assert re.search(r"\.[ch]: ", limit["source"]), name


@pytest.mark.parametrize(
    ("call", "order", "when"),
    [
        ("kmalloc", 1, frozenset()),
        ("alloc_pages", 1, frozenset()),
        ("__get_free_pages", 1, frozenset()),
        ("kvmalloc", -1, frozenset()),
        ("__vmalloc", -1, frozenset()),
        ("mempool_alloc", -1, frozenset({"__GFP_DIRECT_RECLAIM"})),
        ("bio_alloc", -1, frozenset({"__GFP_DIRECT_RECLAIM"})),
        ("bio_kmalloc", -1, frozenset()),
        ("mempool_alloc_noreserve", -1, frozenset()),
    ],
)
def test_how_far_nofail_is_promised(kernel, call, order, when):
    assert (kernel.allocators[call].nofail_order, kernel.allocators[call].nofail_when) == (order, when)


@pytest.mark.parametrize(
    ("call", "sleeps", "allocates"),
    [
        ("kmalloc", "mask", True),
        ("__vmalloc", "mask", True),
        ("alloc_pages_nolock", "never", True),
        ("kmalloc_nolock", "never", True),
        ("alloc_contig_range", "always", True),
        ("blkdev_issue_zeroout", "always", True),
        ("dev_coredumpv", "always", True),
        ("usb_control_msg_send", "always", True),
        ("kthread_run", "always", True),
        ("filp_open", "always", True),
        ("debugfs_create_u32", "always", True),
        ("request_region", "mask", True),
        ("kvfree_atomic", "never", False),
        ("vfree", "always", False),
        ("synchronize_rcu", "always", False),
        ("schedule_work", "never", False),
        ("might_alloc", "mask", False),
        ("gfpflags_allow_blocking", "mask", False),
    ],
)
def test_what_sleeps_and_what_allocates(kernel, call, sleeps, allocates):
    assert (kernel.allocators[call].sleeps, kernel.allocators[call].allocates) == (sleeps, allocates)


def test_calls_for_holders_of_the_lock_are_a_family_of_their_own(kernel):
    locked = {name for name, found in kernel.allocators.items() if found.family == "xarray-locked"}
    assert locked == {"__xa_alloc", "__xa_alloc_cyclic", "__xa_cmpxchg", "__xa_insert", "__xa_store"}


def test_positions_are_of_different_arguments(kernel):
    for name, found in kernel.allocators.items():
        taken = [place for place in (found.gfp, found.order, *found.size) if place is not None]
        assert len(taken) == len(set(taken)), name


def test_implicit_masks_are_written_in_known_flags(kernel):
    for name, found in kernel.allocators.items():
        assert set(re.findall(r"\w+", found.implicit)) <= kernel.flags.keys(), name


@pytest.mark.alone
def test_the_table_is_whole_and_quick_to_read():
    text = TABLE.read_text()
    calls = tomli.loads(text)["call"]
    assert sum(map(len, calls.values())) >= 1100
    assert len(calls) >= 60
    assert max(map(len, text.splitlines())) <= 120
    took = []
    for _ in range(5):
        start = time.process_time()
        tomli.loads(text)
        took.append(time.process_time() - start)
    assert min(took) < 0.06, "it is read at every start"


def test_every_listed_allocator_is_there():
    """Against a list of what the headers of 6.1 and 6.12 declare; REVIEWBOT_FACTS names the folder it is in."""
    if "REVIEWBOT_FACTS" not in os.environ:
        pytest.skip("REVIEWBOT_FACTS names no folder of facts")
    facts = tomli.loads((Path(os.environ["REVIEWBOT_FACTS"]) / "allocators.toml").read_text())
    new, old = at(NEW).allocators, at((6, 1)).allocators
    for row in facts["alloc"]:
        assert new[row["name"]].gfp == row["gfp_index"], row["name"]
        assert new[row["name"]].allocates is (row["role"] == "allocator") or row["name"] == "INIT_RADIX_TREE"
        if "gfp_index_6_1" in row:
            assert old[row["name"]].gfp == row["gfp_index_6_1"], row["name"]
    for row in facts["alloc_6_1_only"]:
        assert old[row["name"]].gfp == row["gfp_index"], row["name"]
    for row in facts["implicit"]:
        found = new[row["name"]]
        assert found.gfp is None, row["name"]
        assert not (found.sleeps == "always" and not row["may_sleep"]), row["name"]


def test_masks_stand_where_the_headers_say():
    """Against every prototype and inline of include/ that has one gfp_t among its parameters."""
    tree = os.environ.get("REVIEWBOT_KERNEL")
    if not tree:
        pytest.skip("REVIEWBOT_KERNEL names no kernel tree")
    makefile = Path(tree, "Makefile").read_text()
    major, minor = (int(re.search(rf"^{key} = (\d+)$", makefile, re.M)[1]) for key in ("VERSION", "PATCHLEVEL"))
    kernel, declared = at((major, minor)), _prototypes(Path(tree, "include"))
    compared = {name: found for name, found in kernel.allocators.items() if found.gfp is not None and name in declared}
    wrong = {name: (found.gfp, declared[name]) for name, found in compared.items() if not _fits(found, declared[name])}
    assert len(compared) >= 200
    assert not wrong


def _prototypes(include: Path) -> dict[str, set[int]]:
    """Where the mask stands in each function of include/; a stub for another configuration may name it again."""
    text = "\n".join(path.read_text(errors="replace") for path in sorted(include.rglob("*.h")))
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)
    places: dict[str, set[int]] = {}
    for name, inside in re.findall(r"\b(\w+?)(?:_noprof)?\(([^(){};]*\bgfp_t\b[^(){};]*)\)", text):
        masks = [i for i, part in enumerate(inside.split(",")) if re.search(r"\bgfp_t\b(?!\s*\*)", part)]
        if len(masks) == 1:
            places.setdefault(name, set()).add(masks[0])
    return places


def _fits(found: Allocator, places: set[int]) -> bool:
    return found.gfp in places
