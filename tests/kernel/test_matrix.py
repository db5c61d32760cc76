"""rules/_flags.toml against the list it comes from and against a real kernel's headers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from matrix_list import HOCKO, LIST
from reviewbot.config import data_path
from reviewbot.kernel import rules
from reviewbot.model.kernel import Kernel

OTHERS = {"__GFP_ZEROTAGS", "__GFP_SKIP_ZERO", "__GFP_SKIP_KASAN"}


def kernel(at: str = "6.12") -> Kernel:
    return rules.load([data_path("rules")], rules.parse_version(at))[0]


@pytest.fixture(scope="module")
def now() -> Kernel:
    return kernel()


# --- the list ---


@pytest.mark.parametrize("name", LIST)
def test_verdicts_are_those_of_the_list(now: Kernel, name: str) -> None:
    flag = now.flags[name]
    on, off, said = LIST[name]
    assert (flag.on.word, flag.off.word) == (on, off)
    assert flag.on.source == HOCKO
    assert (flag.off.source == HOCKO) is ("c" in said)
    assert said == "sc" or flag.off.source.startswith("derived from ")


def test_every_flag_is_judged(now: Kernel) -> None:
    assert now.bits == LIST.keys() | OTHERS
    for flag in now.flags.values():
        assert flag.meaning
        assert flag.group
        assert all(len(verdict.why) > 20 and verdict.source for verdict in (flag.on, flag.off)), flag.name


def test_flags_the_list_leaves_out(now: Kernel) -> None:
    for name in OTHERS:
        assert now.flags[name].on.word == now.flags[name].off.word == "none"
        assert now.flags[name].on.source.startswith("derived from ")


def test_bases(now: Kernel) -> None:
    """What says whether a request may reclaim; zones, modifiers and test masks do not."""
    assert {name for name, flag in now.flags.items() if flag.base} == {
        *("__GFP_DIRECT_RECLAIM", "__GFP_KSWAPD_RECLAIM", "__GFP_RECLAIM", "GFP_ATOMIC", "GFP_NOWAIT", "GFP_KERNEL"),
        *("GFP_KERNEL_ACCOUNT", "GFP_NOFS", "GFP_NOIO", "GFP_USER", "GFP_HIGHUSER", "GFP_HIGHUSER_MOVABLE"),
        *("GFP_TRANSHUGE", "GFP_TRANSHUGE_LIGHT", "GFP_PGTABLE_KERNEL", "GFP_PGTABLE_USER", "GFP_F2FS_ZERO"),
    }


def test_internal_flags(now: Kernel) -> None:
    assert {name for name in LIST if now.flags[name].internal} == {
        *("__GFP_RECLAIMABLE", "__GFP_THISNODE", "__GFP_NO_OBJ_EXT", "__GFP_MEMALLOC"),
    }


# --- versions ---


@pytest.mark.parametrize(
    ("name", "has", "lacks"),
    [
        ("__GFP_ATOMIC", "6.2", "6.3"),
        ("__GFP_NO_OBJ_EXT", "6.10", "6.9"),
        ("__GFP_NO_OBJ_EXT", "7.2", "7.3"),
        ("__GFP_SKIP_KASAN", "6.4", "6.3"),
        ("__GFP_SKIP_KASAN_POISON", "6.3", "6.4"),
        ("__GFP_SKIP_KASAN_UNPOISON", "5.18", "5.17"),
        ("__GFP_ZEROTAGS", "5.14", "5.13"),
        ("__GFP_RETRY_MAYFAIL", "4.13", "4.12"),
        ("GFP_PGTABLE_USER", "5.3", "5.2"),
        ("GFP_VMALLOC_SUPPORTED", "6.19", "6.18"),
    ],
)
def test_flags_come_and_go(name: str, has: str, lacks: str) -> None:
    assert name in kernel(has).flags
    assert name not in kernel(lacks).flags
    assert kernel(lacks).spans[name].holds(rules.parse_version(has))


@pytest.mark.parametrize(
    ("name", "at", "bits"),
    [
        ("GFP_NOWAIT", "6.6", "KSWAPD_RECLAIM"),
        ("GFP_NOWAIT", "6.7", "KSWAPD_RECLAIM NOWARN"),
        ("GFP_ATOMIC", "6.2", "HIGH ATOMIC KSWAPD_RECLAIM"),
        ("GFP_ATOMIC", "6.3", "HIGH KSWAPD_RECLAIM"),
        ("GFP_KERNEL", "4.19", "DIRECT_RECLAIM KSWAPD_RECLAIM IO FS"),
        ("GFP_NOIO", "7.3", "DIRECT_RECLAIM KSWAPD_RECLAIM"),
        ("GFP_HIGHUSER_MOVABLE", "5.2", "DIRECT_RECLAIM KSWAPD_RECLAIM IO FS HARDWALL HIGHMEM MOVABLE"),
        (
            "GFP_HIGHUSER_MOVABLE",
            "5.19",
            "DIRECT_RECLAIM KSWAPD_RECLAIM IO FS HARDWALL HIGHMEM MOVABLE SKIP_KASAN_POISON",
        ),
        (
            "GFP_HIGHUSER_MOVABLE",
            "6.1",
            "DIRECT_RECLAIM KSWAPD_RECLAIM IO FS HARDWALL HIGHMEM MOVABLE SKIP_KASAN_POISON SKIP_KASAN_UNPOISON",
        ),
        ("GFP_TRANSHUGE_LIGHT", "5.10", "IO FS HARDWALL HIGHMEM MOVABLE COMP NOMEMALLOC NOWARN"),
        ("GFP_PGTABLE_USER", "6.12", "DIRECT_RECLAIM KSWAPD_RECLAIM IO FS ZERO ACCOUNT"),
        ("GFP_DMA", "6.12", "DMA"),
    ],
)
def test_bits_of_compounds(name: str, at: str, bits: str) -> None:
    assert kernel(at).flags[name].bits == {f"__GFP_{bit}" for bit in bits.split()}


@pytest.mark.parametrize(
    ("name", "last", "instead"),
    [
        ("PF_MEMALLOC_NORECLAIM", "6.11", ""),
        ("PF_MEMALLOC_NOWARN", "6.11", "__GFP_NOWARN"),
        ("PF_MEMALLOC_NOCMA", "5.12", "PF_MEMALLOC_PIN"),
        ("__GFP_REPEAT", "4.12", "__GFP_RETRY_MAYFAIL"),
        ("__GFP_WAIT", "4.3", "__GFP_DIRECT_RECLAIM"),
        ("__GFP_COLD", "4.14", ""),
        ("__GFP_NOTRACK", "4.14", ""),
        ("__GFP_OTHER_NODE", "4.9", ""),
        ("GFP_TEMPORARY", "4.13", "GFP_KERNEL"),
        ("__GFP_ATOMIC", "6.2", "GFP_ATOMIC"),
    ],
)
def test_names_that_are_gone(now: Kernel, name: str, last: str, instead: str) -> None:
    span = now.spans[name]
    major, minor = rules.parse_version(last)
    assert span.holds((major, minor))
    assert not span.holds((major, minor + 1))
    assert span.instead == instead


def test_names_that_never_were(now: Kernel) -> None:
    never = {name: span.instead for name, span in now.spans.items() if span.never}
    assert never["GFP_NOWARN"] == "__GFP_NOWARN"
    assert never["__GFP_NOFS"] == "GFP_NOFS"
    assert all(instead in now.flags and name not in now.flags for name, instead in never.items())


# --- a real kernel ---


def tree() -> Path:
    path = os.environ.get("REVIEWBOT_KERNEL")
    if not path:
        pytest.skip("REVIEWBOT_KERNEL names no kernel tree")
    if not shutil.which("cc"):
        pytest.skip("no cc to compile its headers with")
    if not (Path(path) / "include/linux/gfp_types.h").exists():
        pytest.skip(f"{path} has no include/linux/gfp_types.h, as kernels before 6.0")
    return Path(path)


def tree_version(path: Path) -> str:
    makefile = (path / "Makefile").read_text()
    return ".".join(re.findall(r"^(?:VERSION|PATCHLEVEL) = (\d+)$", makefile, re.MULTILINE))


def own_masks(path: Path) -> str:
    """The definitions of masks outside gfp_types.h, cut out of headers that do not compile alone."""
    wanted = r"^#define (?:GFP_\w*MASK|GFP_PGTABLE_\w+|GFP_VMALLOC_SUPPORTED)\b(?:.*\\\n)*.*\n"
    names = ("include/linux/gfp.h", "include/asm-generic/pgalloc.h", "mm/internal.h", "mm/vmalloc.c")
    return "".join(
        cut
        for name in names
        if (path / name).exists()
        for cut in re.findall(wanted, (path / name).read_text(), re.MULTILINE)
    )


def compiled(path: Path, names: set[str], tmp_path: Path) -> dict[str, int]:
    """The value of each name that this tree defines, every configuration option on."""
    (tmp_path / "linux").mkdir()
    (tmp_path / "linux/bits.h").write_text("#define BIT(nr) (1u << (nr))\n")
    configs = re.findall(r"CONFIG_\w+", (path / "include/linux/gfp_types.h").read_text())
    lines = [f"#define {name} 1" for name in sorted(set(configs))]
    lines += ["#define IS_ENABLED(option) 1", "#define __force", "typedef unsigned int gfp_t;", "#include <stdio.h>"]
    lines += ["#include <linux/bits.h>", f'#include "{path.resolve()}/include/linux/gfp_types.h"', own_masks(path)]
    lines += ["int main(void) {"]
    for name in sorted(names):
        lines += [f"#ifdef {name}", f'printf("{name} %u\\n", (unsigned int)({name}));', "#endif"]
    (tmp_path / "masks.c").write_text("\n".join([*lines, "return 0; }", ""]))
    subprocess.run(["cc", "-I", tmp_path, "-o", tmp_path / "masks", tmp_path / "masks.c"], check=True)
    told = subprocess.run([tmp_path / "masks"], check=True, capture_output=True, text=True).stdout
    return {name: int(value) for name, value in map(str.split, told.splitlines())}


def test_masks_are_those_of_the_kernel(tmp_path: Path) -> None:
    """Every bit and every compound, bit by bit, against the headers of a real tree."""
    path = tree()
    ours = kernel(tree_version(path))
    header = (path / "include/linux/gfp_types.h").read_text()
    theirs = set(re.findall(r"^#define (_{0,2}GFP_\w+)", header, re.MULTILINE)) - {"__GFP_BITS_SHIFT"}
    values = compiled(path, theirs | ours.flags.keys() | ours.spans.keys(), tmp_path)

    assert theirs <= ours.flags.keys()
    local = {"GFP_F2FS_ZERO"}
    assert ours.flags.keys() - values.keys() <= local
    assert not {name for name, span in ours.spans.items() if not span.holds(ours.version)} & values.keys()
    named = {values[bit]: bit for bit in ours.bits}
    assert len(named) == len(ours.bits)
    assert all(value.bit_count() == 1 for value in named)
    for name in values.keys() & ours.flags.keys():
        within = values[name] & values["__GFP_BITS_MASK"]
        assert ours.flags[name].bits == {bit for value, bit in named.items() if value & within}, name
