"""What the texts of a series say of its base."""

from __future__ import annotations

import time

import pytest

from reviewbot.patch.base_trailers import base_trailers

ID = "0123456789abcdef0123456789abcdef01234567"


def test_all_of_them_in_order_and_each_once():
    text = (
        f"Text.\n---\nbase-commit: {ID}\nprerequisite-patch-id: {ID}\nprerequisite-patch-id: {ID[::-1].upper()}\n"
        f"prerequisite-patch-id: {ID}\nprerequisite-change-id: 20260101-a-0123:v2\nprerequisite-message-id: <x@y.z>\n"
    )
    found = base_trailers(["nothing", text, "base-commit: 7654321"])
    assert (found.base, found.patches) == (ID, (ID, ID[::-1]))
    assert found.series == ("20260101-a-0123:v2", "x@y.z")


@pytest.mark.parametrize(
    "line",
    [
        f"> base-commit: {ID}",
        "base-commit: v6.12",
        f"base-commit: {ID} (and more)",
        f"the base-commit: {ID}",
        "prerequisite-patch-id: none",
        f"prerequisite-change-id: {'x' * 300}",
        "prerequisite-message-id: <a b>",
    ],
)
def test_what_is_no_trailer(line):
    assert base_trailers([f"{line}\n"]) == (None, (), ())


@pytest.mark.parametrize(
    "line", [f"prerequisite-patch-id: {ID}\n", "prerequisite-patch-id:", "base-commit: " + " " * 50]
)
def test_a_mail_full_of_them(line):
    text = line * 100_000
    begun = time.monotonic()
    assert len(base_trailers([text]).patches) <= 1
    assert time.monotonic() - begun < 5
