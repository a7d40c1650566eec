"""What people ask about a port is answered by what they meet on it."""

from __future__ import annotations

import pytest

from portbook.app.port_lookup import answer_port
from portbook.formats.errors.query import Query, QueryKind
from portbook.present.port.on_record import in_practice
from portbook.present.port.questions import questions
from tests.cases import for_each
from tests.values import CATALOG


@pytest.mark.parametrize(
    ("port", "said", "unsaid"),
    [
        (31337, "Any server that speaks eldim. Reported abuse: Back Orifice", "NodePort"),
        (25, "Exim mail server", "2 others"),  # ClamSMTP speaks SMTP on a port of its own
        (
            31000,
            "Kubernetes NodePort services and BigBlueButton may, as one of many ports.",
            "eldim",
        ),
        (139, "Samba and ", " server"),
        (305, "Only your machine can tell", "Any server"),
    ],
)
def test_which_program_uses_a_port(port: int, said: str, unsaid: str) -> None:
    answer = answer_port(Query(QueryKind.PORT, str(port), port, port), CATALOG, whole=True)
    told = {question.question: question.answer for question in questions(answer)}
    which = told[f"Which program uses port {port}?"]
    assert said in which
    assert unsaid not in which


@for_each(
    "port, first",
    [
        (25, "Postfix"),
        (1719, "H.323"),
        (3306, "MySQL"),
        (3389, "Windows Remote Desktop"),
        (6443, "Kubernetes API server"),
        (51820, "WireGuard"),
    ],
)
def test_what_a_port_is_known_for_leads(port: int, first: str) -> None:
    """Before what was built on it, and before a server that one source alone names."""
    answer = answer_port(Query(QueryKind.PORT, str(port), port, port), CATALOG)
    assert in_practice(answer).leading[0] == first
    assert answer.uses[0].product == first


def test_a_gap_is_told_by_one_pair_of_ports() -> None:
    from portbook.present.port.page import compose
    from portbook.present.render.document_text import render_page
    from portbook.present.render.text import Style

    answer = answer_port(Query(QueryKind.PORT, "7757", 7757, 7757), CATALOG, whole=True)
    text = " ".join(render_page(compose(answer), Style()).split())
    assert "7748–7774" in text
    assert "7748–7776" not in text


@pytest.mark.parametrize(
    ("port", "assigned", "recorded"),
    [(3000, "hbci", "remoteware-cl"), (888, "accessbuilder", "cddbp"),
     (351, "matip-type-b", "bhoetty"), (1992, "stun-p3", "ipsendmsg")],
)  # fmt: skip
def test_what_iana_only_records_is_not_what_a_port_is_assigned_to(
    port: int, assigned: str, recorded: str
) -> None:
    from portbook.present.brief import compose_brief
    from portbook.present.owners import Viewer
    from portbook.present.port.page import compose

    answer = answer_port(Query(QueryKind.PORT, str(port), port, port), CATALOG, whole=True)
    lead = " ".join(compose(answer).lead)
    assert f"Port {port} is assigned to {assigned}" in lead
    assert f"IANA also records {recorded}, without assigning it." in lead
    registry = compose_brief(answer, Viewer()).registry
    assert registry.startswith(assigned)
    assert registry.endswith(f"; {recorded}, used but not assigned")


@pytest.mark.parametrize(
    ("port", "famous"),
    [(3360, (3306, "MySQL")), (3398, (3389, "Remote Desktop")), (434, (443, "HTTPS"))],
)
def test_a_number_with_two_digits_swapped_leads_to_the_port_people_meet(
    port: int, famous: tuple[int, str]
) -> None:
    answer = answer_port(Query(QueryKind.PORT, str(port), port, port), CATALOG, whole=True)
    assert answer.related is not None
    swapped = [(tie.near.port, tie.of) for tie in answer.related.ties if tie.kind == "digits"]
    assert swapped == [famous]


@pytest.mark.parametrize("port", [22, 305, 340, 443, 3306])
def test_a_port_that_nobody_mistypes_leads_to_no_other(port: int) -> None:
    answer = answer_port(Query(QueryKind.PORT, str(port), port, port), CATALOG, whole=True)
    assert answer.related is not None
    assert [tie for tie in answer.related.ties if tie.kind == "digits"] == []
