"""What RFCs tell of ports: titles, and what the Assigned Numbers RFCs listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portbook.catalog.registry.documents import (
    LISTINGS,
    RFCS,
    Document,
    Documents,
    Listing,
    render_listings,
    render_rfcs,
)
from portbook.errors import DataCorrupt, DataMissing
from portbook.model import Transport
from tests.cases import for_each
from tests.values import CATALOG

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENTS = Documents()


@for_each(
    "port, rfc, published, words",
    [
        (1, 349, "1972-05", "Telnet"),
        (9, 349, "1972-05", "Discard"),
        (23, 739, "1977-11", "New Telnet"),
        (25, 790, "1981-09", "SMTP"),
        (53, 870, "1983-10", "Domain Name Server"),
        (69, 770, "1980-09", "Trivial File Transfer"),
        (80, 1340, "1992-07", "World Wide Web HTTP"),
        (110, 1060, "1990-03", "Post Office Protocol - Version 3"),
        (123, 960, "1985-12", "Network Time Protocol"),
        (389, 1700, "1994-10", "Lightweight Directory Access Protocol"),
        (6000, 1700, "1994-10", "X Window System"),
    ],
)
def test_known_ports_were_listed_when_the_rfc_appeared(
    port: int, rfc: int, published: str, words: str
) -> None:
    assert Listing(port, rfc, published, words) in DOCUMENTS.listed_on(port)


def test_what_no_rfc_listed_is_not_listed() -> None:
    for port in (0, 4, 6, 22, 26, 993, 1024, 3389, 65535):  # unassigned, reserved, or later
        assert DOCUMENTS.listed_on(port) == ()
    assert [each.of_socket for each in DOCUMENTS.listed_on(25)] == [True, False, False]
    dated = [port for port in range(1024) if DOCUMENTS.listed_on(port)]
    assigned = [
        port
        for port in range(256)
        if any(CATALOG.registry.lookup(port, transport) for transport in Transport)
    ]
    assert len(dated) > 300
    assert len({*assigned} & {*dated}) / len(assigned) > 0.9


def test_every_rfc_that_is_cited_has_its_title() -> None:
    assert DOCUMENTS.title_of("RFC9110") == Document("RFC 9110", "HTTP Semantics", "2022-06")
    cited = {
        reference
        for known in CATALOG.practice.services()
        for reference in known.references
        if reference.startswith("RFC")
    }
    assert [reference for reference in sorted(cited) if DOCUMENTS.title_of(reference) is None] == []
    for reference in ("note 1", "RFC", "RFC0", "RFC1" + "0" * 30, "RFC ٣", "BCP 14"):
        assert DOCUMENTS.title_of(reference) is None
    assert [each.name for each in DOCUMENTS.titles_of(["RFC 9110", "RFC854", "RFC9110"])] == [
        "RFC 854",
        "RFC 9110",
    ]


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataMissing):
        Documents(str(tmp_path)).listed_on(1)
    whole = render_listings([Listing(1, 349, "1972-05", "Telnet")])
    (tmp_path / LISTINGS).write_text(whole.replace("\tTelnet", ""), "utf-8")
    with pytest.raises(DataCorrupt, match="cells"):
        Documents(str(tmp_path)).listed_on(1)
    (tmp_path / LISTINGS).write_text(whole.replace("349", "x"), "utf-8")
    with pytest.raises(DataCorrupt, match="number"):
        Documents(str(tmp_path)).listed_on(1)
    (tmp_path / RFCS).write_text(render_rfcs([(1, "A", "1969-04")]).replace("\tA", ""), "utf-8")
    with pytest.raises(DataCorrupt, match="cells"):
        Documents(str(tmp_path)).title_of("RFC1")
