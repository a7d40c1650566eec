"""What a service answered when it was asked, as labels and values."""

from __future__ import annotations

from portbook.model import SpokenState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.model import Spoken


def facts(spoken: Spoken) -> Iterator[tuple[str, str]]:
    """What it answered, as labels and values."""
    from portbook.present.phrases.evidence import heard

    yield ("speaks" if spoken.state == SpokenState.IDENTIFIED else "asked", heard(spoken))
    if spoken.alpn:
        yield ("ALPN", spoken.alpn)
    if spoken.names:
        yield ("certificate", ", ".join(spoken.names))


def in_short(spoken: Spoken) -> str:
    """What it answered, as a part of a line."""
    label, value = next(facts(spoken))
    return f"{label} {value}" if label == "speaks" else f"{label}: {value}"
