"""Files that can be read as one table, and what was read of them."""

from __future__ import annotations

from portbook._fast_types import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.formats.flows.layout import Layout


class Batch(NamedTuple):
    """Files that can be read as one table; ``compression`` is ``none``, ``gzip`` or ``zstd``.

    A table on the engine is a batch without files. ``array`` says that JSON is one array instead
    of a line a row.
    """

    layout: Layout
    files: tuple[str, ...]
    compression: str = "none"
    table: str = ""
    array: bool = False


def is_url(word: str) -> bool:
    """Whether *word* names something that isn't on this machine's disks.

    >>> is_url("s3://flows/2026/*.parquet"), is_url("flows/x.parquet")
    (True, False)
    """
    scheme, between, _ = word.partition("://")
    return bool(between) and scheme.isalnum()
