"""Packs the review of a patch, so that a draft can show later what it was made of.

The form is that of the program that wrote it: another version may not read it, and then it is left out.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection
from typing import Any

import msgspec
from msgspec.structs import replace

from reviewbot.model.review import Review

_LARGEST = 32 << 20  # bytes, unpacked: what the memory holds is ours, but a file may be damaged


def only(review: Review, fingerprints: Collection[str]) -> Review:
    """The review with some of its findings alone."""
    cut = (
        replace(patch, findings=tuple(one for one in patch.findings if one.fingerprint in fingerprints))
        for patch in review.patches
    )
    return replace(review, patches=tuple(cut))


def part_of(review: Review, fingerprints: Collection[str]) -> Review:
    """The part of a review that some findings are of: these, and the patches that have them."""
    cut = only(review, fingerprints)
    return replace(cut, patches=tuple(patch for patch in cut.patches if patch.findings))


def packed(review: Review) -> bytes:
    """A review as bytes; what is no UTF-8 in it becomes a question mark."""
    return zlib.compress(msgspec.msgpack.encode(_plain(msgspec.to_builtins(review))), 1)


def unpacked(data: bytes | None) -> Review | None:
    """The review in some bytes, None where there is none that can be read."""
    if data is None:
        return None
    try:
        unpack = zlib.decompressobj()
        content = unpack.decompress(data, _LARGEST)
        return None if not unpack.eof else msgspec.msgpack.decode(content, type=Review)
    except (zlib.error, msgspec.DecodeError, msgspec.ValidationError):
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8") if not value.isascii() else value
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(one) for one in value]
    return value
