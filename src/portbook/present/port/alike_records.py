"""Records that say the same of several products, joined to one: a long list gets short."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.present.document import Record

_LEAST_JOINED = 3  # products that one document, or one folder, says the same of
_HOST, _BLOB = "https://github.com/", "/blob/"


def joined(records: Sequence[Record]) -> tuple[Record, ...]:
    """*records*, those of which one source says the same as one: the names in a line.

    The source is a document, of whose address the lines of the single products are left out; or
    the files of one repository at one commit, of which each product's is told.
    """
    if len(records) < _LEAST_JOINED:
        return tuple(records)
    told = set()  # what a record of its own says more of
    for at, each in enumerate(records):
        if not each.subject:
            told.add(records[at - 1])
    by_document: dict[tuple[str, ...], list[Record]] = {}
    for each in records:
        if each.subject and each not in told:
            by_document.setdefault(_what_it_says(each, _document(each)), []).append(each)
    by_repository: dict[tuple[str, ...], list[Record]] = {}
    for each in records:
        repository = _repository(each)
        alike = by_document.get(_what_it_says(each, _document(each)), ()) if repository else ()
        if each in alike and len(alike) < _LEAST_JOINED:
            by_repository.setdefault(_what_it_says(each, repository), []).append(each)
    made: dict[Record, Record | None] = {}  # what stands for each; nothing for a later one
    for same, join in (
        *[(same, _of_document) for same in by_document.values()],
        *[(same, _of_folder) for same in by_repository.values()],
    ):
        if len(same) >= _LEAST_JOINED:
            made.update(dict.fromkeys(same))
            made[same[0]] = join(same)
    shown = [made.get(each, each) for each in records]
    return tuple([each for each in shown if each is not None])


def _what_it_says(record: Record, source: str) -> tuple[str, ...]:
    return record.kind, record.said, source, record.read, record.group


def _document(record: Record) -> str:
    return record.source.partition("#")[0]


def _repository(record: Record) -> str:
    """The repository of a file on GitHub, with its commit; empty for whatever else.

    >>> from portbook.present.document import Record
    >>> _repository(Record("A", "", "", "https://github.com/o/r/blob/1f2e/d/a.json#L1", ""))
    'https://github.com/o/r/blob/1f2e'
    """
    place, blob, path = record.source.partition(_BLOB)
    commit, slash, _ = path.partition("/")
    return f"{place}{blob}{commit}" if slash and place.startswith(_HOST) else ""


def _names(same: Sequence[Record]) -> str:
    return ", ".join(dict.fromkeys(each.subject for each in same))


def _of_document(same: Sequence[Record]) -> Record:
    return same[0]._replace(subject=_names(same), source=_document(same[0]))


def _of_folder(same: Sequence[Record]) -> Record:
    folder = _repository(same[0])
    first, last = min(same, key=_document).source, max(same, key=_document).source
    for part in first.removeprefix(f"{folder}/").split("/")[:-1]:
        if not last.startswith(f"{folder}/{part}/"):
            break
        folder = f"{folder}/{part}"
    files = [(each.subject, each.source.removeprefix(f"{folder}/")) for each in same]
    return same[0]._replace(
        subject=_names(same),
        source=folder.replace(_BLOB, "/tree/", 1),
        files=tuple(files),
    )
