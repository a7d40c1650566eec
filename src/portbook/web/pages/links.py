"""Where the pages of a site are: addresses on a server, names of files in an export.

>>> from portbook.web.site_config import Site
>>> on_server = Links(Site("2026-11-14"))
>>> on_server.port(305), on_server.service("whois++")
('/305', '/services/whois%2B%2B')
>>> from_below = Links(Site("2026-11-14", base="../", export=True))
>>> from_below.port(305), from_below.page("map"), from_below.service("914c/g")
('../305.html', '../map.html', '../services/914c~2fg.html')
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from portbook.web.site_config import Site

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.+")


def file_name(service_name: str) -> str:
    """The name of a service as part of a file's name, the same for every case of its letters.

    What not every file system takes is written as ``~`` and its bytes in hexadecimal.

    >>> file_name("HTTP"), file_name("a*b")
    ('http', 'a~2ab')
    """
    lower = service_name.lower()
    return "".join(
        char
        if char in _PLAIN
        else "".join(f"~{byte:02x}" for byte in char.encode(errors="replace"))
        for char in lower
    )


class Links(NamedTuple):
    """The addresses that a page of *site* leads to; an export has relative ones."""

    site: Site

    @property
    def root(self) -> str:
        """What every address of the site's own begins with."""
        return self.site.base if self.site.export else f"{self.site.base}/"

    @property
    def suffix(self) -> str:
        """What every page's address ends with."""
        return ".html" if self.site.export else ""

    def port(self, port: int) -> str:
        """The page of *port*."""
        return f"{self.root}{port}{self.suffix}"

    def service(self, name: str) -> str:
        """The page of the service called *name*."""
        if self.site.export:
            return f"{self.root}services/{quote(file_name(name), safe='~+')}.html"
        return f"{self.root}services/{quote(name, safe='', errors='replace')}"

    def page(self, path: str) -> str:
        """A page by its path, as ``ranges/system``; the home page has none."""
        if not path:
            return f"{self.root}index.html" if self.site.export else self.root
        return f"{self.root}{path}{self.suffix}"

    def canonical(self, path: str) -> str:
        """The one address of a page by its path, whole where the site's is known.

        >>> from portbook.web.site_config import Site
        >>> Links(Site("2026-11-14", address="https://ports.example")).canonical("305")
        'https://ports.example/305'
        """
        if not self.site.address:
            return self.page(path)
        # The front page of an export has the address of its folder.
        return f"{self.site.address}/{path}{self.suffix if path else ''}"

    def picture(self, port: int | None = None, state: str = "") -> str:
        """The picture shared with a page: that of *port*, or in an export that of its *state*."""
        if port is not None and not self.site.export:
            return f"{self.site.address}/{port}.png"
        return f"{self.site.address}/static/card{f'-{state}' if state else ''}.png"

    def topic(self, name: str) -> str | None:
        """The page of the topic called *name*; a copy of some ports has none."""
        return None if self.site.only else self.page(f"topics/{name}")

    def rest(self, path: str) -> str | None:
        """The page that has a long list whole; an export has no folder for a port."""
        return self.page(path.replace("/", "-") if self.site.export else path)

    def file(self, path: str) -> str:
        """A file that is the same on a server and in an export: ``305.json``."""
        return f"{self.root}{path}"

    def static(self, name: str) -> str:
        """A static file, with the version that lets it be kept for good."""
        version = self.site.static_version
        return f"{self.root}static/{name}{f'?v={version}' if version else ''}"
