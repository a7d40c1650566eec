"""What was seen of one port when a bind of it was tried, a moment apart from the bind itself."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.app.bind.addresses import LOCALHOST
from portbook.model import Listener, PortRules, Transport, bracketed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.host.bind_probe import BindTry
    from portbook.host.linux.connections import Connection
    from portbook.model import Gap, SystemListener


class Redirected(NamedTuple):
    """A rule that redirects the port: where it sends connections, and the rule as printed."""

    to: str
    rule: str
    source: str


class Elsewhere(NamedTuple):
    """A socket on the same port in another network namespace, by the namespace's name."""

    namespace: str
    listener: Listener


class Evidence(NamedTuple):
    """All that was seen of one port: what the kernel answered, and what was found beside it.

    ``parts`` are known to listen on macOS and Windows by themselves.
    """

    port: int
    transport: Transport
    tries: tuple[BindTry, ...]
    address: str | None = None
    listeners: tuple[Listener, ...] = ()
    connections: tuple[Connection, ...] = ()
    rules: PortRules = PortRules("")
    redirects: tuple[Redirected, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()
    excluded: tuple[tuple[int, int, str], ...] = ()
    parts: tuple[SystemListener, ...] = ()
    missing: tuple[Gap, ...] = ()

    def asked(self) -> list[BindTry]:
        """The attempts that count: those on the address asked for, else all that can succeed."""
        if self.address is None:
            return [each for each in self.tries if not each.unsupported]
        if self.address == LOCALHOST:
            loopback = [each for each in self.tries if each.address in ("127.0.0.1", "::1")]
            return [each for each in loopback if not each.unsupported]
        # "::" is asked for by servers that want IPv4 with it, which is what systems give by
        # default.
        return [
            each
            for each in self.tries
            if each.address == self.address and (self.address != "::" or each.v6only is False)
        ]

    def succeeds(self, *, reuse: bool) -> bool:
        """Whether the bind that was asked for succeeded, with SO_REUSEADDR or without."""
        asked = [each for each in self.asked() if each.reuseaddr == reuse]
        return bool(asked) and all(each.ok for each in asked)

    def errors(self) -> set[int]:
        """The errors of the plain attempts that count."""
        return {each.error for each in self.asked() if not each.ok and not each.reuseaddr}


def place(each: BindTry) -> str:
    """Where *each* was tried, as a word of a sentence."""
    host = bracketed(each.address)
    if each.address != "::":
        return host
    return f"{host} (IPv4 as well)" if each.v6only is False else f"{host} (IPv6 only)"
