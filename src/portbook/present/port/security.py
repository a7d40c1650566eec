"""Whether the services that people meet on a port encrypt, ask who connects, and may be exposed."""

from __future__ import annotations

from portbook.model.services import Authentication, Encryption

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from portbook.model import KnownService

_ENCRYPTION = {
    Encryption.NONE: "not encrypted",
    Encryption.OPTIONAL: "encryption optional",
    Encryption.ALWAYS: "always encrypted",
}
_AUTHENTICATION = {
    Authentication.NONE: "no auth by default",
    Authentication.OPTIONAL: "auth optional",
    Authentication.REQUIRED: "auth required",
}


def protection(known: KnownService) -> str:
    """Whether *known* encrypts and asks who connects; empty where that isn't recorded."""
    words = [] if known.encryption is None else [_ENCRYPTION[known.encryption]]
    if known.authentication is not None:
        words.append(_AUTHENTICATION[known.authentication])
    return ", ".join(words)


def most_exposed(
    services: Iterable[KnownService], columns: int, headline: KnownService | None
) -> str | None:
    """The line of :func:`~portbook.present.port.on_record.security_line`; None for no statement.

    Of several services the most exposed one is told, by its name where it
    isn't *headline*, the one that the reader takes the line for.
    """
    known = next((one for one in sorted(services, key=_danger) if _security_of(one, columns)), None)
    line = None if known is None else _security_of(known, columns)
    if known is None or (headline is not None and _security_of(headline, columns) == line):
        return line
    name = f"{known.name}: "
    named = f"{name}{_security_of(known, columns - len(name))}"
    return named if len(named) <= columns else line


def _danger(known: KnownService) -> tuple[bool, bool]:
    return known.exposure is None, known.encryption is not Encryption.NONE  # the worst least


def _security_of(known: KnownService, columns: int) -> str | None:
    line = protection(known)
    if known.exposure is not None:
        line = f"{line}; don't expose it" if line else "don't expose it"
    elif not line:
        return None
    encrypted = None
    advised = known.twin is not None and known.twin in (known.successor or "")
    if known.encryption is not Encryption.ALWAYS and known.twin and not advised:
        encrypted = f"; encrypted: {known.twin}"
    instead = f"; use {known.successor}" if known.successor else None
    for more in (instead, encrypted):
        if more is not None and len(line) + len(more) <= columns:
            line += more
    return line
