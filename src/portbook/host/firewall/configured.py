"""What the files of UFW and firewalld say of a port, where the rules in force may not be read.

Files say what somebody wanted: whether it was loaded, they don't know.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.model import Transport


class Configured(NamedTuple):
    """What the files of ``tool`` say: whether it starts at boot, and what of the port.

    ``rules`` are those that name it, in the tool's own words; None where they may not be read.
    ``otherwise`` is what it does with everything else that comes in, None where no file tells.
    """

    tool: str
    enabled: bool | None
    rules: tuple[str, ...] | None
    otherwise: str | None
    source: str


def read_configured(port: int, transport: Transport, root: str = "") -> tuple[Configured, ...]:
    """What the files of UFW and firewalld below *root* say; nothing where neither is there."""
    tools = (_ufw(port, transport, root), _firewalld(port, transport, root))
    return tuple([each for each in tools if each is not None])


def _ufw(port: int, transport: Transport, root: str) -> Configured | None:
    source = f"{root}/etc/ufw/ufw.conf"  # ufw(8)
    settings = _settings(source)
    if settings is None:
        return None
    defaults = _settings(f"{root}/etc/default/ufw") or {}
    rules: list[str] | None = None
    for name in ("user.rules", "user6.rules"):
        lines = _lines(f"{root}/etc/ufw/{name}")
        if lines is not None:
            rules = rules or []
            rules += [line for line in lines if _names(line, port, transport)]
    return Configured(
        "ufw",
        settings.get("ENABLED", "").lower() == "yes",
        None if rules is None else tuple([rule.removeprefix(_TUPLE) for rule in rules]),
        defaults.get("DEFAULT_INPUT_POLICY", "").lower() or None,
        source,
    )


_TUPLE = "### tuple ### "


def _names(line: str, port: int, transport: Transport) -> bool:
    """Whether a line of user.rules is UFW's own note of a rule for *port*.

    >>> from portbook.model import Transport
    >>> _names("### tuple ### allow tcp 8000:8099 0.0.0.0/0 any 0.0.0.0/0 in", 8080, Transport.TCP)
    True
    """
    words = line.removeprefix(_TUPLE).split()
    if not line.startswith(_TUPLE) or len(words) < 3 or words[1] not in ("any", transport):
        return False
    return words[2] == "any" or any(_has(span, port) for span in words[2].split(","))


def _has(span: str, port: int) -> bool:
    first, _, last = span.replace("-", ":").partition(":")
    last = last or first
    return first.isdigit() and last.isdigit() and int(first) <= port <= int(last)


def _firewalld(port: int, transport: Transport, root: str) -> Configured | None:
    source = f"{root}/etc/firewalld/firewalld.conf"  # firewalld.conf(5), firewalld.zone(5)
    settings = _settings(source)
    if settings is None:
        return None
    zone = settings.get("DefaultZone", "public")
    rules: tuple[str, ...] | None = None
    otherwise = None
    for folder in ("etc/firewalld/zones", "usr/lib/firewalld/zones"):
        lines = _lines(f"{root}/{folder}/{zone}.xml")
        if lines is not None and zone.replace("-", "").isalnum():
            text = "".join(lines)
            otherwise = "accept" if 'target="ACCEPT"' in text else "reject"
            rules = tuple([row for row in _ports(text) if _opens(row, port, transport)])
            break
    return Configured("firewalld", None, rules, otherwise, source)


def _ports(text: str) -> list[str]:
    """The ``<port …/>`` elements of a zone, as they stand there."""
    pieces = text.split("<port ")[1:]
    return [f"<port {piece.partition('>')[0].rstrip('/ ')}/>" for piece in pieces]


def _opens(row: str, port: int, transport: Transport) -> bool:
    span = row.partition('port="')[2].partition('"')[0]
    return _has(span, port) and f'protocol="{transport}"' in row


def _settings(path: str) -> dict[str, str] | None:
    """The settings ``NAME=value`` of a file; None where it isn't there or may not be read."""
    lines = _lines(path)
    if lines is None:
        return None
    pairs = [line.partition("=") for line in lines if not line.startswith("#") and "=" in line]
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def _lines(path: str) -> list[str] | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(1 << 20).splitlines()
    except OSError:
        return None
