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
                    "Every sentence on a port's page comes from dated sources, by published rules. "
                    "Where a source is silent, the page says “not recorded”; it doesn't guess, "
                    "and it doesn't say “none”."
                ),
                Paragraph(
                    "Each transport has its own state. A row for one transport beats a row that "
                    "names none. For a number without a row we say “not listed”, because IANA "
                    "didn't say “unassigned”."
                ),
                Paragraph(
                    "A port counts as assigned if it is on any transport, else as reserved if it "
                    "is on any, else as unassigned. From 49152 on it is dynamic. A block is a "
                    "run of ports of one range in the same state."
                ),
                Paragraph(
                    "Names, states, descriptions and references come from a dated copy of the "
                    "registry. Assignees and dates come from an older copy, the last that has "
                    "them, and are shown with its date. Contacts and mail addresses are left out."
                ),
                Paragraph(
                    "Uses, server programs, abuse, blocked ports and systems' defaults are kept "
                    "line by line. Each line has a source and the day it was read."
                ),
            ),
            "method",
        ),
        Section("Sources", (Sources(tuple(sources)),), "sources"),
        Section(
            "Get portbook",
            (
                Paragraph(
                    "portbook, the tool behind these pages, answers on a terminal and for the "
                    "machine it runs on. It shows which program holds a port, who can reach it, "
                    "and whether that fits what is known of the port."
                ),
                Paragraph(
                    "It runs on Linux, macOS and Windows and needs Python 3.11 or later. "
                    "`pip install .` in a copy of its source installs it."
                ),
            ),
            "get",
        ),
        Section(
            "Licence",
            (
                Paragraph(
                    "IANA dedicates the registry to the public domain. The file NOTICE lists the "
                    "packages that its copy was built from, and their licences. "
                    "portbook is free software under the Apache License 2.0."
                ),
                Facts((("Version", version),)),
            ),
            "licence",
        ),
        Section(
            "Privacy",
            (
                Paragraph(
                    "These pages set no cookies, load nothing from elsewhere and keep no address "
                    "of their readers. What a page says about your machine comes from that "
                    "machine alone, and only where portbook runs on it."
                ),
            ),
            "privacy",
        ),
    )
