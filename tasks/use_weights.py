"""How much a use weighs: how many independent sources show that people meet it on its port.

One source weighs 1, two weigh 2, three or more weigh 3. Two are independent where different people
publish them; what a project's own page repeats in its own repository counts once. Collections of
applications that are set up by a click count as one beside other sources, and as two at most: each
takes the port over from the application's image, and all of them have what is hosted at home.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tasks.lore_fields import PortSpan, check_ports, check_read, check_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    Entry = dict[str, Any]

MOST = 3

# Sites where each account, or each name below the site's, is somebody else's.
_ACCOUNTS = ("github.com", "gitlab.com", "codeberg.org", "hub.docker.com")
_NAMES = ("github.io", "readthedocs.io", "gitlab.io", "co.uk")
# One publisher under two names.
_SAME = {
    "github.com/docker": "docker.com",
    "github.com/docker-library": "docker.com",
    "github.com/mitre": "mitre.org",
}

_COLLECTIONS = frozenset(
    f"github.com/{account}"
    for account in (
        "caprover", "coollabsio", "community-scripts", "dokploy", "easypanel-io", "getumbrel",
        "icewhaletech", "k8s-at-home", "linuxserver", "runtipi", "truenas",
    )
)  # fmt: skip


def publisher(url: str) -> str:
    """Who publishes *url*, as far as its address tells: a domain, or an account at a host.

    >>> publisher("https://docs.example.org/ports"), publisher("https://github.com/acme/x/blob/y")
    ('example.org', 'github.com/acme')
    """
    parts = urlsplit(url)
    host = parts.netloc.lower().rpartition("@")[2].partition(":")[0]
    if host in _ACCOUNTS:
        name = f"{host}/{parts.path.strip('/').partition('/')[0].lower()}"
    else:
        labels = host.split(".")
        name = ".".join(labels[-3:] if host.endswith(_NAMES) else labels[-2:])
    return _SAME.get(name, name)


def check_further(value: object) -> Iterator[str]:
    """What is wrong with the further sources of a use."""
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        yield 'is not a list of { source = "…", read = "…" }'
        return
    for each in value:
        for name in sorted(each.keys() - {"source", "read", "ports"}):
            yield f"has {name}, which is not a field of a source"
        yield from check_url(each.get("source"))
        yield from check_read(each.get("read"))
        if "ports" in each:
            yield from check_ports(each["ports"])


def check_independent(entry: Entry) -> Iterator[str]:
    """Further sources that show nothing new: by the same publisher, or of another port."""
    publishers = [publisher(entry["source"])]
    for each in entry.get("further", ()):
        name = publisher(each["source"])
        if name in publishers:
            yield f"further {each['source']} is by {name}, as another source is"
        publishers.append(name)
        for port in each.get("ports", ()):
            if port not in entry["ports"]:
                yield f"further {each['source']} has {port}, which is not among the ports"


def further_sources(entry: Entry, span: PortSpan) -> list[str]:
    """The URLs of the further sources that show the use of *span*."""
    shown = [
        each for each in entry.get("further", ()) if str(span) in each.get("ports", [str(span)])
    ]
    return [each["source"] for each in shown]


def shown_by(entry: Entry, span: PortSpan) -> int:
    """How many independent sources show the use of *span*: its weight, but without a limit."""
    publishers = {publisher(url) for url in (entry["source"], *further_sources(entry, span))}
    others = len(publishers - _COLLECTIONS)
    collections = len(publishers) - others
    return max(others + min(1, collections), min(2, collections))
