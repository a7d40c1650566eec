"""The description of the API as its page shows it: each operation in a few lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from portbook.web.api.openapi import SCHEMAS, describe

if TYPE_CHECKING:
    from collections.abc import Iterable

_GROUPS = (
    ("Ports", "/{port}", "/api/ports"),
    ("Lists", "/api/blocks", "/api/stats", "/api/changes", "/services", "/ranges", "/search"),
    ("This machine", "/here"),
    ("Other machines", "/api/explain"),
)


class Asked(NamedTuple):
    """A parameter: ``what`` says which values it takes."""

    name: str
    where: str
    required: bool
    what: str


class Operation(NamedTuple):
    """One address of the API. ``example`` is one to try, None where nothing is to be seen."""

    method: str
    path: str
    summary: str
    asked: tuple[Asked, ...]
    answers: str
    errors: tuple[str, ...]
    example: str | None


def operations(*, local: bool) -> dict[str, list[Operation]]:
    """Every operation of the description, in groups."""
    grouped: dict[str, list[Operation]] = {title: [] for title, *_ in _GROUPS}
    for path, methods in describe(local=local)["paths"].items():
        found = [_operation(method, path, each) for method, each in methods.items()]
        group = next((title for title, *begins in _GROUPS if path.startswith(tuple(begins))), "")
        grouped.setdefault(group or "More", []).extend(found)
    return {title: found for title, found in grouped.items() if found}


def _operation(method: str, path: str, described: dict[str, Any]) -> Operation:
    parameters = described["parameters"]
    body = described.get("requestBody", {}).get("content", {})
    responses = described["responses"]
    ((media, answer),) = responses["200"]["content"].items()
    # An event stream has no end: a browser would only go on loading it.
    shown = method == "get" and media != "text/event-stream"
    example = _example(path, parameters) if shown else None
    asked = [Asked("body", "body", True, " or ".join(body))] if body else []
    return Operation(
        method=method.upper(),
        path=path,
        summary=described["summary"],
        asked=(*map(_asked, parameters), *asked),
        answers=_schema_name(answer["schema"]) or media,
        errors=tuple(status for status in responses if status != "200"),
        example=example,
    )


def _schema_name(schema: dict[str, Any]) -> str:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    found = SCHEMAS.get(name, {}).get("properties", {}).get("schema", {}).get("const", "")
    return str(found)


def _asked(parameter: dict[str, Any]) -> Asked:
    schema = parameter["schema"]
    if "enum" in schema:
        what = ", ".join(schema["enum"])
    elif "minimum" in schema:
        what = f"{schema['minimum']} to {schema['maximum']}"
    else:
        what = schema.get("description") or "text"
        if "maxLength" in schema:
            what = f"{what.rstrip('.')}, at most {schema['maxLength']:,} characters"
    if "default" in schema:
        what += f"; {schema['default']} if left out"
    return Asked(parameter["name"], parameter["in"], parameter["required"], what)


def _example(path: str, parameters: Iterable[dict[str, Any]]) -> str:
    """An address to try, made of the examples or the first values of the parameters.

    >>> _example("/{port}.json", [{"name": "port", "in": "path", "example": 305}])
    '/305.json'
    """
    values = {}
    query = []
    for each in parameters:
        value = str(each.get("example", each.get("schema", {}).get("enum", [""])[0]))
        if each["in"] == "path":
            values[each["name"]] = quote(value)
        elif value and each["required"]:
            query.append(f"{each['name']}={quote(value, safe=',/')}")
    filled = re.sub(r"\{(\w+)\}", lambda match: values[match[1]], path)
    return filled + (f"?{'&'.join(query)}" if query else "")


RULES = (
    (
        "What to rely on",
        (
            ("ETag, 304", "an answer changes only with the registry; ask with If-None-Match"),
            ("Access-Control-Allow-Origin: *", "scripts of any site may read the answers"),
            ("application/problem+json", "what an error is, and what would help (RFC 9457)"),
            ("null", "not recorded by any source; never none"),
        ),
    ),
)
FILES = (
    (
        "Files",
        (
            ("305.json", "portbook/port/1: everything on record about the port"),
            ("305.txt", "the page as text"),
            ("static/search-index.js", "names, descriptions and products with their ports"),
        ),
    ),
)
