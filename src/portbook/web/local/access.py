"""Who may see this machine: a page of this very server, in a browser that runs here.

Three ways lead strangers to a server on the loopback address, and each is closed apart: another
tab of the same browser (``Origin``, ``Sec-Fetch-Site``), a name that was made to point here (DNS
rebinding: ``Host``), and a proxy that passes strangers on (what it adds, what it speaks, whose it
is). Other users of the machine are the fourth: their connections aren't the server's user's, and
where that is root, they lack the token.
"""

from __future__ import annotations

import hmac
import ipaddress
import os
import re
from typing import TYPE_CHECKING

from portbook.host.reader import read_conflicts
from portbook.model import OwnerSearch, Transport
from portbook.web.state import context

if TYPE_CHECKING:
    from starlette.requests import Request

# An IPv6 address in brackets or a name, and a port (RFC 3986 §3.2.2).
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:@/\s]*))(?::[0-9]*)?")
# What proxies add. One in front of a local server means that others than this machine's user
# look at it, whatever the proxy puts into Host.
_PROXIED = re.compile(
    r"forwarded|via|x-forwarded-.*|x-real-ip|x-client-ip|x-cluster-client-ip|client-ip"
    r"|true-client-ip|cf-connecting-ip|x-original-.*|x-envoy-.*"
)


def why_not(request: Request) -> tuple[int, str] | None:
    """The status and a sentence where *request* may not see this machine, else None."""
    if not from_this_machine(request):
        return 403, "This machine is shown to this machine alone, by the name localhost."
    if request.headers.get("origin") is not None and not _own_origin(request):
        return 403, "This machine is shown to this server's own pages alone."
    # "none" is a person who typed the address or opened a bookmark. "same-site" isn't enough:
    # every server on localhost is of the same site. https://www.w3.org/TR/fetch-metadata/
    if not set(request.headers.getlist("sec-fetch-site")) <= {"none", "same-origin"}:
        return 403, "This machine is shown to this server's own pages alone."
    token = context(request).settings.token
    if token is None and _of_another_user(request):
        return 403, "This machine is shown to the user who started portbook serve alone."
    given = _token(request)
    if token is not None and not hmac.compare_digest(token.encode(), given.encode()):
        return 401, (
            "The server runs as root, so this machine is shown only to someone with its token. "
            + (
                "The one given isn't this server's: it makes a new one each time it starts. "
                if given
                else ""
            )
            + "Open the address that portbook serve printed as it started."
        )
    return None


def from_this_machine(request: Request) -> bool:
    """Whether the client is this machine and asked for it by a name that can't mean another."""
    if any(map(_PROXIED.fullmatch, request.headers.keys())):
        return False
    # Browsers and curl speak 1.1. nginx speaks 1.0 to what is behind it, unless told otherwise, and
    # adds nothing: then Host is this server's own, and the page that a reader is on another's.
    if request.scope.get("http_version") == "1.0" or not _local_referrer(request):
        return False
    if request.client is not None and not is_loopback(request.client.host):
        return False
    hosts = request.headers.getlist("host")
    return len(hosts) == 1 and is_loopback(_host(hosts[0]))


def _local_referrer(request: Request) -> bool:
    """Whether the page that led here, if one is named, was asked for by a name of this machine."""
    for referrer in request.headers.getlist("referer"):
        _, _, rest = referrer.partition("://")
        if not is_loopback(_host(re.split(r"[/?#]", rest, maxsplit=1)[0])):
            return False
    return True


def _of_another_user(request: Request) -> bool:
    """Whether the client's end of the connection is another user's: neither ours nor root's.

    Linux tells (inet_diag(7)); where it can't be known, nobody is turned away for it.
    """
    server = request.scope.get("server")
    if request.client is None or server is None or not hasattr(os, "geteuid"):
        return False
    on_port = read_conflicts(request.client.port, Transport.TCP, OwnerSearch.NONE)
    uids = {
        end.uid
        for end in on_port.connections
        if end.peer_port == server[1] and end.address == request.client.host and end.inode
    }
    return not uids <= {os.geteuid(), 0, None}


def from_own_page(request: Request) -> bool:
    """Whether a form was sent by one of this server's own pages.

    Browsers say where a POST comes from; what doesn't say so is no form of ours.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    return _own_origin(request) if "origin" in request.headers else site == "same-origin"


def _own_origin(request: Request) -> bool:
    scheme, _, authority = request.headers["origin"].partition("://")
    # A proxy may have taken the TLS off, so either scheme is our own.
    default = ":443" if scheme == "https" else ":80"
    host = request.headers.get("host", "")
    same = authority.lower().removesuffix(default) == host.lower().removesuffix(default)
    return scheme in ("http", "https") and bool(host) and same


def _host(authority: str) -> str:
    """The host in a ``Host`` header; empty where it holds none (RFC 9112 §3.2).

    >>> _host("localhost:4905"), _host("[::1]:4905"), _host("127.0.0.1")
    ('localhost', '::1', '127.0.0.1')
    >>> _host("[::1].example.org"), _host("::1"), _host("localhost:80:80")
    ('', '', '')
    """
    match = _AUTHORITY.fullmatch(authority)
    return "" if match is None else match[1] or match[2]


def is_loopback(host: str) -> bool:
    """Whether *host* is this machine, whoever is asked: a loopback address, or localhost.

    RFC 6761 §6.3 keeps ``localhost`` from being resolved to anything else.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "LOCALHOST", "localhost.example.org")]
    [True, True, True, False]
    """
    if host.lower().removesuffix(".") == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or (mapped is not None and mapped.is_loopback)


def _token(request: Request) -> str:
    """The token that *request* carries: in a header, or in the address as it was printed."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    return request.query_params.get("token", "")
