"""Programs, and what systems do, in practice's files. A wrong cell raises DataCorrupt."""

from __future__ import annotations

from portbook.catalog.practice.rows import (
    cells_of,
    names_of,
    number_of,
    statement_sources_of,
    transport_of,
)
from portbook.model.programs import Program, SystemListener, SystemRule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.model import Transport


def port_of(text: str, path: str) -> tuple[int, Transport]:
    """The port and transport of a cell as ``22/tcp``, in the file *path*. Raises DataCorrupt."""
    port, _, transport = text.partition("/")
    return number_of(port, path), transport_of(transport, path)


def program_of(row: list[str], path: str) -> Program:
    """The program of one row of ``programs.tsv``, which is *path*. Raises DataCorrupt."""
    _, name, product, executables, services, ports, units, package, macos, windows, *rest = (
        cells_of(row, "programs", path)
    )
    source, read, further, also_called, sources = rest
    return Program(
        name=name,
        product=product,
        executables=tuple(executables.split()),
        services=tuple(services.split()),
        ports=tuple([port_of(port, path) for port in ports.split()]),
        source=source,
        read=read,
        units=tuple(units.split()),
        package=package or None,
        macos=tuple(macos.split()),
        windows=tuple(windows.split()),
        further=tuple(further.split()),
        also_called=names_of(also_called),
        sources=statement_sources_of(sources),
    )


def system_rule_of(row: list[str], path: str) -> SystemRule:
    """The system of one row of ``systems.tsv``, which is *path*. Raises DataCorrupt."""
    system, since, first, last, privileged, source, read, further = cells_of(row, "systems", path)
    return SystemRule(
        system=system,
        since=since or None,
        dynamic_first=number_of(first, path) if first else None,
        dynamic_last=number_of(last, path) if last else None,
        privileged=privileged,
        source=source,
        read=read,
        further=tuple(further.split()),
    )


def system_listener_of(row: list[str], path: str) -> SystemListener:
    """What one row of ``system_listeners.tsv``, which is *path*, says. Raises DataCorrupt."""
    system, name, programs, ports, summary, mend, source, read = cells_of(
        row, "system_listeners", path
    )
    return SystemListener(
        system=system,
        name=name,
        programs=tuple(programs.split()),
        ports=tuple([port_of(port, path) for port in ports.split()]),
        summary=summary,
        mend=mend,
        source=source,
        read=read,
    )
