"""What is on record of a port and of the owners of its sockets, as the verdict weighs it."""

from __future__ import annotations

from portbook._fast_types import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.model import KnownService, Program, Report, Standing, Tool, Use


class PortOnRecord(NamedTuple):
    """What is on record about one port of one transport, whatever is there.

    ``kind`` is equal for ports that are judged alike, whatever their numbers, for owners who have
    none of ``words``. These are, in lower case, the names of the services that are registered there
    and the words in the names of the products that use it.
    """

    standing: Standing
    uses: tuple[Use, ...]
    abuse: tuple[Report, ...]
    browser_blocked: bool
    services: tuple[KnownService, ...]
    kind: int
    words: frozenset[str] = frozenset()

    @property
    def service_names(self) -> tuple[str, ...]:
        """The services that the registry has there."""
        rows = self.standing.assignments
        if not rows:
            return ()
        return tuple(dict.fromkeys([row.service_name for row in rows if row.service_name]))


class OwnerOnRecord(NamedTuple):
    """What is on record about the program of one owner: by its path, by its name alone, and by
    what its arguments name.
    """

    path: str | None
    programs: tuple[Program, ...]
    named: tuple[Program, ...]
    tool: Tool | None


class OwnersOnRecord(NamedTuple):
    """What is on record about all owners of a socket.

    ``ports`` are those that are their programs' own. ``words`` are, in lower case, the services
    that they implement and the words in their names and those of their products. ``weighed`` is
    equal for owners who are judged alike.
    """

    each: tuple[OwnerOnRecord, ...]
    ports: frozenset[int]
    words: frozenset[str]
    weighed: object
