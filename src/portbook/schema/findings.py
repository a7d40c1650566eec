"""What is to be said of a socket or of anything else, as JSON: findings, facts, subjects."""

from __future__ import annotations

from portbook.model import (
    Evidence,
    EvidenceCode,
    Finding,
    Level,
    Subject,
    SubjectKind,
)
from portbook.model.text import unbyte
from portbook.schema.codecs import (
    TEXT,
    WORDS,
    Codec,
    Mismatch,
    closed,
    list_of,
    optional,
)
from portbook.schema.tables import Field, Table, computed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from portbook.model import Facts

TEXTS = list_of(TEXT)


def _decode_code(value: Any) -> str:
    code = WORDS.decode(value)
    if not 0 < len(code) <= 40 or not code.replace("-", "").isalnum():
        raise Mismatch("no code")
    return str(code)


CODE = WORDS.but(decode=_decode_code)


def _encode_facts(facts: Facts) -> dict[str, Any]:
    """*facts* by name; the sentence that a finding came with is a key of its own."""
    item: dict[str, Any] = {}
    for name, fact in facts:
        if isinstance(fact, str):
            item[name] = unbyte(fact)
        elif isinstance(fact, tuple):
            item[name] = [unbyte(part) if isinstance(part, str) else part for part in fact]
        else:
            item[name] = fact
    item.pop("message", None)
    return item


def _decode_facts(value: Any) -> Facts:
    """Those facts that are of a kind known here: later versions may have others."""
    if not isinstance(value, dict):
        raise Mismatch("not an object")
    return tuple(
        [
            (name, tuple(fact) if isinstance(fact, list) else fact)
            for name, fact in value.items()
            if name != "message" and _is_fact(fact)
        ]
    )


def _is_fact(fact: Any) -> bool:
    if isinstance(fact, list):
        return all(isinstance(item, (str, int)) for item in fact)
    if isinstance(fact, float):
        return abs(fact) < float("inf")  # not NaN either; math takes a shared library to load
    return fact is None or isinstance(fact, (str, int))


FACTS = Codec(
    _encode_facts,
    _decode_facts,
    {
        "type": "object",
        "additionalProperties": {"type": ["string", "number", "boolean", "array", "null"]},
    },
    "object: name to text, number, flag, or list of them",
)
SUBJECT = Table(
    "subject",
    "",
    (Field("kind", closed(SubjectKind)), Field("name", TEXT)),
    of=Subject,
)


OTHER_SUBJECT = optional(SUBJECT.inline()).but(write=None)


def _socket_name(finding: Finding) -> str | None:
    subject = finding.subject
    return subject.name if subject is not None and subject.kind is SubjectKind.SOCKET else None


def _other_subject(finding: Finding) -> dict[str, Any] | None:
    subject = finding.subject
    if subject is None or subject.kind is SubjectKind.SOCKET:
        return None
    return SUBJECT.encode(subject)


def _finish_finding(finding: Finding, item: Mapping[str, Any]) -> Finding:
    """*finding* with its subject, and with the words for it and its evidence as they came."""
    socket = _decode_key(item, "socket", optional(WORDS))
    if socket is None:
        subject = _decode_key(item, "subject", OTHER_SUBJECT)
    else:
        subject = Subject(SubjectKind.SOCKET, socket)
    message = _decode_key(item, "message", TEXT)
    lines = _decode_key(item, "evidence", optional(TEXTS)) or ()
    return Finding(
        code=finding.code,
        level=finding.level,
        subject=subject,
        facts=(*finding.facts, ("message", message)),
        evidence=tuple([Evidence(EvidenceCode.TEXT, (("text", line),)) for line in lines]),
    )


def _decode_key(item: Mapping[str, Any], key: str, codec: Codec) -> Any:
    try:
        return codec.decode(item.get(key))
    except Mismatch as error:
        raise Mismatch(str(error), key) from None


FINDING = Table(
    "finding",
    "One thing to say of one socket.",
    (
        Field("code", CODE, "stable word for the rule; verdict.md lists them"),
        Field("level", closed(Level), "how much it asks of you, in rising order"),
        Field("message", TEXT, "what it is and what to do next", computed),
        Field("facts", FACTS, "what the message is made of, but for what the socket tells"),
        Field("evidence", TEXTS, "what it rests on", computed),
        Field("socket", optional(TEXT), "the socket's name, such as `tcp 0.0.0.0:22`",
              _socket_name),
        Field("subject", OTHER_SUBJECT, "what else it concerns", _other_subject, left_out=True),
    ),
    of=Finding,
    finish=_finish_finding,
)  # fmt: skip
