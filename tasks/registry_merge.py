"""The rules by which four sources become one registry. Pure: rows in, rows out.

1. Rows, states, descriptions and references come from the spine alone.
2. A transport that repeats within an entry of the spine is the row of the ill-formed alias,
   whose name stands in the first one's description.
3. The spine's line breaks are undone; of several readings, the one that a witness has is taken.
4. The letter case of names comes from the witnesses, by name and number.
5. A row has no name if the spine made its name out of its description, no source names it, and
   a source has it nameless or its description says that it isn't assigned.
6. The fields of 2015 are joined on exactly the same name, number and transport, never across
   a rename; where the row has no name, its description has to be the same too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from portbook.catalog.registry.normalise import (
    replaced_name,
    state_of_row,
    tidy_description,
    tidy_lines,
)
from portbook.catalog.registry.tsv_writer import link_aliases
from portbook.model import Assignment, State, Transport
from tasks.registry_sources import Registration, SpineRow, WitnessRow
from tasks.registry_unwrap import split_references, unwrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Witnesses:
    """What the sources besides the spine say about spelling; the first named one goes first."""

    def __init__(self, rows: Iterable[WitnessRow]) -> None:
        self._names: dict[tuple[str, str, str], str] = {}
        self._names_anywhere: dict[tuple[str, str], str] = {}
        self._nameless: set[tuple[str, str]] = set()
        self._descriptions: set[str] = set()
        self._descriptions_at: dict[tuple[str, str], set[str]] = defaultdict(set)
        for row in rows:
            name, description = row.name.lower(), " ".join(row.description.split())
            if name:
                self._names.setdefault((name, row.number, row.transport), row.name)
                self._names_anywhere.setdefault((name, row.number), row.name)
            else:
                self._nameless.add((row.number, row.transport))
            if description:
                self._descriptions.add(description)
                self._descriptions_at[row.number, row.transport].add(description)

    def spelling(self, name: str, number: str, transport: str) -> str:
        """*name* in the letter case in which a source prints it; as it is if none does."""
        exact = self._names.get((name, number, transport))
        return exact or self._names_anywhere.get((name, number), name)

    def name(self, name: str, number: str, transport: str) -> bool:
        """Whether a source has a row of this name there."""
        return (name, number, transport) in self._names

    def leave_nameless(self, number: str, transport: str) -> bool:
        """Whether a source has a row without a name there."""
        return (number, transport) in self._nameless

    def describe(self, text: str, number: str, transport: str) -> bool:
        """Whether a source has *text* as the description of a row there."""
        return text in self._descriptions_at.get((number, transport), ())

    def describe_anywhere(self, text: str) -> bool:
        return text in self._descriptions


class Merged(NamedTuple):
    """The rows, and how many hyphen breaks no source could settle."""

    rows: tuple[Assignment, ...]
    unsettled: int


def merge(
    spine: Sequence[SpineRow],
    witnesses: Sequence[WitnessRow],
    registrations: Sequence[Registration],
    as_of: str,
    registered_as_of: str,
) -> Merged:
    """One registry out of the sources; the dates are those of spine and registrations."""
    spelled = [WitnessRow(*row[:4]) for row in registrations]
    witness = Witnesses([*witnesses, *spelled])
    fields = _by_key(registrations)
    replaced: dict[tuple[int, str], str] = {}
    rows: list[Assignment] = []
    unsettled = 0
    for raw in spine:
        description, references, settled = _read_text(raw, witness)
        unsettled += not settled
        alias = replaced.pop((raw.entry, raw.transport), None)
        if alias is not None:
            name: str | None = alias
        else:
            name = _name_of(raw, description, witness)
            alias = replaced_name(description)
            if alias is not None:
                replaced[raw.entry, raw.transport] = alias
        description = tidy_description(description)
        found = _join(fields, name, raw, description)
        bounds = raw.number.split("-") if raw.number else []
        transport = Transport(raw.transport) if raw.transport else None
        row = Assignment(
            service_name=name,
            description=description or None,
            first=int(bounds[0]) if bounds else None,
            last=int(bounds[-1]) if bounds else None,
            transport=transport,
            transport_stated=transport is not None,
            state=state_of_row(name, description),
            references=references,
            as_of={"registry": as_of},
        )
        if found is not None:
            row = row._replace(
                assignee=found.assignee,
                registered=found.registered,
                modified=found.modified,
                unauthorized_use=tidy_lines(found.unauthorized_use or "") or None,
                notes=tidy_lines(found.notes or "") or None,
                service_code=found.service_code,
                as_of={"registry": as_of, "registration": registered_as_of},
            )
        rows.append(row)
    return Merged(link_aliases(rows), unsettled)


def _read_text(raw: SpineRow, witness: Witnesses) -> tuple[str, tuple[str, ...], bool]:
    """Description, references, and whether the line breaks were undone beyond doubt."""

    def known(text: str) -> bool:
        return witness.describe(text, raw.number, raw.transport) or (
            witness.describe_anywhere(text)
        )

    mark = f"[{raw.transport.upper() or 'N/A'}]"
    readings = [split_references(text, known) for text in unwrap(raw.lines, mark)]
    for description, references in readings:
        if witness.describe(description, raw.number, raw.transport):
            return description, references, True
    for description, references in readings:
        if witness.describe_anywhere(description):
            return description, references, True
    return *readings[0], len({description for description, _ in readings}) == 1


def made_name(description: str) -> str:
    """The name that the spine makes for a row without one, out of its description.

    >>> made_name("Decomissioned Port 04/14/00, ms")
    'decomissioned_port_04_14_00_ms'
    """
    words = "_".join(re.sub(r"\(.*\)", "", description).split())
    made = "_".join(filter(None, re.sub(r"\W", "_", words).split("_"))).lower()
    return made if made.isidentifier() else f"apptype_{made}"


def _name_of(raw: SpineRow, description: str, witness: Witnesses) -> str | None:
    if raw.name == made_name(description) and raw.number:
        named = witness.name(raw.name, raw.number, raw.transport)
        nameless = witness.leave_nameless(raw.number, raw.transport)
        if not named and (nameless or state_of_row(None, description) is not State.ASSIGNED):
            return None
    return witness.spelling(raw.name, raw.number, raw.transport)


_Key = tuple[str, str, str]


def _by_key(registrations: Iterable[Registration]) -> dict[_Key, list[Registration]]:
    fields: dict[_Key, list[Registration]] = defaultdict(list)
    for row in registrations:
        fields[row.name.lower(), row.number, row.transport].append(row)
    return fields


def _join(
    fields: dict[_Key, list[Registration]], name: str | None, raw: SpineRow, description: str
) -> Registration | None:
    found = fields.get(((name or "").lower(), raw.number, raw.transport), [])
    if name is None or len(found) > 1:
        found = [row for row in found if tidy_description(row.description) == description]
    return found[0] if len(found) == 1 else None
