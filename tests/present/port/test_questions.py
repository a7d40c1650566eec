"""What people ask about a port is answered by what they meet on it."""

from __future__ import annotations

import pytest

from portbook.app.port_lookup import answer_port
from portbook.formats.errors.query import Query, QueryKind
from portbook.present.port.questions import questions
from tests.values import CATALOG


@pytest.mark.parametrize(
    ("port", "said", "unsaid"),
    [
        (31337, "Any server that speaks eldim. Reported abuse: Back Orifice.", "NodePort"),
        (25, "Exim mail server", "2 others"),  # ClamSMTP speaks SMTP on a port of its own
        (31000, "Kubernetes NodePort services, on one port of many.", "eldim"),
        (139, "Samba and ", "Samba file server"),
        (305, "Only your machine can tell", "Any server"),
    ],
)
def test_which_program_uses_a_port(port: int, said: str, unsaid: str) -> None:
    answer = answer_port(Query(QueryKind.PORT, str(port), port, port), CATALOG, whole=True)
    told = {question.question: question.answer for question in questions(answer)}
    which = told[f"Which program uses port {port}?"]
    assert said in which
    assert unsaid not in which


def test_a_gap_is_told_by_one_pair_of_ports() -> None:
    from portbook.present.port.page import compose
    from portbook.present.render.document_text import render_page
    from portbook.present.render.text import Style

    answer = answer_port(Query(QueryKind.PORT, "7757", 7757, 7757), CATALOG, whole=True)
    text = " ".join(render_page(compose(answer), Style()).split())
    assert "7748–7774" in text
    assert "7748–7776" not in text
