"""``origin.json`` of a kept version, whatever stands in it."""

from __future__ import annotations

import functools
import json
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.catalog.registry import lookup as book
from portbook.catalog.update import validate
from portbook.catalog.update.install import Keeper
from portbook.catalog.update.origin import UNRECORDED, Origin, parse_origin, read_origin
from portbook.catalog.update.versions import open_version
from portbook.cli import run
from tests.catalog.registry.upstream import small

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ODD = {
    "files is a list": b'{"files": []}',
    "files is null": b'{"files": null}',
    "files holds numbers": b'{"files": {"registry.tsv": 1}}',
    "files is a text": b'{"files": "registry.tsv"}',
    "a list": b"[]",
    "a number": b"1e999",
    "not a number": b"NaN",
    "deep": b"[" * 100_000,
    "deep files": b'{"files": ' + b'{"a":' * 50_000,
    "a number of many digits": b'{"files": {"registry.tsv": ' + b"9" * 10_000 + b"}}",
    "not UTF-8": b'{"url": "\xff\xfe"}',
    "UTF-16": '{"url": "x"}'.encode("utf-16"),
    "cut": b'{"files": {"registry.t',
    "empty": b"",
    "too large": b'{"url": "' + b"x" * (1 << 21) + b'"}',
}


@functools.cache
def contents(day: str) -> Mapping[str, bytes]:
    """The files of a small registry of *day*."""
    return validate.read(small(day), "file:x", day).contents


@pytest.fixture
def home(own_registries: Path) -> Path:
    """The folder of this user's kept registries, with two versions in it."""
    for day in ("2026-11-14", "2026-12-14"):
        with Keeper(str(own_registries)) as keeper:
            keeper.keep(contents(day), day, {"url": "file:x"}, book.shipped().store.as_of)
    return own_registries


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
def test_a_damaged_origin_is_told_and_passed_over(
    home: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "0001-2026-11-14" / "origin.json").write_bytes(content)
    assert run(["update", "--list"]) == 0
    listed = capsys.readouterr()
    assert "1        2026-11-14          origin.json is damaged\n" in listed.out
    assert listed.err == ""
    assert run(["update", "--list", "--json"]) == 0
    versions = json.loads(capsys.readouterr().out)["versions"]
    assert [each["damaged"] for each in versions] == ["origin.json", None]
    # Without its hashes nothing says that the version is whole: it isn't put in use again.
    assert run(["update", "--rollback"]) == 0
    assert "The shipped registry of" in capsys.readouterr().out


def test_the_version_in_use_is_told_by_its_pointer(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "0002-2026-12-14" / "origin.json").write_bytes(b'{"files": []}')
    assert run(["update", "--list"]) == 1
    listed = " ".join(capsys.readouterr().out.split())
    assert "in use origin.json is damaged: portbook update fetches it again" in listed


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have no names there")
def test_a_pipe_in_its_place_is_not_waited_for(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = home / "0001-2026-11-14" / "origin.json"
    path.unlink()
    os.mkfifo(path)
    with open_version(str(path.parent)) as version:
        assert read_origin(version) == UNRECORDED
    assert run(["update", "--list"]) == 0
    assert "origin.json is damaged" in capsys.readouterr().out


def test_texts_of_other_types_are_not_recorded() -> None:
    odd = {"url": 7, "asked": ["x"], "fetched": {}, "etag": True, "last_modified": "", "files": {}}
    assert parse_origin(json.dumps(odd).encode()) == Origin(files={})


def test_what_no_header_may_hold_is_not_sent_to_a_server() -> None:
    for etag in ('"1"\r\nX-Evil: 1', '"端"', '"\x00"'):
        assert parse_origin(json.dumps({"etag": etag, "url": etag}).encode()) == Origin(url=etag)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=9,
)


@given(st.binary(max_size=200) | st.dictionaries(st.sampled_from(Origin._fields), JSON))
def test_any_bytes_are_an_origin(drawn: object) -> None:
    content = drawn if isinstance(drawn, bytes) else json.dumps(drawn).encode()
    found = parse_origin(content)
    assert all(text is None or isinstance(text, str) for text in found[:-1])
    assert found.files is None or all(isinstance(each, str) for each in found.files.values())
