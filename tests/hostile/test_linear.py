"""Every reader takes time in proportion to what it reads, whatever that is.

Here the kinds that are made for a reader, and one line of each thing that can be repeated, up to
16 kB; under ``make proof`` every kind, doubled up to a megabyte.
"""

from __future__ import annotations

import pytest

from tests.counts import PROOF
from tests.hostile.growth import grown
from tests.hostile.inputs import Kind
from tests.hostile.reader import Reader
from tests.hostile.readers import READERS

SMALLEST, LARGEST = (16_000, 1_024_000) if PROOF else (8_000, 16_000)


@pytest.mark.proof
@pytest.mark.parametrize("name", READERS)
def test_a_reader_is_linear(name: str) -> None:
    reader = READERS[name]
    tried = 0
    for kind in reader.kinds(every=PROOF):
        found = grown(reader, kind, SMALLEST, LARGEST)
        assert found is None, f"{kind.name}: {found}"
        tried += 1
    assert tried > 40  # kinds


def test_a_reader_that_is_not_is_noticed() -> None:
    """One that looks for the end of a quote from each quote again."""
    quotes = Kind("quotes", unit=b'"xxxxx')

    def rescans(data: bytes) -> None:
        for at, byte in enumerate(data):
            if byte == ord('"'):
                data.find(b"\n", at)

    found = grown(Reader(rescans), quotes, 16_000, 512_000)
    assert found is not None
    assert found.after > 3 * found.before
    assert grown(Reader(bytes.split), quotes, 16_000, 512_000) is None
