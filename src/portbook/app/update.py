"""Renewing the registry in use, from asking for a file to putting it in use, in one order.

Whatever goes wrong before the last step leaves everything as it was.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, NamedTuple

from portbook._fast_types import StrEnum
from portbook.catalog.registry.diff import compare
from portbook.catalog.registry.history import Copy, kept_log, render
from portbook.catalog.registry.lookup import Registry
from portbook.catalog.registry.tsv_reader import SHIPPED, Store
from portbook.catalog.update import validate, versions
from portbook.catalog.update.install import Keeper
from portbook.catalog.update.origin import UNRECORDED, Origin, read_origin
from portbook.catalog.update.source import IANA_XML, TIMEOUT, Validators, read_file
from portbook.errors import (
    DataCorrupt,
    DataMissing,
    Implausible,
    InvalidArgument,
    Untrusted,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from portbook.catalog.registry.history import Change, Log
    from portbook.catalog.registry.iana_formats import Skipped, Unknown
    from portbook.catalog.update.disk import Disk
    from portbook.catalog.update.source import Fetched, Progress

    # What is told of, a line a time.
    Tell = Callable[[str], None]
    # What fetches: given what is known of the copy in use, a new one, or None if that is it.
    Get = Callable[[Validators | None], Fetched | None]


class Request(NamedTuple):
    """Which registry to put in use, and how; without a *source*, IANA's.

    ``force`` takes one that is older or doesn't look like the registry; ``dry_run`` writes
    nothing; ``system`` does it for all users of this machine. ``timeout`` is in seconds.
    """

    source: str | None = None
    force: bool = False
    dry_run: bool = False
    system: bool = False
    timeout: float = TIMEOUT

    @property
    def home(self) -> str:
        """The folder of the registries that are kept."""
        return versions.folder(os.environ, system=self.system)

    @property
    def url(self) -> str:
        """Where the registry is to come from."""
        return self.source or IANA_XML


class UpdateStatus(StrEnum):
    """What became of an update."""

    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DIFFERENCE = "difference"  # nothing was done: this is what would change
    ROLLED_BACK = "rolled-back"
    SHIPPED = "shipped"  # the registry that came with portbook is in use again


class Outcome(NamedTuple):
    """What an update did, or with ``status`` DIFFERENCE would do.

    ``before`` and ``after`` are the dates of the registries, ``lost`` counts rows of the one
    before that are not in the other. ``overruled`` are the reasons against it that ``--force``
    set aside.
    """

    status: UpdateStatus
    before: str
    after: str
    folder: str | None = None
    url: str | None = None
    rows: int = 0
    rows_before: int = 0
    skipped: tuple[Skipped, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    changes: tuple[Change, ...] = ()
    overruled: tuple[str, ...] = ()
    plain: bool = False


class _Used(NamedTuple):
    """What is in use, and the changes that updates saw up to now."""

    book: Registry
    pointer: versions.Pointer | None
    origin: Origin
    log: Log | None


def update(
    request: Request,
    progress: Progress | None = None,
    tell: Tell = lambda _: None,
    shipped: Registry | None = None,
) -> Outcome:
    """Does what *request* says.

    *progress* is told how many bytes have come, *tell* in a line what of what is in use can't be
    trusted or read. *shipped* takes the place of the registry that came with portbook. Raises
    InvalidArgument for a source of which no kind is known, NotFetched, MalformedInput, Implausible
    or NotKept; whatever is raised, what is in use stays.
    """
    return renew(
        request.home,
        request.url,
        _getter(request.url, request.timeout, progress),
        dt.datetime.now(dt.UTC).date().isoformat(),
        force=request.force,
        dry_run=request.dry_run,
        tell=tell,
        shipped=shipped,
    )


def _getter(source: str, timeout: float, progress: Progress | None) -> Get:
    scheme = source.partition(":")[0].lower() if "://" in source else ""
    if scheme == "file":
        parts = urllib.parse.urlsplit(source)
        if parts.netloc not in ("", "localhost"):
            raise InvalidArgument(
                "from", f"{shown(source)} is on another machine: give file:///PATH"
            )
        source, scheme = urllib.request.url2pathname(parts.path), ""
    elif scheme not in ("", "http", "https"):
        raise InvalidArgument(
            "from", f"{shown(source)} is neither https nor a file: give one of these"
        )

    def get(known: Validators | None) -> Fetched | None:
        if not scheme:
            return read_file(source)
        from portbook.catalog.update.download import fetch

        return fetch(source, known, timeout, progress)

    return get


def renew(
    home: str,
    url: str,
    get: Get,
    today: str,
    *,
    force: bool = False,
    dry_run: bool = False,
    disk: Disk | None = None,
    tell: Tell = lambda _: None,
    shipped: Registry | None = None,
) -> Outcome:
    """Fetches from *url* by *get*, checks, and puts in use in *home* what is new.

    *tell* is given a line where what is in use there can't be trusted or read; *shipped* is as for
    :func:`update`.

    Raises NotFetched, MalformedInput, Implausible unless *force* is given, or NotKept. With
    *dry_run* nothing is written anywhere.
    """
    own = Registry() if shipped is None else shipped
    with _open(home, disk, dry_run=dry_run) as keeper:
        used = _used(home, tell, own)
        fetched = get(_known(used, url))
        before = used.book.store.as_of
        if fetched is None:
            if keeper is not None:
                keeper.confirm()
            return Outcome(UpdateStatus.UNCHANGED, before, before, url=url)
        taken = validate.read(fetched.content, fetched.url, fetched.day)
        reasons = validate.reasons_against(taken, used.book, used.pointer is None, today)
        if reasons and not force:
            raise Implausible(reasons)
        found = Outcome(
            UpdateStatus.DIFFERENCE,
            before,
            taken.as_of,
            url=fetched.url,
            rows=taken.rows,
            rows_before=sum(1 for _ in used.book.store.heads()),
            skipped=taken.skipped,
            unknown=taken.unknown,
            changes=compare(used.book, taken.book),
            overruled=reasons,
            plain=fetched.plain,
        )
        if used.pointer is not None and _same(used.pointer, taken.contents):
            if keeper is not None:
                keeper.confirm()
            return found._replace(status=UpdateStatus.UNCHANGED)
        if keeper is None:
            return found
        origin = {
            "url": fetched.url,
            "asked": url,
            "fetched": today,
            "etag": fetched.validators.etag,
            "last_modified": fetched.validators.last_modified,
            "rows": taken.rows,
            "skipped": [list(each) for each in taken.skipped[:100]],
            "unknown": [list(each) for each in taken.unknown[:100]],
        }
        log = extend_log(used.book, taken, found.changes, used.log)
        contents = {**taken.contents, versions.HISTORY: log}
        version = keeper.keep(contents, taken.as_of, origin, own.store.as_of)
        return found._replace(status=UpdateStatus.UPDATED, folder=version.path)


def roll_back(
    home: str,
    disk: Disk | None = None,
    tell: Tell = lambda _: None,
    shipped: Registry | None = None,
) -> Outcome:
    """Puts the version before the one in use in *home* in use again. Raises NotKept."""
    book = Registry() if shipped is None else shipped
    with Keeper(home, disk) as keeper:
        before = _used(home, tell, book).book.store.as_of
        own = book.store.as_of
        version = keeper.roll_back(own)
        if version is None:
            return Outcome(UpdateStatus.SHIPPED, before, own)
        return Outcome(UpdateStatus.ROLLED_BACK, before, version.as_of, folder=version.path)


def extend_log(
    used: Registry, taken: validate.Taken, changes: tuple[Change, ...], before: Log | None
) -> bytes:
    """The changes that updates saw *before*, with those from *used* to *taken*."""
    copies = {copy.as_of: copy for copy in (before.copies if before else ())}
    told = tuple(before.all()) if before else ()
    for as_of in (used.store.as_of, taken.as_of):
        copies.setdefault(as_of, Copy(as_of, "kept on this machine"))
    ordered = [copies[as_of] for as_of in sorted(copies)]
    # Going back to an older registry is no event in the world.
    new = changes if taken.as_of > used.store.as_of else ()
    return render((*told, *new), ordered).encode()


@contextlib.contextmanager
def _open(home: str, disk: Disk | None, *, dry_run: bool) -> Iterator[Keeper | None]:
    if dry_run:
        yield None
        return
    with Keeper(home, disk) as keeper:
        yield keeper


def _used(home: str, tell: Tell, shipped: Registry) -> _Used:
    """What is in use among the registries kept in *home*, or the *shipped* one.

    One of which a byte is wrong isn't compared with, nor is the server told that it is there.
    """
    log = None
    try:
        pointer = versions.read_pointer(home)
        if pointer is not None:
            log = _log_of(home, pointer)
            version = versions.find_in(home, SHIPPED, whole=True)
            if version is not None:
                book = Registry(Store(version.path, opener=version.opener))
                return _Used(book, pointer, read_origin(version), log)
    except (Untrusted, DataMissing, DataCorrupt) as error:
        why = error if isinstance(error, Untrusted) else error.why
        tell(f"the registry in {shown(home, 200)} is not used: {why}")
    return _Used(shipped, None, UNRECORDED, log)


def _log_of(home: str, pointer: versions.Pointer) -> Log | None:
    """The log of the version in use, if it is whole: one of a damaged version may be."""
    try:
        with versions.open_version(os.path.join(home, pointer.version)) as version:
            for file in pointer.files:
                if file.name == versions.HISTORY:
                    versions.check(version, file, whole=True)
                    return kept_log(version.path, version.opener)
    except Untrusted:
        pass
    return None


def _known(used: _Used, url: str) -> Validators | None:
    """What was said of the copy in use when it was fetched from the same address."""
    etag, changed = used.origin.etag, used.origin.last_modified
    if used.origin.asked != url or not (etag or changed):
        return None
    return Validators(etag, changed)


def _same(pointer: versions.Pointer, contents: Mapping[str, bytes]) -> bool:
    hashes = {file.name: file.sha256 for file in pointer.files}
    return hashes.get(versions.REGISTRY) == hashlib.sha256(contents[versions.REGISTRY]).hexdigest()
