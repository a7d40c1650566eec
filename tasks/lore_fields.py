"""What a field of the lore's entries must be: each check yields what is wrong with a value."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from portbook.model import FIRST_PORT, LAST_PORT, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

LINE_LENGTH = 140
NAME_LENGTH = 60

# An executable that runs whatever it is given says nothing of what it serves.
INTERPRETERS = re.compile(
    r"(java|node|nodejs|deno|bun|mono|dotnet|beam\.smp|sh|bash|dash|zsh|busybox|"
    r"(python|perl|ruby|php|lua|luajit|tclsh|guile|pypy)[-0-9.]*)\Z"
)


class PortSpan(NamedTuple):
    """Ports as an entry writes them: ``22/tcp`` or ``6000-6063/tcp``."""

    first: int
    last: int
    transport: Transport

    @classmethod
    def parse(cls, text: str) -> PortSpan:
        """The span that *text* is. Raises ValueError with what is wrong with it."""
        match = re.fullmatch(r"(0|[1-9][0-9]*)(?:-([1-9][0-9]*))?/([a-z]+)", text)
        if match is None:
            raise ValueError(f"{text!r} is not of the form 22/tcp or 6000-6063/tcp")
        first = int(match[1])
        last = int(match[2] or first)
        if not FIRST_PORT <= first <= last <= LAST_PORT:
            raise ValueError(f"{text!r} is out of the range of ports, or runs backwards")
        if match[2] and first == last:
            raise ValueError(f"{text!r} is a range of one port")
        if match[3] not in tuple(Transport):
            raise ValueError(f"{text!r} has a transport that the registry does not know")
        return cls(first, last, Transport(match[3]))

    def __str__(self) -> str:
        ports = f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"
        return f"{ports}/{self.transport}"


# -- checks of one field: each yields what is wrong ---------------------------------------------


def check_line(value: object, limit: int = LINE_LENGTH) -> Iterator[str]:
    if not isinstance(value, str) or not value.strip():
        yield "is not text"
    elif value != " ".join(value.split()):
        yield "has stray white space"
    elif not value.isprintable():
        yield f"{value!a} has characters that don't print"
    elif len(value) > limit:
        yield f"has {len(value)} characters, {limit} are allowed"


def check_phrase(value: object) -> Iterator[str]:
    """A part of a sentence, which stands in one that ends elsewhere."""
    yield from check_line(value)
    if isinstance(value, str) and value.endswith("."):
        yield "is part of a sentence, and ends without a full stop"


def check_url(value: object) -> Iterator[str]:
    parts = urlsplit(value) if isinstance(value, str) else None
    if parts is None or parts.scheme not in ("http", "https") or "." not in parts.netloc:
        yield f"{value!r} is not an http(s) URL"
    elif not re.fullmatch(r"[!#-;=?-~]+", str(value)):
        yield f"{value!r} has characters that a URL must not have"


def check_read(value: object) -> Iterator[str]:
    try:
        if not isinstance(value, str) or date.fromisoformat(value).isoformat() != value:
            raise ValueError
    except ValueError:
        yield f"{value!r} is not a day, as 2026-11-21"
        return
    yield from _check_past(value)


def _check_past(value: str) -> Iterator[str]:
    # Nobody can have read or reported anything then. A day further east has begun.
    if value > (datetime.now(UTC).date() + timedelta(days=1)).isoformat():
        yield f"{value!r} is yet to come"


def check_words(value: object, form: str = r"[!-~]+") -> Iterator[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        yield "is not a list of text"
        return
    for item in value:
        if not re.fullmatch(form, item):
            yield f"{item!r} is not of the form expected"
    if len(set(value)) != len(value):
        yield "has the same value twice"


def check_ports(value: object) -> Iterator[str]:
    yield from check_words(value)
    if not isinstance(value, list):
        return
    spans = []
    for item in value:
        try:
            spans.append(PortSpan.parse(str(item)))
        except ValueError as error:
            yield str(error)
    if spans != sorted(spans):
        yield "is not sorted by port and transport"


def check_single_ports(value: object) -> Iterator[str]:
    yield from check_ports(value)
    for item in value if isinstance(value, list) else ():
        if "-" in str(item):
            yield f"{item!r} is a range: a program's default ports are listed one by one"


def check_executables(value: object) -> Iterator[str]:
    yield from check_words(value)
    if not isinstance(value, list):
        return
    for path in map(str, value):
        *folders, basename = path.split("/")
        if folders[:1] != [""] or len(folders) < 2 or {"", ".", ".."} & {*folders[1:], basename}:
            yield f"{path!r} is not an absolute path of a file"
        elif folders[1] in ("bin", "sbin", "lib", "lib64"):
            yield f"{path!r}: write it as it is under /usr; the lookup knows the older form"
        elif "*" in basename:
            yield f"{path!r} has a * in the file's name, by which it is looked up: list the names"
        elif INTERPRETERS.match(basename):
            yield f"{path!r} is an interpreter: it runs whatever it is given"


def check_system_range(value: object) -> Iterator[str]:
    match = re.fullmatch(r"(\d+)-(\d+)", value) if isinstance(value, str) else None
    if match is None or not FIRST_PORT <= int(match[1]) < int(match[2]) <= LAST_PORT:
        yield f"{value!r} is not a range of ports, as 49152-65535"


def check_period(value: object) -> Iterator[str]:
    moment = r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?"
    several = rf"({moment}|\.\.)/{moment}|{moment}"
    match = re.fullmatch(several, value) if isinstance(value, str) else None
    if match is None:
        yield f"{value!r} is not a period, as 2001, 2003-01, 2003-08/2004 or ../2004"
        return
    since, _, until = match[0].partition("/")
    if until and since >= until:
        yield f"{value!r} runs backwards"
    yield from _check_past(until or since)


def check_exposure(value: object) -> Iterator[str]:
    """What is said against exposing a service, and why."""
    if not isinstance(value, dict) or value.keys() != {"advice", "why"}:
        yield 'is not { advice = "…", why = "…" }'
        return
    for field, text in value.items():
        for what in check_line(text):
            yield f"{field} {what}"


def check_statement_sources(value: object) -> Iterator[str]:
    """Sources of single fields; :func:`check_stated` tells whether the entry has those."""
    if not isinstance(value, list) or not value:
        yield "is not a list of sources"
        return
    named: list[str] = []
    for item in value:
        if not isinstance(item, dict) or item.keys() != {"of", "source", "read"}:
            yield f'{item!r} is not {{ of = ["…"], source = "…", read = "…" }}'
            continue
        yield from check_words(item["of"], r"[a-z_]+")
        yield from check_url(item["source"])
        yield from check_read(item["read"])
        named += item["of"] if isinstance(item["of"], list) else ()
    for field in sorted({field for field in map(str, named) if named.count(field) > 1}):
        yield f"has two sources of {field}"


def check_stated(entry: Mapping[str, Any]) -> Iterator[str]:
    """Sources of fields that the entry doesn't have."""
    for item in entry.get("sources", ()):
        for field in item["of"]:
            if field in ("sources", "source", "read") or field not in entry:
                yield f"sources: {field} is no statement of this entry"


def one_of(words: Sequence[str]) -> Callable[[object], Iterator[str]]:
    def check(value: object) -> Iterator[str]:
        if value not in words:
            yield f"{value!r} is not one of {', '.join(words)}"

    return check


def check_name(value: object) -> Iterator[str]:
    return check_words([value], r"[a-z0-9][a-z0-9.+-]*")


def check_program(value: object) -> Iterator[str]:
    return check_words(value if isinstance(value, list) else [value], r"[a-z0-9][a-z0-9.+-]*")


def check_title(value: object) -> Iterator[str]:
    return check_line(value, NAME_LENGTH)


def check_product(value: object) -> Iterator[str]:
    """A name that stands in lists of names: a comma in it would be taken for the next one."""
    yield from check_title(value)
    if isinstance(value, str) and ", " in re.sub(r"\([^)]*\)", "", value):
        yield f"{value!r} has a comma, as if it were two names"


def check_urls(value: object) -> Iterator[str]:
    yield from check_words(value)
    for item in value if isinstance(value, list) else ():
        yield from check_url(item)
