"""Every reader takes time in proportion to what it reads, whatever that is.

Here the kinds that are made for a reader, and one line of each thing that can be repeated, up to
16 kB or the first doubling that takes long enough to tell; under ``make proof`` every kind, doubled
up to a megabyte.
"""

from __future__ import annotations

import itertools

import pytest

from tests.counts import PROOF
from tests.hostile.growth import SHORT, grown
from tests.hostile.inputs import Kind
from tests.hostile.reader import Reader
from tests.hostile.readers import READERS

# Readers that hand all they are given to one other, or are a part of it, by that one. Outside of
# make proof, they share the kinds, of which it takes all.
SHARING = {
    "portbook.formats.sockets.detect:read": (
        "portbook.app.explain:explain",
        "portbook.app.explain:stream",
        "portbook.formats.sockets.detect:detect",
        "portbook.formats.sockets.detect:read_rows",
        "portbook.web.explain.explainer:answer",
    ),
    "portbook.formats.errors.pasted:read_text": (
        "portbook.formats.errors.forms:read_forms",
        "portbook.formats.errors.pasted:decode_text",
        "portbook.formats.errors.query:parse_query",
    ),
}
SMALLEST, LARGEST, ENOUGH = (16_000, 1_024_000, float("inf")) if PROOF else (4_000, 16_000, SHORT)


@pytest.mark.proof
@pytest.mark.parametrize("name", READERS)
def test_a_reader_is_linear(name: str) -> None:
    reader = READERS[name]
    kinds = [*reader.kinds(every=PROOF)]
    assert len(kinds) > 40
    if not PROOF:  # those made for it, and a sixth of those that any reader is given
        own = len(reader.inputs)
        kinds = [*kinds[:own], *kinds[own + [*READERS].index(name) % 6 :: 6]]
    for sharing in SHARING.values():
        if name in sharing and not PROOF:
            kinds = kinds[sharing.index(name) :: len(sharing)]
    assert kinds
    for kind in kinds:
        found = grown(reader, kind, SMALLEST, LARGEST, ENOUGH)
        assert found is None, f"{kind.name}: {found}"


def test_the_readers_that_share_kinds_are_there() -> None:
    assert {*SHARING, *itertools.chain(*SHARING.values())} <= set(READERS)


def test_a_reader_that_is_not_is_noticed() -> None:
    """One that looks for the end of a quote from each quote again."""
    quotes = Kind("quotes", unit=b'"xxxxx')

    def rescans(data: bytes) -> None:
        for at, byte in enumerate(data):
            if byte == ord('"'):
                data.find(b'\n"', at)  # of two bytes: one alone is found too fast to be noticed

    found = grown(Reader(rescans), quotes, 16_000, 64_000)
    assert found is not None
    assert found.after > 3 * found.before
    assert grown(Reader(bytes.split), quotes, 16_000, 512_000) is None
