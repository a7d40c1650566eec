"""What a service answered when it was asked, as labels and values and as JSON."""

from __future__ import annotations

from portbook.present.escape import unbyte

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from portbook.model import Spoken


def facts(spoken: Spoken) -> Iterator[tuple[str, str]]:
    """What it answered, as labels and values."""
    from portbook.verdict.protocol_match import said

    yield ("speaks" if spoken.state == "identified" else "asked", said(spoken))
    if spoken.alpn:
        yield ("ALPN", spoken.alpn)
    if spoken.names:
        yield ("certificate", ", ".join(spoken.names))


def in_short(spoken: Spoken) -> str:
    """What it answered, as a part of a line."""
    label, value = next(facts(spoken))
    return f"{label} {value}" if label == "speaks" else f"{label}: {value}"


def of_spoken(spoken: Spoken | None) -> dict[str, Any] | None:
    """*spoken* as a JSON object; null where nothing was asked."""
    if spoken is None:
        return None
    return {
        "state": spoken.state,
        "protocol": spoken.protocol,
        "detail": None if spoken.detail is None else unbyte(spoken.detail),
        "tls": spoken.tls,
        "alpn": None if spoken.alpn is None else unbyte(spoken.alpn),
        "certificate_names": [unbyte(name) for name in spoken.names],
    }
