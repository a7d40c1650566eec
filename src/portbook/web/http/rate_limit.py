"""How much one client, and all clients together, may ask for in a time."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import time

WINDOW = 60.0  # seconds


class TooManyRequests(Exception):
    """Raised where a client asked for too much in a time; the site answers 429 with Retry-After.

    *what* it asked for is named in the plural ("searches"); *retry_after* is in seconds.
    """

    def __init__(self, what: str, retry_after: int) -> None:
        super().__init__(f"too many {what} from one address")
        self.what = what
        self.retry_after = retry_after


class RateLimit:
    """Counts requests of *of_one* client and *of_all* in a window of *window* seconds.

    Clients are told apart by a keyed hash, in memory alone. The key is made anew with every
    start, so what is held can't be turned back into addresses, and all of it is dropped with every
    window. At most *of_all* clients are held.
    """

    def __init__(self, of_one: int = 10, of_all: int = 600, window: float = WINDOW) -> None:
        self._of_one, self._of_all, self._window = of_one, of_all, window
        self._key = os.urandom(16)
        self._begun = 0.0
        self._counts: dict[bytes, int] = {}
        self._all = 0

    def take(self, client: str, now: float | None = None, count: int = 1) -> int:
        """Counts a request of *client*: 0 if it is allowed, else the seconds until it will be.

        *count* says as how many requests it counts.
        """
        now = time.monotonic() if now is None else now
        if now - self._begun >= self._window:
            self._begun, self._all = now, 0
            self._counts.clear()
        who = hashlib.blake2b(network(client), key=self._key, digest_size=16).digest()
        if self._all >= self._of_all or self._counts.get(who, 0) >= self._of_one:
            return max(1, round(self._window - (now - self._begun)))
        self._counts[who] = self._counts.get(who, 0) + count
        self._all += count
        return 0


def network(client: str) -> bytes:
    """What stands for one client: an IPv4 address, or the /64 that an IPv6 host can roam in."""
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return client.encode()
    return address.packed[:8] if address.version == 6 else address.packed
