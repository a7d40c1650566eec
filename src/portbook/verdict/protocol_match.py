"""Whether what a service answered fits what is expected of it. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from portbook.model import Spoken


def speaks_otherwise(
    spoken: Spoken, registered: AbstractSet[str], programs: AbstractSet[str]
) -> bool:
    """Whether *spoken* contradicts the names *registered* for the port, and the program.

    *programs* are the services that the known programs speak, none where no program is known. What
    fits the port is no contradiction, whoever says it: a proxy speaks what it is told to.

    >>> from portbook.model import Spoken, SpokenState
    >>> speaks_otherwise(Spoken(SpokenState.IDENTIFIED, "ssh"), {"http"}, {"http", "https"})
    True
    >>> speaks_otherwise(Spoken(SpokenState.IDENTIFIED, "http"), {"ipp"}, {"ipp"})
    False
    """
    if spoken.protocol is None:
        return False
    from portbook.host.probe.fingerprints import SERVICES

    plain, encrypted = SERVICES.get(spoken.protocol, ((), ()))
    services = {*plain, *encrypted}
    if not services or registered & services:
        return False
    # The services whose protocol can be told from what they answer. Of others (printing, metrics,
    # an API of a product's own) an answer by HTTP says nothing: they are built on it.
    told = {name for some, others in SERVICES.values() for name in (*some, *others)}
    if programs:
        at_home = bool(registered & programs)
        # A known program away from home may speak what it always speaks: another rule says that.
        return bool(programs & told) and (not programs & services or at_home)
    return bool(registered & told)
