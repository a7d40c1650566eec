"""What names mean on this machine, without asking anybody else: localhost, and /etc/hosts."""

from __future__ import annotations

from portbook.errors import InvalidQuery, shown

LOCALHOST = "localhost"
# RFC 6761 §6.3; which is first follows RFC 6724.
_LOOPBACKS = ("::1", "127.0.0.1")


def addresses_of(name: str, *, ask: bool = False, etc: str = "/etc") -> tuple[str, ...] | None:
    """The addresses of *name* in the order in which programs here try them (getaddrinfo(3)).

    None for a name that only DNS may know, unless *ask* says to ask it.

    :raises InvalidQuery: DNS was asked, and has no address.
    """
    listed = _listed(name, etc)
    local = name.lower().rstrip(".")
    if not listed and (local == LOCALHOST or local.endswith(f".{LOCALHOST}")):
        return _LOOPBACKS
    if listed and _asks_dns_first(etc):
        return tuple(sorted(listed, key=lambda address: ":" not in address))
    if not listed and not ask:
        return None
    import _socket

    try:
        rows = _socket.getaddrinfo(name, None, 0, _socket.SOCK_STREAM)
    except OSError as error:
        if listed:
            return listed
        why = error.strerror or str(error)
        raise InvalidQuery(f"{shown(name)} has no address: {why}", name) from error
    return tuple(dict.fromkeys([str(row[4][0]).partition("%")[0] for row in rows]))


def _listed(name: str, etc: str) -> tuple[str, ...]:
    """The addresses of *name* in the hosts file (hosts(5)), in its order."""
    found = []
    for line in _lines(f"{etc}/hosts"):
        address, *names = line.split("#")[0].split() or [""]
        if name.lower() in map(str.lower, names):
            found.append(address)
    return tuple(dict.fromkeys(found))


def _asks_dns_first(etc: str) -> bool:
    """Whether names are looked up in DNS before the hosts file (nsswitch.conf(5))."""
    for line in _lines(f"{etc}/nsswitch.conf"):
        key, _, words = line.partition(":")
        if key.strip() == "hosts":
            order = words.split()
            return "dns" in order and "files" not in order[: order.index("dns")]
    return False


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read(1 << 20).splitlines()
    except OSError:
        return []
