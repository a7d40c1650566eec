"""What a page has to know of the site that it is part of."""

from __future__ import annotations

from typing import NamedTuple


class Site(NamedTuple):
    """The site a page is written for; the same page differs only in these.

    ``as_of`` is the day that the registry describes; it stands at the foot of every page.
    ``base`` stands before every link of the site's own (empty on a server). ``local`` says that
    this machine's panel is there: every page then loads ``/static/here.js``, which keeps the
    token and opens the event stream. ``public`` is the opposite: other people read it.
    ``feedback`` says whether the form is there, ``export`` that the page is a file.
    ``static_version`` changes with the static files and stands in their links, so that they can
    be kept for good. ``only`` names the ports, as (first, last) in order, that an export has pages
    of, and is empty where it has all. ``address`` is where the site is for other people
    (``https://ports.example``), without a slash at its end; it is empty where nobody said.
    ``token`` says that this machine is shown to those alone who have the server's token.
    """

    as_of: str
    base: str = ""
    local: bool = False
    public: bool = False
    feedback: bool = False
    static_version: str = ""
    export: bool = False
    only: tuple[tuple[int, int], ...] = ()
    address: str = ""
    token: bool = False

    @property
    def ports(self) -> str:
        """The ports of ``only``, for people and scripts: ``300–310, 443``."""
        return ", ".join(
            str(first) if first == last else f"{first}–{last}" for first, last in self.only
        )
