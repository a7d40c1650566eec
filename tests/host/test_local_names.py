"""What names mean on this machine, without asking DNS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portbook.host.local_names import addresses_of

if TYPE_CHECKING:
    from pathlib import Path

HOSTS = """127.0.0.1 localhost
192.0.2.7 shop shop.example  # ours
# 192.0.2.8 gone
2001:db8::7 shop
"""


def _etc(tmp_path: Path, hosts: str = HOSTS, switch: str = "hosts: files dns\n") -> str:
    (tmp_path / "hosts").write_text(hosts)
    (tmp_path / "nsswitch.conf").write_text(switch)
    return str(tmp_path)


def test_names_of_the_hosts_file_are_in_its_order_where_dns_would_be_asked_first(
    tmp_path: Path,
) -> None:
    etc = _etc(tmp_path, switch="hosts: dns files\n")
    assert addresses_of("shop", etc=etc) == ("2001:db8::7", "192.0.2.7")
    assert addresses_of("SHOP.example", etc=etc) == ("192.0.2.7",)
    assert addresses_of("gone", etc=etc) is None


@pytest.mark.parametrize("name", ["localhost", "app.localhost", "LOCALHOST."])
def test_localhost_needs_no_file(tmp_path: Path, name: str) -> None:
    assert addresses_of(name, etc=str(tmp_path)) == ("::1", "127.0.0.1")


def test_another_name_is_not_asked_of_anybody(tmp_path: Path) -> None:
    assert addresses_of("db.example.org", etc=_etc(tmp_path)) is None
