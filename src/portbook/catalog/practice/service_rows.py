"""The services in practice's files. A cell that can't be one's raises DataCorrupt."""

from __future__ import annotations

from portbook.catalog.practice.rows import names_of, number_of, statement_sources_of, transport_of
from portbook.errors import DataCorrupt
from portbook.model.services import (
    Authentication,
    Encryption,
    Exposure,
    KnownService,
)


def service_of(cells: list[str], path: str) -> KnownService:
    """The service of a line of *path*. Raises DataCorrupt where a cell can't be one's."""
    first, last, transport, name, gist, also_called, description, registered, *rest = cells
    people, encryption, authentication, twin, successor, elsewhere, *rest = rest
    advice, why, amplification, references, source, read, sources = rest
    try:
        return KnownService(
            name=name,
            transport=transport_of(transport, path),
            first=number_of(first, path),
            last=number_of(last, path),
            gist=gist,
            description=description,
            source=source,
            read=read,
            also_called=names_of(also_called),
            registered=tuple(registered.split()),
            people=people or None,
            encryption=Encryption(encryption) if encryption else None,
            authentication=Authentication(authentication) if authentication else None,
            twin=twin or None,
            successor=successor or None,
            elsewhere=tuple(elsewhere.split()),
            exposure=Exposure(advice, why) if advice else None,
            amplification=amplification or None,
            references=tuple(references.split(", ")) if references else (),
            sources=statement_sources_of(sources),
        )
    except ValueError:
        raise DataCorrupt(path, f"the service {name[:40]!a} has a word of no closed set") from None
