"""Pages to browse: all System Ports, services and products from A to Z, a sheet, topics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from portbook.app.topics import Topic
from portbook.catalog.registry.summary import shelf
from portbook.model import RANGES, State
from portbook.present.brief import compose_brief
from portbook.present.owners import Viewer
from portbook.present.port.head import head_of
from portbook.present.topics import PAGES
from portbook.present.views.glossary import TERMS
from portbook.present.words import FAMILIES, family_title, few, listed
from portbook.web.pages import tasks
from portbook.web.pages.links import Links
from portbook.web.pages.templating import page

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from portbook.app.port_lookup import PortAnswer
    from portbook.catalog import Catalog
    from portbook.model import KnownService, Use
    from portbook.web.site_config import Site

LETTERS = "0abcdefghijklmnopqrstuvwxyz"  # 0 for what begins with no letter
_MOST_SPANS = 8  # of one name


class Row(NamedTuple):
    """A line of a list: ports, a name that may be a service's, and what it is."""

    spans: tuple[tuple[int, int], ...]
    name: str
    said: str = ""
    service: bool = False
    more: int = 0


class Group(NamedTuple):
    """Lines under a heading."""

    title: str
    rows: tuple[Row, ...]
    id: str = ""


def letter_of(name: str) -> str:
    """The letter under which *name* stands.

    >>> letter_of("SSH"), letter_of("3com-tsmux"), letter_of("Éclair")
    ('s', '0', '0')
    """
    first = name[:1].lower()
    return first if first in LETTERS else "0"


# -- ports ------------------------------------------------------------------------------------


