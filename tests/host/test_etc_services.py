"""The machine's own names of ports."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hypothesis import given

from portbook.host.etc_services import parse_services, read_services, services_path
from tests.strategies import nasty


def test_what_is_no_service_is_passed_over() -> None:
    text = (
        "# a comment\n\nssh\t22/tcp\t\t# Secure Shell\nhttp 80/tcp www\nhttp 80/udp\nweb 80/udp\n"
        "noport\nname 123\nname x/tcp\nname 70000/tcp\nname ²/tcp\nname 999999999/tcp\r\nend 9/tcp"
    )
    assert parse_services(text) == {22: ("ssh",), 80: ("http", "web"), 9: ("end",)}


@given(nasty)
def test_any_text_is_read(text: str) -> None:
    found = parse_services(f"{text}\nssh 22/tcp\n")
    assert "ssh" in found[22]
    assert all(0 <= port <= 65535 for port in found)


def test_it_is_the_file_that_the_system_asks() -> None:
    if not Path(services_path()).exists():
        pytest.skip("this system has no services file")
    found = read_services()
    assert found
    for port, names in list(found.items())[:50]:
        kinds = []
        for kind in ("tcp", "udp"):
            try:
                kinds.append(socket.getservbyport(port, kind))
            except OSError:
                continue
        assert not kinds or set(kinds) & set(names)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_services(str(tmp_path / "services"))
