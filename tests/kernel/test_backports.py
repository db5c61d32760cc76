"""What a tree's headers name goes before what its version says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reviewbot import config
from reviewbot.kernel import rules
from reviewbot.kernel.backports import fitted_kernel, header_names

FOLDER = [config.data_path("rules")]
FREEZE = {"blk_mq_freeze_queue"}
FREEZE_SCOPE = {*FREEZE, "blk_mq_freeze_queue_nomemsave"}


def at(version):
    return rules.load(FOLDER, version)[0]


def alive(kernel):
    return {name for name, span in kernel.spans.items() if span.holds(kernel.version)}


def fit(version, *, plus=(), minus=()):
    """A kernel of a version, fitted to headers that name what it has, and some names more or less."""
    kernel = at(version)
    names = alive(kernel).union(plus).difference(minus)
    return kernel, fitted_kernel(kernel, frozenset(names).intersection, at)


def test_a_tree_that_is_as_its_version_says_changes_nothing():
    kernel, found = fit((6, 12), plus=FREEZE)
    assert found is kernel


def test_a_name_that_was_ported_back():
    kernel, found = fit((5, 15), plus={"__GFP_NO_OBJ_EXT"})
    assert "__GFP_NO_OBJ_EXT" not in kernel.flags
    assert found.flags["__GFP_NO_OBJ_EXT"].kind == "bit"
    assert found.spans["__GFP_NO_OBJ_EXT"].holds((5, 15))


def test_a_name_that_is_gone_early():
    gone = "PF_MEMALLOC_NORECLAIM"
    since = at((6, 12)).spans[gone].since
    version = since or (6, 12)
    kernel, found = fit(version, minus={gone})
    assert kernel.spans[gone].holds(version)
    assert not found.spans[gone].holds(version)


def test_a_name_that_stayed_though_its_version_dropped_it():
    kernel, older = at((6, 12)), at((5, 15))
    gone = next(name for name in older.flags if name not in kernel.flags)
    _, found = fit((6, 12), plus={gone})
    assert found.spans[gone].holds((6, 12))
    assert gone in found.flags


def test_a_scope_that_came_early_brings_its_flag_and_the_other_way_round():
    kernel = at((6, 12))
    flag = next(
        scope.flag
        for version in ((6, 10), (6, 9), (7, 2))
        for scope in at(version).scopes.values()
        if scope.flag in kernel.spans and not kernel.spans[scope.flag].holds(kernel.version)
    )
    _, found = fit((6, 12), plus={flag})
    assert [scope.name for scope in found.scopes.values() if scope.flag == flag]
    assert not [scope.name for scope in kernel.scopes.values() if scope.flag == flag]


def test_freezing_a_queue_is_a_scope_where_the_headers_have_the_call_without():
    kernel, found = fit((6, 12), plus=FREEZE_SCOPE)
    assert "queue-freeze" not in kernel.scopes
    assert "queue-freeze" in found.scopes
    kernel, found = fit((6, 16), plus=FREEZE)
    assert "queue-freeze" in kernel.scopes
    assert "queue-freeze" not in found.scopes
    kernel, found = fit((6, 16))
    assert found is kernel, "headers that do not name the call say nothing of it"


@pytest.mark.parametrize("names", [(), ("__GFP_IO", "GFP_KERNEL"), ("PF_MEMALLOC_NOIO",), ("kmalloc", "FREEZE")])
def test_headers_that_were_not_read_take_nothing_away(names):
    kernel = at((6, 12))
    assert fitted_kernel(kernel, frozenset(names).intersection, at) is kernel


def test_names_in_comments_do_not_count():
    text = b"#define A 1 /* B\n * C */ // D\nint e(void); /**/ F /* not closed G"
    assert header_names([text, b"\xff H \xe9t\xe9"]) >= {"A", "e", "F", "H"}
    assert not header_names([text]) & {"B", "C", "D"}


def test_reading_headers_takes_no_time():
    assert header_names([b"/*" * 200_000, b"/" * 400_000, b"a*/" * 100_000]) == {"a"}


def test_the_kernel_is_as_the_tables_say():
    """With the headers of a real tree, the tables of any version become those of the tree's own."""
    if "REVIEWBOT_KERNEL" not in os.environ:
        pytest.skip("REVIEWBOT_KERNEL names no kernel tree")
    top = Path(os.environ["REVIEWBOT_KERNEL"])
    headers = [top / path for path in config.load_config(None, {}).tree.headers]
    if not all(path.exists() for path in headers):
        pytest.skip("REVIEWBOT_KERNEL names a tree without its headers")
    names = header_names(path.read_bytes() for path in headers)
    major, minor = (
        int((top / "Makefile").read_text().split(f"\n{key} = ")[1].split()[0]) for key in ("VERSION", "PATCHLEVEL")
    )
    own = at((major, minor))
    assert fitted_kernel(own, names.intersection, at) is own
    for version in ((5, 15), (6, 1), (6, 8), (6, 16), (7, 0)):
        found = fitted_kernel(at(version), names.intersection, at)
        assert set(found.flags) == set(own.flags), version