def ports(catalog: Catalog, site: Site) -> str:
    """All System Ports on one page, each that is assigned with its names, and the gaps."""
    system = RANGES[0]
    rows = catalog.derived(_system_rows)
    stand = shelf(catalog.registry)
    counts = stand.by_range[system.name]
    parts = [f"{count} {state}" for state, count in counts.items() if count]
    hundreds: dict[int, list[Row]] = {}
    for row in rows:
        hundreds.setdefault(row.spans[0][0] // 100, []).append(row)
    groups = [
        Group(f"{100 * at}–{min(100 * at + 99, system.last)}", tuple(some), f"from-{100 * at}")
        for at, some in hundreds.items()
    ]
    return page(
        "listing.html", Links(site), "System Ports, 0–1023",
        said=f"{listed(parts)}. Names are IANA's.",
        about="Every System Port, 0–1023, with its service, and the gaps between them.",
        groups=groups, place="ports", current="ports", path="ports",
        jumps=[(f"#{group.id}", group.title.partition("–")[0]) for group in groups],
    )  # fmt: skip


def _system_rows(catalog: Catalog) -> tuple[Row, ...]:
    book = catalog.registry
    rows = []
    for block in book.blocks(None, RANGES[0].name):
        if block.state is not State.ASSIGNED:
            rows.append(Row(((block.first, block.last),), str(block.state)))
            continue
        for port in range(block.first, block.last + 1):
            near = book.neighbour(port)
            name = near.service_names[0] if near.service_names else "no name"
            also = f" (also {few(near.service_names[1:])})" if len(near.service_names) > 1 else ""
            said = f"{near.description or ''}{also}".strip()
            rows.append(Row(((port, port),), name, said, bool(near.service_names)))
    return tuple(sorted(rows))


# -- services and products from A to Z ---------------------------------------------------------


def services(catalog: Catalog, site: Site, letter: str | None = None) -> str:
    """The services whose names begin with *letter*; without one the well-known ones."""
    to = Links(site)
    by_letter = catalog.derived(_services)
    counted = sum(map(len, by_letter.values()))
    if letter is None:
        met = [
            Row(((one.first, one.last),), one.name, one.gist)
            for one in catalog.derived(_known_services)
        ]
        groups = [Group("The ones that people meet", tuple(met))]
        title, said = "Services", f"{counted:,} names are registered. By their first letter:"
        name = "Service names and their ports, A–Z"
        about = f"{counted:,} registered service names and their ports, from A to Z; first those "
        about += "that people meet: SSH, HTTPS, DNS, SMTP."
    else:
        rows = by_letter.get(letter, ())
        groups = [Group("", rows)]
        title = f"Services: {_shown(letter)}"
        said = f"{len(rows):,} of {counted:,} registered names."
        name = f"Service names with {_shown(letter)} and their ports"
        about = f"{said} {_ends(rows)}"
    return _of_letter(
        "services", letter, to, title, said=said, groups=groups, name=name, about=about
    )


def _of_letter(kind: str, letter: str | None, to: Links, title: str, **more: Any) -> str:
    """The page of the *kind* that begins with *letter*, or of all, with links to each letter's."""
    jumps = [(to.page(f"{kind}-{each}"), _shown(each)) for each in LETTERS]
    path = f"{kind}-{letter}" if letter else kind
    return page("listing.html", to, title, place="", current=kind, path=path, jumps=jumps, **more)


def _ends(rows: Sequence[Row]) -> str:
    """From what name to which a list goes; nothing of an empty one."""
    return f"From {rows[0].name} to {rows[-1].name}, with their ports." if rows else ""


def _known_services(catalog: Catalog) -> tuple[KnownService, ...]:
    """Each service that is told of, once, by name."""
    known = {one.name: one for one in reversed([*catalog.practice.services()])}
    return tuple(sorted(known.values(), key=lambda one: one.name.casefold()))


def _shown(letter: str) -> str:
    return "0–9" if letter == "0" else letter.upper()


def _services(catalog: Catalog) -> dict[str, tuple[Row, ...]]:
    spans: dict[str, dict[tuple[int, int], None]] = {}
    said: dict[str, tuple[str, str]] = {}
    for row in catalog.registry.store.all():
        if row.state is not State.ASSIGNED or not row.service_name:
            continue
        key = row.service_name.lower()
        said.setdefault(key, (row.service_name, row.title or ""))
        ports = spans.setdefault(key, {})
        if row.first is not None and row.last is not None:
            ports[row.first, row.last] = None
    return _by_letter(
        Row(
            spans=tuple(spans[key])[:_MOST_SPANS],
            name=name,
            said=title,
            service=True,
            more=_left_out(spans[key]),
        )
        for key, (name, title) in sorted(said.items())
    )


def _left_out(spans: Collection[object]) -> int:
    return max(0, len(spans) - _MOST_SPANS)


def products(catalog: Catalog, site: Site, letter: str | None = None) -> str:
    """The products whose names begin with *letter*; without one those that most people meet."""
    to = Links(site)
    by_letter = catalog.derived(_products)
    counted = sum(map(len, by_letter.values()))
    if letter is None:
        groups = catalog.derived(_well_known)
        title, said = "Products", f"{counted:,} products and the ports they use. By first letter:"
        name = "Products and the ports they use, A–Z"
        about = f"{counted:,} products and the ports they use by default, from A to Z: web "
        about += "servers, databases, games and more, each with its source."
    else:
        rows = by_letter.get(letter, ())
        groups = [Group("", rows)]
        title = f"Products: {_shown(letter)}"
        said = f"{len(rows):,} of {counted:,} products."
        name = f"Products with {_shown(letter)} and the ports they use"
        about = f"{said} {_ends(rows)}"
    return _of_letter(
        "products", letter, to, title, said=said, groups=groups, name=name, about=about
    )


def _products(catalog: Catalog) -> dict[str, tuple[Row, ...]]:
    uses: dict[str, list[Use]] = {}
    for use in catalog.practice.uses():
        uses.setdefault(use.product, []).append(use)
    return _by_letter(
        _product_row(product, uses[product]) for product in sorted(uses, key=str.casefold)
    )


def _product_row(product: str, uses: Sequence[Use]) -> Row:
    spans = list(dict.fromkeys((use.first, use.last) for use in uses))
    said = listed(dict.fromkeys(use.summary.rstrip(".") for use in uses[:3]))
    return Row(tuple(spans[:_MOST_SPANS]), product, said, more=_left_out(spans))


def _by_letter(rows: Iterable[Row]) -> dict[str, tuple[Row, ...]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(letter_of(row.name), []).append(row)
    return {letter: tuple(some) for letter, some in found.items()}


def _well_known(catalog: Catalog) -> list[Group]:
    """The products with the greatest weight, by family."""
    uses: dict[str, dict[str, list[Use]]] = {}
    for use in catalog.practice.uses():
        if use.weight == 3:
            family = uses.setdefault(use.family or "", {})
            family.setdefault(use.product, []).append(use)
    return [
        Group(family_title(name), tuple(_product_row(*one) for one in sorted(uses[name].items())))
        for name in FAMILIES
        if name in uses
    ]


# -- the sheet --------------------------------------------------------------------------------


def common(catalog: Catalog, site: Site) -> str:
    """The ports that people meet, by task, to print."""
    groups = catalog.derived(_sheet)
    return page(
        "listing.html", Links(site), f"{tasks.MOST_COMMON} common ports by task",
        said="What people meet in practice, to print on two sheets.",
        about=f"{tasks.MOST_COMMON} ports that people meet, by task: web, databases, mail, remote "
        "access, files, Windows and more, each with its service in a few words. To print.",
        groups=groups, place="common", jumps=[], path="common",
    )  # fmt: skip


def _sheet(catalog: Catalog) -> list[Group]:
    return [
        Group(
            family_title(task),
            tuple([Row(((one.port, one.port),), one.name, one.said) for one in some]),
        )
        for task, some in tasks.sheet(catalog)
    ]


# -- several ports side by side ---------------------------------------------------------------


# Marks of a port's head, their rows, and what stands there for a port without one.
_MARKS = (("Security", "Security", "not recorded"), ("Reported", "Reported abuse", "none known"))


def compare(answers: Sequence[PortAnswer], site: Site) -> str:
    """The short answers on a few ports, beside each other."""
    columns = []
    for answer in answers:
        brief = compose_brief(answer._replace(host=None, findings=()), Viewer())
        columns.append((answer.port, head_of(answer, brief)))
    marks = [dict(head.marks) for _, head in columns]
    rows = [  # that no port has is left out
        (label, [each.get(mark) or without for each in marks])
        for mark, label, without in _MARKS
        if any(mark in each for each in marks)
    ]
    title = f"{listed([str(answer.port) for answer in answers])} compared" if answers else "Compare"
    about = "The short answers on two to six ports, beside each other."
    if columns:
        about = " ".join([f"{port}: {head.answer}." for port, head in columns])
    path = None if answers else "compare"
    name = "" if answers else "Compare ports"
    return page(
        "compare.html", Links(site), title, name=name, columns=columns, rows=rows, path=path,
        about=about,
    )  # fmt: skip


# -- topics -----------------------------------------------------------------------------------

# What a search for a topic is titled by: what it is called, and what its answer comes to.
_TITLES = {
    Topic.REFUSED: ("Connection refused", "nothing listens there"),
    Topic.LOCALHOST: ("localhost", "two addresses, 127.0.0.1 and [::1]"),
    Topic.EPHEMERAL: ("Ephemeral ports", "what the system gives a client"),
    Topic.EXCLUDED: ("Excluded port ranges of Windows", "error 10013"),
    Topic.REGISTER: ("Registering a port", "IANA's form and rules"),
    Topic.TIME_WAIT: ("TIME_WAIT", "why it is normal, and how it ends"),
    Topic.IN_USE: ("Address already in use", "what holds the port"),
    Topic.PRIVILEGED: ("Privileged ports", "who may bind below 1024"),
    Topic.UNAVAILABLE: ("Cannot assign requested address", "wrong address"),
    Topic.TIMEOUT: ("Timed out", "most often a firewall"),
    Topic.UNREACHABLE: ("No route to host", "no port was tried"),
    Topic.BROWSER: ("Ports that browsers refuse", "ERR_UNSAFE_PORT"),
    Topic.DROPPED: ("Dropped by a firewall", "how to read its log"),
    Topic.CHOOSE: ("Choosing a port", "free, unassigned, not ephemeral"),
    Topic.STOP: ("Stopping what holds a port", "find it first"),
    Topic.LISTEN: ("Which ports are open", "on your own machine"),
    Topic.CLIENT: ("A client's own port", "it isn't open here"),
}


def _entries(without: Topic | None = None) -> list[tuple[str, str, str]]:
    """The topics by name and title, each with its answer, which doesn't say the title again."""
    return [
        (each.value, title, _after(title, PAGES[each].title))
        for each, (title, _) in _TITLES.items()
        if each is not without
    ]


def _after(title: str, said: str) -> str:
    """*said* as it goes on after *title*.

    >>> _after("TIME_WAIT", "TIME_WAIT is normal."), _after("Timed out", "Timed out: a firewall.")
    ('is normal.', 'A firewall.')
    """
    rest = said.removeprefix(title)
    if rest.startswith(": "):
        return rest[2:3].upper() + rest[3:]
    return rest.strip()


def topics(site: Site, name: str | None = None) -> str:
    """What people ask, or one of the topics; KeyError if there is no such topic."""
    to = Links(site)
    if name is None:
        about = "What people ask about ports that no number answers: refused, in use, timed out, "
        about += "TIME_WAIT, ephemeral ports; and what the words mean."
        return page(
            "topics.html", to, "Topics", name="Port problems: refused, in use, timed out",
            entries=_entries(), terms=TERMS, topic=None, path="topics", about=about,
        )  # fmt: skip
    topic = next((each for each in Topic if each.value == name), None)
    if topic is None:
        raise KeyError(name)
    title, answer = _TITLES[topic]
    said_on = not PAGES[topic].title.startswith(f"{title}: ")
    return page(
        "topics.html", to, title, name=f"{title}: {answer}", topic=PAGES[topic],
        answer=PAGES[topic].title if said_on else _after(title, PAGES[topic].title),
        about=PAGES[topic].title, path=f"topics/{topic}", trail=(("Topics", "topics"),),
        entries=_entries(topic), terms=(),
    )  # fmt: skip


def paths() -> Iterator[str]:
    """The pages to browse that a site has, by their paths."""
    yield from ("ports", "services", "products", "common", "topics")
    for letter in LETTERS:
        yield from (f"services-{letter}", f"products-{letter}")
    yield from (f"topics/{topic}" for topic in Topic)


def render(path: str, catalog: Catalog, site: Site) -> str:
    """The page at *path*, one of :func:`paths`; KeyError for any other."""
    kind, dash, letter = path.partition("-")
    if kind in ("services", "products") and (not dash or letter in (*LETTERS,)):
        write = services if kind == "services" else products
        return write(catalog, site, letter or None)
    if path.startswith("topics/"):
        return topics(site, path.removeprefix("topics/"))
    if path == "topics":
        return topics(site)
    return {"ports": ports, "common": common}[path](catalog, site)
