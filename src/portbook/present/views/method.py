"""How the book is made: its method, its sources, its licence, in sections of a page."""

from __future__ import annotations

from portbook.present.document import Facts, Paragraph, Section, Sources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from portbook.model import Source


def method(sources: Iterable[Source], version: str) -> tuple[Section, ...]:
    """The sections of the page, with the *sources* that this copy was made from."""
    return (
        Section(
            "Method",
            (
                Paragraph(
                    "Every sentence on a port's page is chosen by a fact and filled with one. "
                    "Where no source says a thing, the page says that it is not recorded; it "
                    "doesn't guess, and it doesn't say none."
                ),
                Paragraph(
                    "The registry's state is worked out for each transport apart. A row for one "
                    "transport beats a row that states none; a number without a row is not "
                    "listed, and the word unassigned is then not put into IANA's mouth."
                ),
                Paragraph(
                    "A headline says assigned if any transport is, else reserved if any is, else "
                    "unassigned; from 49152 on, dynamic. A block is a run of ports with the same "
                    "headline inside one range."
                ),
                Paragraph(
                    "Names, states, descriptions and references are those of a dated copy of the "
                    "registry. Assignees and dates come from an older copy, the last one read "
                    "here that has them, and are shown with its day. Contacts and mail addresses "
                    "are left out."
                ),
                Paragraph(
                    "What people use a port for, which programs listen where, which ports "
                    "browsers refuse and what systems do by default is kept line by line, each "
                    "with an address to read on and the day it was read."
                ),
            ),
            "method",
        ),
        Section("Sources", (Sources(tuple(sources)),), "sources"),
        Section(
            "Licence",
            (
                Paragraph(
                    "The registry itself is dedicated to the public domain by IANA. The packages "
                    "that its copy was built from, and their licences, are listed in the file "
                    "NOTICE. portbook is free software under the Apache License 2.0."
                ),
                Facts((("Version", version),)),
            ),
            "licence",
        ),
        Section(
            "Privacy",
            (
                Paragraph(
                    "These pages set no cookie, load nothing from elsewhere and keep no address "
                    "of their readers. What a page says about your machine comes from that "
                    "machine alone, and only where portbook runs on it."
                ),
            ),
            "privacy",
        ),
    )
