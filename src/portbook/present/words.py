"""The small parts of answers: lists, ranks, references, the next step."""

from __future__ import annotations

from portbook._fast_types import NamedTuple, lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portbook.model import KnownService, Reach, Socket


class NextStep(NamedTuple):
    """What to do next: a few words, and a command that can be run as it stands.

    ``shown`` is how a line of text has it, where that isn't both. One that is ``kept`` is referred
    to by another line, and stays where there isn't room for all.
    """

    label: str
    command: str
    shown: str | None = None
    kept: bool = False

    @property
    def text(self) -> str:
        """The step in a line of text."""
        return self.shown or f"{self.label}: {self.command}"


def use_port(port: int, label: str = "Or use") -> NextStep:
    """The step to another port, which is free: a choice, and a command that looks at it.

    >>> use_port(3001).text, use_port(3001).command
    ('Or use: 3001 (free)', 'portbook 3001')
    """
    return NextStep(f"{label} {port} (free)", f"portbook {port}", f"{label}: {port} (free)")


SHORTEST = 12  # columns: what is cut to less says nothing
_AS_REGISTERED = "as registered: "


def listed(words: Iterable[str]) -> str:
    """*words* as a list in a sentence.

    >>> listed(["tcp"]), listed(["tcp", "udp"]), listed(["tcp", "udp", "sctp"])
    ('tcp', 'tcp and udp', 'tcp, udp and sctp')
    """
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def fitted(names: Sequence[str], columns: int, others: int = 0, *, cut: bool = False) -> str:
    """As many of *names* as fit into *columns*, and how many more there are, with *others*.

    One name stays, too long or not; with *cut* it is cut rather than the number behind it.

    >>> fitted(["Next.js", "Rails", "Express"], 20), fitted(["Redis"], 20)
    ('Next.js and 2 more', 'Redis')
    >>> fitted(["Google Cast (state and setup)", "Gitiles"], 36, cut=True)
    'Google Cast (state and s… and 1 more'
    """
    for many in range(min(len(names), max(1, columns // 2 + 1)), 0, -1):  # ", " is two each
        left = len(names) - many + others
        line = listed(names[:many]) if not left else f"{', '.join(names[:many])} and {left:,} more"
        if len(line) <= columns:
            return line
        if many == 1:
            over = len(line) - columns + 1
            whole = not cut or not left or len(names[0]) - over < SHORTEST
            return line if whole else f"{names[0][:-over].rstrip()}…{line[len(names[0]) :]}"
    return ""


def as_registered(registered: Sequence[str], rest: Sequence[str], columns: int) -> str:
    """Who uses ports for what they are registered for, and who does otherwise, in *columns*.

    >>> as_registered(["nginx", "Caddy", "Traefik"], ["sslh", "Jitsi Meet"], 53)
    'as registered: nginx, Caddy and 1 more; also 2 others'
    >>> as_registered(["IBM Rational licence server", "FlexNet"], ["Avorion", "Omada"], 53)
    'as registered: FlexNet and 1 more; also 2 others'
    """
    line = _AS_REGISTERED + fitted(registered, columns - len(_AS_REGISTERED))
    room = columns - len(line) - len("; also ")
    also = fitted(rest, room) if rest else ""
    if also and len(also) <= room:
        return f"{line}; also {also}"
    if not rest:
        return line
    more = f"; also {len(rest):,} other{'s' if len(rest) > 1 else ''}"
    return f"{_AS_REGISTERED}{_led(registered, columns - len(_AS_REGISTERED) - len(more))}{more}"


def _led(names: Sequence[str], columns: int) -> str:
    """*names* in *columns*, led by the first of them that leaves room for how many others are."""
    for at, name in enumerate(names):
        line = fitted([name, *names[:at], *names[at + 1 :]], columns)
        if len(line) <= columns:
            return line
    return fitted(names, columns, cut=True)


def few(words: Sequence[str], most: int = 3, beside: int = 0) -> str:
    """*words* in a list, or the first *most* of them and how many others there are, with those
    *beside*, which aren't named.

    >>> few(["a", "b"]), few(["a", "b", "c", "d", "e"]), few(["a"], beside=1)
    ('a and b', 'a, b, c and 2 others', 'a and 1 other')
    """
    more = max(0, len(words) - most) + beside
    if not more:
        return listed(words)
    return f"{', '.join(words[:most])} and {more} other{'s' if more > 1 else ''}"


def with_references(text: str, references: tuple[str, ...]) -> str:
    """*text* with what the registry cites for it.

    >>> with_references("HTTP", ("RFC9110",))
    'HTTP [RFC 9110]'
    """
    if not references:
        return text
    return f"{text} [{', '.join(map(document, references))}]"


def document(reference: str) -> str:
    """A reference as one writes it.

    >>> document("RFC9110"), document("note 1")
    ('RFC 9110', 'note 1')
    """
    number = reference[3:]
    return f"RFC {number}" if reference.startswith("RFC") and number.isdigit() else reference


_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


@lru_cache(maxsize=512)  # the days of a few sources stand on all pages
def day(moment: str) -> str:
    """An ISO 8601 year, month, day or moment in UTC as people write it; other text as it is.

    >>> day("2026-09-12"), day("2018-07"), day("2015"), day("2026-11-27T01:45:39Z")
    ('12 September 2026', 'July 2018', '2015', '27 November 2026, 01:45 UTC')
    """
    date, _, time = moment.partition("T")
    year, *parts = date.split("-")
    if len(parts) > 2 or not (date.isascii() and all(map(str.isdigit, [year, *parts]))):
        return moment
    if parts and not 1 <= int(parts[0]) <= len(_MONTHS):
        return moment
    shown = [str(int(parts[1]))] if len(parts) == 2 else []
    shown += [_MONTHS[int(parts[0]) - 1]] if parts else []
    return " ".join([*shown, year]) + (f", {time[:5]} UTC" if time else "")


def named(service: KnownService) -> str:
    """A service by its name and what it is; the longer alone where it holds the other in whole."""
    gist, name = service.gist, service.name
    if gist.lower() in name.lower():
        return name
    if " " in name and f" {name} ".lower() in f" {gist} ".lower():
        return gist[:1].upper() + gist[1:]
    return f"{name}, {gist}"


def month(moment: str) -> str:
    """The month of an ISO 8601 day, in words.

    >>> month("2015-07-30"), month("2018-07")
    ('July 2015', 'July 2018')
    """
    return day(moment[:7])


def cut(text: str, columns: int) -> str:
    """*text*, or as many of its words as stand in *columns*, with no bracket left open.

    >>> cut("The Secure Shell (SSH) Protocol", 21), cut("in the gap 301–307", 14)
    ('The Secure Shell…', 'in the gap…')
    """
    if len(text) <= columns:
        return text
    short = text[: columns - 1]
    words = short if text[len(short)] == " " else short.rpartition(" ")[0]
    while words.count("(") > words.count(")"):
        words = words.rpartition("(")[0]
    words = words.rstrip(" ,;:")
    return f"{words if 2 * len(words) >= columns else short.rstrip()}…"


def beside(name: str, *facts: str) -> str:
    """*name* with *facts* in brackets, within its own where it ends in some.

    >>> beside("XWorm", "August 2026"), beside("Heartbleed (CVE-2014-0160)", "April 2014")
    ('XWorm (August 2026)', 'Heartbleed (CVE-2014-0160, April 2014)')
    """
    if name.endswith(")") and "(" in name:
        return f"{name[:-1]}, {', '.join(facts)})"
    return f"{name} ({', '.join(facts)})"


def when(period: str) -> str:
    """A report's period as a part of a sentence.

    >>> when("2003-01"), when("2003-01-25"), when("2003/2004"), when("../2005-01")
    ('in January 2003', 'on 25 January 2003', 'from 2003 to 2004', 'in a list of January 2005')
    """
    since, _, until = period.partition("/")
    if since == "..":
        return f"in a list of {day(until)}"
    if until:
        return f"from {day(since)} to {day(until)}"
    return f"{'on' if len(since) == 10 else 'in'} {day(since)}"


def plural(count: int, noun: str, several: str | None = None) -> str:
    """*count* and *noun*, which takes an s or is *several* where there isn't one of it.

    >>> plural(1, "port"), plural(1200, "port"), plural(2, "entry", "entries")
    ('1 port', '1,200 ports', '2 entries')
    """
    return f"{count:,} {noun if count == 1 else several or f'{noun}s'}"


def period(moments: str) -> str:
    """A report's period, as it stands in brackets.

    Of what a list has without a date, the list's own is known.

    >>> period("2003-01"), period("2003/2004"), period("../2005-01")
    ('January 2003', '2003 to 2004', 'listed January 2005')
    """
    since, _, until = moments.partition("/")
    if since == "..":
        return f"listed {day(until)}"
    return f"{day(since)} to {day(until)}" if until else day(since)


def span(first: int, last: int) -> str:
    """The ports from *first* to *last*.

    >>> span(22, 22), span(6000, 6063)
    ('22', '6000–6063')
    """
    return str(first) if first == last else f"{first}–{last}"


def reach_by_address(sockets: Iterable[Socket]) -> str | None:
    """From where *sockets* can be reached, as far as their addresses say; None without any."""
    from portbook.model import Reach

    unless = "unless a firewall blocks it (not checked)"
    only = {Reach.LOOPBACK: "from this machine only", Reach.LINK: "from its own network link only"}
    reaches: dict[Reach | None, list[str]] = {}
    for socket in sockets:
        reaches.setdefault(socket.reach, []).append(socket.interface or socket.address)
    if len(reaches) < 2:
        for reach in reaches:
            if reach in only:
                return only[reach]
        if not reaches:
            return None
    if Reach.EVERYWHERE in reaches:
        return f"from other machines, {unless}"
    reaches.pop(Reach.LOOPBACK, None)
    addresses = list(dict.fromkeys([each for some in reaches.values() for each in some]))
    return f"through {few(addresses, 2)}, {unless}"


def bound_to(sockets: Iterable[Socket]) -> str:
    """The addresses of *sockets*, as one says them: "every interface (IPv4)" for 0.0.0.0.

    Every sentence about who has a port names the place so; tables have the addresses themselves.
    """
    from portbook.model import Family, bracketed

    sockets = list(sockets)
    addresses = list(dict.fromkeys(socket.address for socket in sockets))
    inside = next((each.namespace for each in sockets if each.namespace), None)
    suffix = f" {in_namespace(inside)}" if inside else ""
    if any(socket.wildcard for socket in sockets):
        both = {"0.0.0.0", "::"}.issubset(addresses) or any(
            socket.address == "::" and socket.v6only is False for socket in sockets
        )
        families = {socket.family for socket in sockets if socket.wildcard}
        if both:
            return f"every interface{suffix}"
        alone = any(socket.v6only for socket in sockets)
        # Where the option IPV6_V6ONLY isn't known, neither is whether IPv4 is taken.
        only = "IPv4" if families == {Family.IPV4} else "IPv6 only" if alone else "[::]"
        return f"every interface ({only}){suffix}"
    shown = [bracketed(address) for address in addresses]
    interface = next((each.interface for each in sockets if each.interface), None)
    on = f" ({interface})" if interface else ""
    more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
    return f"{listed(shown[:3]) if not more else ', '.join(shown[:3])}{more}{on}{suffix}"


_SYSTEMS = ("Linux", "macOS", "Windows")


def in_namespace(name: str) -> str:
    """Where a socket is that isn't in portbook's own network namespace.

    >>> in_namespace("blue"), in_namespace("pid 35 (web)")
    ('in the network namespace blue', 'in the network namespace of pid 35 (web)')
    """
    return f"in the network namespace {'of ' if name.startswith('pid ') else ''}{name}"


def systems_in_order(names: Iterable[str]) -> list[str]:
    """Operating systems, each once, in the order in which people meet them.

    >>> systems_in_order(["FreeBSD", "Windows", "Linux", "FreeBSD"])
    ['Linux', 'Windows', 'FreeBSD']
    """
    once = dict.fromkeys(names)
    first = [name for name in _SYSTEMS if name in once]
    return first + sorted(name for name in once if name not in _SYSTEMS)


def assignee(printed: str) -> str:
    """An assignee as people write the name; the registry prints keys in brackets.

    >>> assignee("[Kurt_Haubner]"), assignee("[IESG][IETF_Chair]"), assignee("Example Inc.")
    ('Kurt Haubner', 'IESG, IETF Chair', 'Example Inc.')
    """
    if not (printed.startswith("[") and printed.endswith("]")):
        return printed
    return ", ".join(printed[1:-1].replace("_", " ").split("]["))


# What the families of uses are called, in the order in which people look for them.
FAMILIES = {
    "web": "Web and development servers",
    "databases": "Databases",
    "queues": "Queues and streams",
    "chat-mail-voice": "Mail, chat and voice",
    "remote-access": "Remote access",
    "files-backup-storage": "Files, backup and storage",
    "containers": "Containers and clusters",
    "monitoring": "Monitoring",
    "machine-learning": "Machine learning",
    "debuggers-builds": "Debuggers and builds",
    "security": "Security",
    "vpn": "VPN",
    "printing-media-home": "Printing, media and home",
    "automation": "Automation",
    "industrial": "Industrial control",
    "apple-windows": "Apple and Windows",
    "system": "System services",
    "games": "Games",
    "cryptocurrency": "Cryptocurrency",
}


def family_title(family: str | None) -> str:
    """What the *family* of a use is called.

    >>> family_title("vpn"), family_title(None)
    ('VPN', 'Other')
    """
    return FAMILIES.get(family or "", "Other")


def names_others(text: str, port: int) -> bool:
    """Whether *text*, a note of the registry's, names ports, and not *port* among them.

    >>> names_others("Known Unauthorized Use on port 6003", 6000)
    True
    >>> names_others("Unauthorized Use Known on ports 2194-2196", 2195)
    False
    """
    # Without "re": the brief of a plain port with such a note loads no more than another's.
    words = [word.strip(",.;:()") for word in text.casefold().split()] + ["", "", ""]
    named: list[tuple[int, int]] = []
    for at, word in enumerate(words[:-3]):
        if word in ("port", "ports"):
            spans = [words[at + 1]] + [words[at + 3]] * (words[at + 2] == "and")
            for first, dash, last in (span.partition("-") for span in spans):
                if first.isdecimal() and (last.isdecimal() or not dash):
                    named.append((int(first), int(last or first)))
    return bool(named) and not any(first <= port <= last for first, last in named)
