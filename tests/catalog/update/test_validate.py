"""What is taken for the registry, what is refused, and the order in which an update goes."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.update import xml_of
from portbook.app import update as renew
from portbook.catalog.registry.lookup import Registry
from portbook.catalog.registry.tsv_reader import Store
from portbook.catalog.update import install, validate, versions
from portbook.catalog.update.source import LARGEST, Fetched, Validators
from portbook.errors import Implausible, MalformedInput, NotFetched
from portbook.model import Assignment, State, Transport
from tests.catalog.registry.upstream import rows, small, small_registry
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

TODAY = "2026-11-21"
URL = "https://example.org/x"


@pytest.fixture
def home(tmp_path: Path) -> str:
    """A folder for kept registries."""
    return str(tmp_path / "portbook" / "registry")


def update(home: str, content: bytes, **options: Any) -> renew.Outcome:
    day = options.pop("day", "2026-11-01")
    got = Fetched(content, URL, day, Validators('"1"', None))
    return renewed(home, lambda _known: got, **options)


def renewed(home: str, get: renew.Get, url: str = URL, **options: Any) -> renew.Outcome:
    """What comes of a renewal where a small registry is in the place of the shipped one."""
    return renew.renew(home, url, get, TODAY, shipped=small_registry(), **options)


def csv_of(made: list[Assignment]) -> bytes:
    """The same rows as IANA's CSV has them."""
    lines = ["Service Name,Port Number,Transport Protocol,Description"]
    for row in made:
        span = str(row.first) if row.first == row.last else f"{row.first}-{row.last}"
        cells = [row.service_name or "", span, str(row.transport or ""), row.description or ""]
        lines.append(",".join('"' + cell.replace('"', '""') + '"' for cell in cells))
    return ("\r\n".join(lines) + "\r\n").encode()


def test_a_newer_one_is_put_in_use(home: str) -> None:
    done = update(home, small("2026-11-14"))
    assert (done.status, done.before, done.after) == ("updated", "2026-09-12", "2026-11-14")
    assert done.rows == done.rows_before == len(rows())
    assert done.changes == ()
    (version,) = install.versions(home)
    assert version.in_use
    assert version.origin.url == "https://example.org/x"
    assert version.origin.fetched == TODAY


def test_the_csv_as_well(home: str) -> None:
    done = update(home, csv_of(rows()), day="2026-11-10")
    assert (done.status, done.after, done.rows) == ("updated", "2026-11-10", len(rows()))
    assert done.changes == ()


def test_the_same_again_changes_nothing(home: str) -> None:
    update(home, small("2026-11-14"))
    assert update(home, small("2026-11-14")).status == "unchanged"
    assert len(install.versions(home)) == 1


def test_what_the_server_said_is_asked_of_it_again(home: str) -> None:
    update(home, small("2026-11-14"))
    known: list[Validators | None] = []

    def get(each: Validators | None) -> None:
        known.append(each)

    done = renewed(home, get)
    assert (done.status, known) == ("unchanged", [Validators('"1"', None)])
    renewed(home, get, "https://mirror.example/x")
    assert known[1] is None
    install.Keeper(home).__enter__().roll_back("2026-09-12")

    def refuse(line: str) -> None:
        raise AssertionError(line)

    renew_known = renew._known(renew._used(home, refuse, small_registry()), "https://example.org/x")
    assert renew_known is None


def test_a_dry_run_writes_nothing(home: str) -> None:
    done = update(
        home, small("2026-11-14", lambda row: _renamed(row, "ftp", "ftp-x")), dry_run=True
    )
    assert done.status == "difference"
    assert {(each.kind, each.first) for each in done.changes} == {("renamed", 21)}
    assert not Path(home).exists()


def _renamed(row: Assignment, old: str, new: str) -> Assignment:
    return row._replace(service_name=new) if row.service_name == old else row


def test_a_download_that_fails_changes_nothing(home: str) -> None:
    update(home, small("2026-11-14"))

    def get(_known: Validators | None) -> Fetched:
        raise NotFetched("https://example.org/x", "no")

    with pytest.raises(NotFetched):
        renewed(home, get)
    assert [version.in_use for version in install.versions(home)] == [True]


def test_roll_back(home: str) -> None:
    update(home, small("2026-11-01"))
    update(home, small("2026-11-14"))
    done = renew.roll_back(home, shipped=small_registry())
    assert (done.status, done.before, done.after) == ("rolled-back", "2026-11-14", "2026-11-01")
    done = renew.roll_back(home, shipped=small_registry())
    assert (done.status, done.after) == ("shipped", "2026-09-12")


def test_a_damaged_one_in_use_is_replaced(home: str) -> None:
    update(home, small("2026-11-14"))
    path = next(Path(home).glob("0*")) / versions.REGISTRY
    path.write_bytes(b"x")
    assert update(home, small("2026-11-14")).status == "updated"
    assert versions.find_in(home, "") is not None


# -- implausible ------------------------------------------------------------------------------


