"""Other ports that people use for the same: twins, services elsewhere, products."""

from __future__ import annotations

from portbook.app.related import MOST, Related, TieKind, related
from tests.cases import for_each
from tests.counts import every_port
from tests.values import CATALOG


def _related(port: int) -> Related:
    return related(
        port,
        CATALOG.registry.standings(port),
        (),
        CATALOG,
        uses=CATALOG.practice.lookup_uses(port),
        services=CATALOG.practice.lookup_services(port),
    )


def _ties(port: int) -> list[tuple[TieKind, str, int]]:
    return [(tie.kind, tie.of, tie.near.port) for tie in _related(port).ties]


@for_each(
    "port, tie",
    [
        (80, (TieKind.ENCRYPTED, "HTTP", 443)),
        (443, (TieKind.UNENCRYPTED, "HTTPS", 80)),
        (443, (TieKind.ELSEWHERE, "HTTPS", 8443)),
        (8443, (TieKind.OWN_PORT, "HTTPS", 443)),
        (5902, (TieKind.OWN_PORT, "VNC", 5900)),  # of a span
        (27017, (TieKind.PRODUCT, "MongoDB", 27018)),
    ],
)
def test_a_port_is_tied_to_what_people_use_for_the_same(
    port: int, tie: tuple[TieKind, str, int]
) -> None:
    assert tie in _ties(port)


def test_no_port_is_tied_to_itself_or_twice() -> None:
    tied = 0
    for port in {*every_port()[::64], 25, 80, 443, 1883, 3000, 8080, 8443}:
        others = [other for _, _, other in _ties(port)]
        assert port not in others
        assert len(set(others)) == len(others) <= MOST
        tied += bool(others)
    assert tied > 5
    assert _ties(305) == []


def test_documents_of_a_transport_tie_nothing() -> None:
    """RFC 9260 is SCTP itself: discard and bgp have nothing else in common with https."""
    assert "RFC9260" not in [shared.what for shared in _related(443).same_document]
    assert (TieKind.ENCRYPTED, "IMAP", 993) in _ties(143)
    # What its RFC says of 993 alone is said already.
    assert _related(143).same_document == ()
