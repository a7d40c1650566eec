"""A previous run to compare with: a file like any other, of which nothing is taken on trust."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from portbook.app.audit.baseline import read_previous
from portbook.errors import InvalidArgument
from tests.app.audit import hostile, samples

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Said = tuple[int, str, str]

RAW = hostile.RAW


def _compared(previous: str | bytes, say: Callable[..., Said], folder: Path) -> Said:
    (folder / "f.csv").write_text("proto,dst_port\ntcp,305\n")
    path = folder / "old.json"
    path.write_bytes(previous.encode() if isinstance(previous, str) else previous)
    return say(folder / "f.csv", "--against", path)


@pytest.mark.parametrize("last", [RAW, f"2026-09-21{RAW}", None, 1e999, [], {}, "2026" * 30, "now"])
def test_no_time_of_a_previous_run_is_raw(
    last: object, say: Callable[..., Said], tmp_path: Path
) -> None:
    status, out, _ = _compared(hostile.previous(last=last), say, tmp_path)
    assert status == 0
    assert "Since the run of an unknown time" in out


@pytest.mark.parametrize(
    "service",
    [
        {"transport": "tcp", "port": float("inf")}, {"transport": "tcp", "port": 1e999},
        {"transport": "tcp", "port": 22.5}, {"transport": "tcp", "port": True},
        {"transport": "tcp", "port": "22"}, {"transport": "tcp", "port": -1},
        {"transport": "tcp", "port": 65536}, {"transport": RAW, "port": 22}, {"port": 22},
        {"transport": ["tcp"], "port": 22}, {"transport": "tcp", "port": 22, "reach": RAW},
        {"transport": "tcp", "port": 22, "reach": []}, [], None, 1, "x",
    ],
)  # fmt: skip
def test_no_service_of_a_previous_run_is_taken_on_trust(
    service: object, say: Callable[..., Said], tmp_path: Path
) -> None:
    status, out, err = _compared(hostile.previous(services=[service]), say, tmp_path)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "is no audit of portbook's as JSON" in err


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000, '{"a":' * 100_000, "", "{", "null", b"\xff\xfe", b"{\xff}", "\0" * 100,
        '{"schema":"portbook/audit/1"}', '{"schema":"portbook/audit/1","services":{}}',
        '{"schema":"portbook/audit/1","services":' + "[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_previous_run_is_one_line(
    text: str | bytes, say: Callable[..., Said], tmp_path: Path
) -> None:
    status, out, err = _compared(text, say, tmp_path)
    assert (status, out, err.count("\n")) == (2, "", 1)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no /dev/zero here")
def test_a_previous_run_without_end_ends(say: Callable[..., Said], tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("proto,dst_port\ntcp,305\n")
    assert say(tmp_path / "f.csv", "--against", "/dev/zero")[0] == 2
    (tmp_path / "old.json").write_text(hostile.previous(more=" " * (1 << 17)))
    with pytest.raises(InvalidArgument, match="more than 131,072 bytes"):
        read_previous(str(tmp_path / "old.json"), most=1 << 17)


def test_what_we_print_is_a_previous_run(say: Callable[..., Said], tmp_path: Path) -> None:
    samples.write("csv", tmp_path)
    _, out, _ = say(tmp_path, "--json")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "run.json").write_text(out)
    status, again, _ = say(tmp_path / "flows.csv", "--against", tmp_path / "old" / "run.json")
    assert status == 0
    assert f"Since the run of {json.loads(out)['last']}" in again
    assert "No service is new or gone." in again
