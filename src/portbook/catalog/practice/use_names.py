"""The uses of a product by its name: searched for a few names, looked up in an index for many."""

from __future__ import annotations

from portbook.catalog.practice.rows import COLUMNS, cells_of, names_of, use_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from portbook.model import Use
    from portbook.storage.sorted_tsv import SortedFile

_NAMES_UNTIL_INDEXED = 8  # the index takes as long as a search for so many
_PRODUCT = COLUMNS["uses"].index("product")
_ALSO_CALLED = COLUMNS["uses"].index("also_called")


def is_called(use: Use, name: str) -> bool:
    """Whether the product of *use* is called *name*, which is in lower case."""
    return name == use.product.casefold() or name in map(str.casefold, use.also_called)


def _names(product: str, also_called: Iterable[str]) -> Iterator[str]:
    """What people call *product*: so too without its maker's name, or a part's behind it."""
    yield product.casefold()
    yield from map(str.casefold, also_called)
    words = product.casefold().partition(" (")[0].split()
    if 0 < len(words) <= 2:  # "Ory Hydra", "Hydra (NixOS)"
        yield words[-1]


class UseNames:
    """The names of the products in the file of uses that *open_file* opens.

    The index holds places in the file, a few for each name, and no uses.
    """

    def __init__(self, open_file: Callable[[str], SortedFile]) -> None:
        self._open_file = open_file
        self._asked = 0
        self._places: dict[str, list[int]] | None = None

    def uses_of(self, name: str) -> tuple[Use, ...]:
        """The uses of the products that are called *name*, in any letter case, by port."""
        file, asked = self._open_file("uses"), name.casefold()
        if self._asked < _NAMES_UNTIL_INDEXED:
            self._asked += 1
            rows = file.containing(name.lower().encode(errors="replace"))
        else:
            if self._places is None:
                self._places = _indexed(file)
            rows = (file.cells(place)[0] for place in self._places.get(asked, ()))
        uses = [use_of(cells_of(row, "uses", file.path), file.path) for row in rows]
        return tuple([use for use in uses if asked in _names(use.product, use.also_called)])


def _indexed(file: SortedFile) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    place = file.start
    while place < file.end:
        row, after = file.cells(place)
        cells = cells_of(row, "uses", file.path)
        for name in dict.fromkeys(_names(cells[_PRODUCT], names_of(cells[_ALSO_CALLED]))):
            places.setdefault(name, []).append(place)
        place = after
    return places
