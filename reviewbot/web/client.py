"""Headers in, an HTTP client with them out; and what is made of the answers of any server: when to ask again, and why
one could not be reached.

The clients are asynchronous because httpx bounds each read and no request: only asyncio.timeout() around one ends it
wherever it hangs, be it while names are looked up, between two bytes of a header, or in a body that has no end.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from reviewbot import __version__
from reviewbot.model.errors import FetchError

if TYPE_CHECKING:
    import httpx


def client(headers: Mapping[str, str], timeout: float, *, trust_env: bool = True) -> httpx.AsyncClient:
    """A client that follows no redirect and gets answers as they are, not packed; `timeout`: seconds of silence.

    Raises FetchError where the environment names a proxy or certificates that cannot be used; it is asked for those
    only with `trust_env`.
    """
    import httpx

    own = {"User-Agent": f"reviewbot/{__version__}", "Accept-Encoding": "identity", **headers}
    try:
        return httpx.AsyncClient(headers=own, timeout=timeout, trust_env=trust_env, follow_redirects=False)
    except (ImportError, OSError, ValueError) as error:
        raise FetchError(f"the proxy or TLS settings of the environment cannot be used: {error}") from error


def reason(error: Exception) -> str:
    """The first line of what went wrong; the kind of it where it says nothing."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def retry_after(answer: httpx.Response) -> float | None:
    """The seconds that a Retry-After asks for, itself in seconds or as a date; None where it asks for nothing.

    Source: RFC 9110, 10.2.3.
    """
    asked = answer.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", asked):
        return float(asked)
    try:
        return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
