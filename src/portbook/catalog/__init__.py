"""What is on record about ports, opened once and passed on to whatever asks.

>>> from portbook.model import Transport
>>> catalog = Catalog()
>>> [row.service_name for row in catalog.registry.lookup(22, Transport.TCP)]
['ssh']
>>> catalog.practice.browser_blocked(6667)
True
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from portbook.catalog.expectations.lookup import Earlier, Notes
    from portbook.catalog.practice.lookup import Practice
    from portbook.catalog.registry.history import History
    from portbook.catalog.registry.lookup import Registry

    Derived = TypeVar("Derived")


class Catalog:
    """IANA's registry with its history, practice, and what users expect of their own ports.

    Each part is opened when it is first asked for, and held with the catalog; a catalog that
    nobody asks costs nothing. Without *registry* it is the one that ``portbook update`` last kept,
    or the shipped one where there is none or it can't be trusted or read: ``notes`` then says why,
    a line each. *read_notes* takes the place of the files in which users write down their own
    ports, *shipped* that of the registry which came with portbook.
    """

    __slots__ = (
        "_derived", "_given", "_history", "_notes_files", "_practice", "_read_notes", "_registry",
        "_shipped", "notes",
    )  # fmt: skip

    def __init__(
        self,
        registry: Registry | None = None,
        practice: Practice | None = None,
        *,
        read_notes: Callable[[], Notes] | None = None,
        shipped: Registry | None = None,
    ) -> None:
        self._registry = registry
        self._given = registry is not None
        self._practice = practice
        self._history: History | None = None
        self._read_notes = read_notes
        self._shipped = shipped
        self._notes_files: Earlier = {}
        self._derived: dict[object, Any] = {}
        self.notes: list[str] = []

    @classmethod
    def of_folder(cls, folder: str) -> Catalog:
        """The catalog with the registry in *folder*, as another process has it open.

        Raises Untrusted, DataMissing or DataCorrupt.
        """
        from portbook.catalog.registry.lookup import open_folder

        return cls(open_folder(folder))

    @property
    def registry(self) -> Registry:
        """IANA's registry. Raises DataMissing or DataCorrupt where the shipped one is damaged."""
        if self._registry is None:
            from portbook.catalog.registry.lookup import open_in_use

            self._registry = open_in_use(self.notes.append)
        return self._registry

    @property
    def shipped(self) -> Registry:
        """The registry that came with portbook, whatever an update kept."""
        if self._shipped is None:
            from portbook.catalog.registry.lookup import shipped

            self._shipped = shipped()
        return self._shipped

    def check(self) -> None:
        """Opens the registry now, after a look at every byte of one that an update kept.

        That takes 5 ms, which a lookup doesn't have. It has to come before anything is asked.
        """
        from portbook.catalog.registry.lookup import open_in_use

        if self._registry is None:
            self._registry = open_in_use(self.notes.append, whole=True)

    def newer(self) -> Catalog | None:
        """A catalog with the registry that is in use by now; None where that is this one's.

        It is where the registry was handed in, too. To look takes a few system calls.
        """
        if self._given or self._registry is None:
            return None
        folder = self._registry.store.folder
        if Catalog().registry.store.folder == folder:
            return None
        other = Catalog(practice=self._practice, read_notes=self._read_notes, shipped=self._shipped)
        other.check()
        return None if other.registry.store.folder == folder else other

    @property
    def practice(self) -> Practice:
        """What people do with ports, whatever the registry says."""
        if self._practice is None:
            from portbook.catalog.practice.lookup import Practice

            self._practice = Practice()
        return self._practice

    @property
    def history(self) -> History:
        """What became of ports, up to the registry. Raises DataMissing or DataCorrupt."""
        if self._history is None:
            from portbook.catalog.registry.history import open_history

            self._history = open_history(self.registry)
        return self._history

    def expectations(self) -> Notes:
        """The user's own notes on ports, read anew. Nothing is raised: problems are told in it."""
        if self._read_notes is None:
            from portbook.catalog.expectations.lookup import read_notes

            return read_notes(self._notes_files)
        return self._read_notes()

    def derived(self, make: Callable[[Catalog], Derived]) -> Derived:
        """What *make* makes of this catalog, made when first asked for and then held with it."""
        if make not in self._derived:
            self._derived[make] = make(self)
        found: Derived = self._derived[make]
        return found
