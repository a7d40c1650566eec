"""What the files of UFW and firewalld say of a port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portbook.host.firewall.configured import read_configured
from portbook.model import Transport

if TYPE_CHECKING:
    from pathlib import Path

UFW_RULES = """*filter
### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in
-A ufw-user-input -p tcp --dport 22 -j ACCEPT
### tuple ### deny any 8000:8099 0.0.0.0/0 any 192.0.2.0/24 in
### tuple ### allow udp 8080 0.0.0.0/0 any 0.0.0.0/0 in
"""
ZONE = """<zone>
  <service name="ssh"/>
  <port port="8080" protocol="tcp"/>
  <port protocol="udp" port="8000-8100"/>
</zone>
"""


def _write(root: Path, name: str, text: str) -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_ufw(tmp_path: Path) -> None:
    assert read_configured(8080, Transport.TCP, str(tmp_path)) == ()
    _write(tmp_path, "etc/ufw/ufw.conf", "# x\nENABLED=yes\n")
    (ufw,) = read_configured(8080, Transport.TCP, str(tmp_path))
    assert (ufw.enabled, ufw.rules, ufw.otherwise) == (True, None, None)
    _write(tmp_path, "etc/default/ufw", 'DEFAULT_INPUT_POLICY="DROP"\n')
    _write(tmp_path, "etc/ufw/user.rules", UFW_RULES)
    (ufw,) = read_configured(8080, Transport.TCP, str(tmp_path))
    assert ufw.rules == ("deny any 8000:8099 0.0.0.0/0 any 192.0.2.0/24 in",)
    assert ufw.otherwise == "drop"
    (ufw,) = read_configured(8200, Transport.TCP, str(tmp_path))
    assert ufw.rules == ()


def test_firewalld(tmp_path: Path) -> None:
    _write(tmp_path, "etc/firewalld/firewalld.conf", "DefaultZone=public\n")
    (bare,) = read_configured(8080, Transport.TCP, str(tmp_path))
    assert bare.rules is None
    _write(tmp_path, "usr/lib/firewalld/zones/public.xml", ZONE)
    (found,) = read_configured(8080, Transport.TCP, str(tmp_path))
    assert found.rules == ('<port port="8080" protocol="tcp"/>',)
    assert found.otherwise == "reject"
    (found,) = read_configured(8050, Transport.UDP, str(tmp_path))
    assert found.rules == ('<port protocol="udp" port="8000-8100"/>',)
