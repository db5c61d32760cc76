"""Makes HTTP clients, and reads from answers and errors when to try again and why a server could not be reached.

The clients are asynchronous because httpx bounds each read but not the request: only asyncio.timeout() around it ends
it wherever it hangs, be it in the look-up of a name, between two bytes of a header, or in a body without an end.
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
    """A client that follows no redirect and asks for no compression. `timeout`: seconds of silence.

    `trust_env`: use the proxy and certificates that the environment names. Raises FetchError if they cannot be used.
    """
    import httpx

    own = {"User-Agent": f"reviewbot/{__version__}", "Accept-Encoding": "identity", **headers}
    try:
        return httpx.AsyncClient(headers=own, timeout=timeout, trust_env=trust_env, follow_redirects=False)
    except (ImportError, OSError, ValueError) as error:
        raise FetchError(f"the proxy or TLS settings of the environment cannot be used: {error}") from error


def reason(error: Exception) -> str:
    """The first line of an error's text, or the name of its class if it has none."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def retry_after(answer: httpx.Response) -> float | None:
    """The seconds to wait by the Retry-After of an answer, None without one, or with an invalid one."""
    return seconds_asked(answer.headers.get("Retry-After", ""), time.time())


def seconds_asked(value: str, now: float) -> float | None:
    """The seconds of a Retry-After, given as such or as a date (RFC 9110, 10.2.3); None for an invalid one."""
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, OverflowError):
        return None
