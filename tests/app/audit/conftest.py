"""How the tests call the command, and what they hold of whatever it prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.command_line import run
from tests.counts import PROOF

if TYPE_CHECKING:
    from collections.abc import Callable

    Said = tuple[int, str, str]


@pytest.fixture(autouse=True)
def one_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Audits have parts of one database here; a file that is about databases overrides this.

    Under make proof each has its own, as the command has.
    """
    if PROOF:
        return
    from portbook.app.audit.engines import duckdb_engine
    from tests.app.audit.one_database import connect

    monkeypatch.setattr(duckdb_engine, "_connect", connect)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """What ``portbook audit`` ends with and prints, held to be harmless."""

    def asked(*argv: object) -> Said:
        status = run(["audit", *map(str, argv)])
        out, err = capsys.readouterr()
        for line in (*out.split("\n"), *err.split("\n")):
            assert line.isprintable(), ascii(line)
        assert "fault of portbook" not in out + err
        return status, out, err

    return asked