def without(*ports: int) -> Callable[[Assignment], Assignment | None]:
    return lambda row: None if row.first in ports else row


def moved(port: int, to: int) -> Callable[[Assignment], Assignment]:
    return lambda row: row._replace(first=to, last=to) if row.first == port else row


@pytest.mark.parametrize(
    ("day", "change", "why"),
    [
        ("2026-11-14", without(*range(200, 300)), "rows in use are not in it"),
        ("2026-11-14", without(22), "22/tcp is not ssh"),
        ("2026-11-14", lambda row: _renamed(row, "https", "x"), "443/tcp is not https"),
        ("2026-11-14", moved(90, 50_000), "assign Dynamic Ports"),
        ("2026-01-01", None, "older than the one in use"),
        ("2026-12-24", None, "yet to come"),
    ],
)
def test_what_cannot_be_the_registry_is_refused_unless_forced(
    home: str, day: str, change: Callable[[Assignment], Assignment | None] | None, why: str
) -> None:
    content = small(day, change)
    with pytest.raises(Implausible, match=why) as caught:
        update(home, content)
    assert str(caught.value).isprintable()
    assert install.versions(home) == ()
    done = update(home, content, force=True)
    assert done.status == "updated"
    assert any(why in reason for reason in done.overruled)


def test_one_row_in_twenty_may_go(home: str) -> None:
    ports = [row.first for row in rows() if row.first and row.first > 445][: len(rows()) // 25]
    assert update(home, small("2026-11-14", without(*filter(None, ports)))).status == "updated"


def test_a_day_older_than_the_shipped_ones_package_is_no_older_registry(home: str) -> None:
    assert update(home, small("2026-09-08")).status == "updated"


def test_rows_that_cannot_be_read_are_named(home: str) -> None:
    record = b"<record><name>x</name><number>99999</number></record><people>"
    content = small("2026-11-14").replace(b"<people>", record, 1)
    done = update(home, content)
    assert (done.rows, len(done.skipped)) == (len(rows()) + 1, 1)
    assert done.skipped[0].row == len(rows()) + 1
    assert "99999" in done.skipped[0].why
    many = small("2026-11-15").replace(
        b"<people>", record.replace(b"<people>", b"") * 99 + b"<people>", 1
    )
    with pytest.raises(Implausible, match="rows can't be read"):
        update(home, many)


# -- not the registry at all ------------------------------------------------------------------

# Each is made when its test runs: of the whole file, or of nothing.
NO_REGISTRIES: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "an empty line": lambda _: b"\n",
    "a page": lambda _: b"<!doctype html><html><body>Please log in</body></html>",
    "a page with a mark": lambda _: b"\xef\xbb\xbf  <HTML><head></head></HTML>",
    "half of it": lambda whole: whole[: len(whole) // 2],
    "all but its end": lambda whole: whole[:-3],
    "a DTD": lambda whole: whole.replace(b"<registry", b"<!DOCTYPE registry []><registry", 1),
    "no day": lambda whole: whole.replace(b"2026-11-14", b"yesterday", 1),
    "no update": lambda whole: whole.replace(b"<updated>2026-11-14</updated>", b"", 1),
    "another one": lambda whole: whole.replace(
        b"service-names-port-numbers", b"protocol-numbers", 1
    ),
    "UTF-7": lambda whole: whole.replace(b"UTF-8", b"UTF-7", 1),
    "UTF-16": lambda whole: whole.decode().encode("utf-16"),
    "a CSV without its end": lambda _: csv_of(rows())[:-2],
    "a CSV without rows": lambda _: csv_of([]),
    "another CSV": lambda _: b"a,b,c\r\n1,2,3\r\n",
    "JSON": lambda _: b"{}",
    "a damaged gzip": lambda _: b"\x1f\x8b" + random.Random(50).randbytes(50),
    "too much": lambda _: b"x" * (LARGEST + 1),
}


@pytest.mark.parametrize("what", NO_REGISTRIES)
def test_what_is_not_the_registry_is_refused_whatever_is_forced(home: str, what: str) -> None:
    content = NO_REGISTRIES[what](small("2026-11-14"))
    with pytest.raises(MalformedInput) as caught:
        update(home, content, force=True)
    assert str(caught.value).isprintable()
    assert install.versions(home) == ()


@pytest.mark.parametrize("content", [b"", b" \r\n"])
def test_an_empty_file_is_called_that(content: bytes) -> None:
    with pytest.raises(MalformedInput, match="the file is empty"):
        validate.read(content, "file:x", TODAY)


@given(st.data())
def test_a_file_that_is_cut_off_is_refused(data: st.DataObject) -> None:
    whole = small("2026-11-14")
    at = data.draw(st.integers(0, len(whole) - 2))
    with pytest.raises(MalformedInput):
        validate.read(whole[:at], "file:x", TODAY)


names = st.text(st.sampled_from("abc-09ÄØ<&\"'\\\t\n"), max_size=9)


@given(
    st.lists(
        st.tuples(
            names,
            st.sampled_from((None, *Transport)),
            st.none() | st.tuples(st.integers(0, 65535), st.integers(0, 99)),
            names,
            names,
        ),
        min_size=1,
        max_size=20,
    )
)
def test_every_row_is_in_the_store_or_named_as_skipped(drawn: list[Any]) -> None:
    made = []
    for name, transport, span, description, notes in drawn:
        first = None if span is None else span[0]
        last = None if span is None else min(65535, span[0] + span[1])
        made.append(
            Assignment(name, description, first, last, transport, bool(transport),
                       State.ASSIGNED, notes=notes, assignee="[A]")
        )  # fmt: skip
    try:
        taken = validate.read(xml_of(made, "2026-11-14"), "file:x", TODAY)
    except MalformedInput as error:
        assert "no row that could be read" in str(error)  # noqa: PT017
        return
    held = list(Registry(Store("", taken.contents)).store.all())
    assert len(held) + len(taken.skipped) == len(drawn) == taken.rows
    wanted = sorted(each[0].strip() for place, each in enumerate(drawn, 1)
                    if place not in {skip.row for skip in taken.skipped})  # fmt: skip
    assert sorted(row.service_name or "" for row in held) == wanted
    assert all(
        row.as_of == {"registry": "2026-11-14", "registration": "2026-11-14"} for row in held
    )


def test_fields_that_the_shipped_registry_lacks_come_with_their_day(home: str) -> None:
    row = next(row for row in rows() if row.service_name == "ssh")
    named = row._replace(registered="1995-07", modified="2026-10-10", notes="One\nTwo")
    content = xml_of([named], "2026-11-14").replace(
        b"</people>", b"<uri>mailto:someone&amp;host.example</uri></people>"
    )
    taken = validate.read(content, "file:x", TODAY)
    (found,) = taken.book.lookup(22, Transport.TCP) or taken.book.named("ssh")
    assert (found.registered, found.modified, found.notes) == ("1995-07", "2026-10-10", "One\nTwo")
    assert found.as_of["registration"] == "2026-11-14"
    assert b"mailto" not in b"".join(taken.contents.values())


# -- attacks: refused at once, and in little memory -------------------------------------------

_HEAD = '<?xml version="1.0"?>'
_ROOT = '<registry xmlns="http://www.iana.org/assignments" id="service-names-port-numbers">'
_END = "</registry>"
_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
ATTACKS = {
    "billion laughs": lambda: (
        f'{_HEAD}<!DOCTYPE r [<!ENTITY l0 "ha">{_LAUGHS}]>{_ROOT}&l11;</registry>'
    ),
    "quadratic": lambda: (
        f'{_HEAD}<!DOCTYPE r [<!ENTITY a "{"a" * 10**6}">]>{_ROOT}{"&a;" * 10**5}{_END}'
    ),
    "external": lambda: (
        f'{_HEAD}<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>{_ROOT}&x;{_END}'
    ),
    "parameter": lambda: (
        f'{_HEAD}<!DOCTYPE r SYSTEM "https://host.example/x.dtd">{_ROOT}</registry>'
    ),
    "a token of 100 MB": lambda: f"{_HEAD}{_ROOT}<record><name>{'x' * 10**8}</name></record>{_END}",
    "a tag of 100 MB": lambda: f"{_HEAD}{_ROOT}<{'x' * 10**8}/>{_END}",
    "a token as large as may be": lambda: (
        f"{_HEAD}{_ROOT}<updated>{'x' * (LARGEST - 999)}</updated>{_END}"
    ),
    "deep": lambda: f"{_HEAD}{_ROOT}{'<a>' * 100_000}",
    "deep and closed": lambda: (
        f"{_HEAD}{_ROOT}<record><description>{'<a>' * 50_000}{'</a>' * 50_000}"
        f"</description></record>{_END}"
    ),
}


_ASK = """
import sys
from portbook.cli import run
status = run(["update", "--force", "--from", sys.argv[1]])
with open("/proc/self/status") as file:
    print(next(line for line in file if line.startswith("VmHWM")).split()[1])
sys.exit(status)
"""


def _peak(path: Path) -> tuple[int, str]:
    """The most memory that refusing the file took, in KiB, and what was said."""
    done = subprocess.run(
        [sys.executable, "-c", _ASK, str(path)],
        env={**os.environ, "XDG_DATA_HOME": str(path.parent / "data")},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 2, done.stderr
    return int(done.stdout), done.stderr


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> int:
    """The most memory that it takes to refuse a file with nothing in it, in KiB."""
    path = tmp_path_factory.mktemp("usual") / "x.xml"
    path.write_text("<registry/>")
    return _peak(path)[0]


@pytest.mark.real
@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_in_little_memory(name: str, usual: int, tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_text(ATTACKS[name]())
    taken, said = _peak(path)
    path.unlink()
    assert said.startswith("portbook: ")
    assert said.count("\n") == 1
    assert taken - usual < 50 * 1024
