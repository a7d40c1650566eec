"""The ports that Windows keeps out of reach, as netsh tells them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from portbook.host import windows
from portbook.host.reader import read_excluded_ranges
from portbook.model import Transport
from tests.values import sentences

# The form of netsh's table; the words in it differ from language to language.
TABLE = """
Protocol tcp Port Exclusion Ranges

Start Port    End Port
----------    --------
      5357        5357
     50000       50059     *

* - Administered port exclusions.
"""


def test_both_families_are_asked_and_each_range_is_named_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SYSTEMROOT", r"C:\Windows")
    asked = []

    def run(command: list[str]) -> str:
        asked.append(command)
        return TABLE

    found = windows.read_excluded_ranges(Transport.TCP, run=run)
    assert found == (
        ((5357, 5357, "a service such as Hyper-V"), (50000, 50059, "an administrator")),
        (),
    )
    assert [command[2] for command in asked] == ["ipv4", "ipv6"]
    assert {command[-1] for command in asked} == {"protocol=tcp"}
    # A bare name would be looked for in the working directory.
    assert {command[0].rpartition("\\")[0] for command in asked} == {r"C:\Windows\System32"}


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(2, "No such file"),
        subprocess.TimeoutExpired("netsh", 3),
        subprocess.CalledProcessError(1, "netsh"),
    ],
)
def test_a_netsh_that_fails_is_said(error: Exception) -> None:
    def run(command: list[str]) -> str:
        raise error

    found, gaps = windows.read_excluded_ranges(Transport.UDP, run=run)
    (reason,) = sentences(gaps)
    assert found == ()
    assert reason.startswith("the excluded ports could not be read from netsh: ")
    assert "\n" not in reason


def test_text_of_another_kind_is_said() -> None:
    found, missing = windows.read_excluded_ranges(Transport.TCP, run=lambda _: "Access denied")
    assert (found, len(missing)) == ((), 1)


def test_netsh_knows_no_other_transport() -> None:
    assert windows.read_excluded_ranges(Transport.SCTP) == ((), ())


@pytest.mark.skipif(sys.platform.startswith("win"), reason="Windows has them")
def test_no_other_system_has_them() -> None:
    assert read_excluded_ranges(Transport.TCP) == ((), ())
