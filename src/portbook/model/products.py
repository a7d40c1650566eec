"""The products that people meet on a port, in the one order that every answer has."""

from __future__ import annotations

from portbook._fast_types import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from portbook.model.practice import Use
    from portbook.model.programs import Program
    from portbook.model.services import KnownService


class InPractice(NamedTuple):
    """The products that people meet on a port, each once, by their rank.

    ``registered`` speak a service that the registry has there. ``others`` are the rest; those of
    ``wide`` are known for so many ports that they say nothing of this one. ``apart`` is whether
    each of ``others`` is on record for services that the registry doesn't have there: of most
    products it isn't recorded what they speak.
    """

    registered: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    wide: tuple[str, ...] = ()
    apart: bool = False

    @property
    def leading(self) -> tuple[str, ...]:
        """Those that may stand for the port, the registered service's own first."""
        return self.registered + self.others

    @property
    def products(self) -> tuple[str, ...]:
        """All of them."""
        return self.leading + self.wide


_NOTHING_MET = InPractice()  # of two ports in three


def rank_products(
    uses: tuple[Use, ...],
    programs: tuple[Program, ...],
    services: tuple[KnownService, ...],
    names: AbstractSet[str],
) -> InPractice:
    """What people meet on a port that is registered for *names*, which are in lower case.

    *programs* have it as a default, *services* say what it is for. Uses come by their rank, then
    programs that no use is of; first of all the service's namesake.
    """
    if not uses and not programs:
        return _NOTHING_MET
    spoken_by: dict[str, tuple[str, ...]] = {}
    for use in uses:  # one product may have a use for each transport
        if use.leads:
            spoken_by[use.product] = (*spoken_by.get(use.product, ()), *use.services)
    products = {product.casefold() for product in spoken_by}
    joined = {name for use in uses if use.leads for name in use.programs}
    for program in programs:
        if program.name not in joined and program.product.casefold() not in products:
            spoken_by[program.product] = program.services
    registered = [
        each for each in spoken_by if not names.isdisjoint(map(str.lower, spoken_by[each]))
    ]
    # A server that is known by itself comes before one of the many that one source alone names.
    known = {use.product for use in uses if use.weight > 1 or use.programs}
    known |= {program.product for program in programs}
    own = {name for name in spoken_by if any(each.is_named(name) for each in services)}
    others = [product for product in spoken_by if product not in registered]
    for met_first in (registered, others):
        met_first.sort(key=lambda product: (product not in own, product not in known))
    return InPractice(
        tuple(registered),
        tuple(others),
        tuple(dict.fromkeys([use.product for use in uses if use.product not in spoken_by])),
        bool(others) and all(spoken_by[product] for product in others),
    )
