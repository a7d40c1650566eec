"""What a service answered to nmap's own probe counts as what it speaks."""

from __future__ import annotations

from portbook.app.library import explain
from tests.cases import for_each

SCAN = """<?xml version="1.0"?>
<nmaprun scanner="nmap">
<host><address addr="192.0.2.7" addrtype="ipv4"/><ports>
<port protocol="tcp" portid="{port}"><state state="open"/>{service}</port>
</ports></host>
</nmaprun>
"""


@for_each(
    "port, name, method, otherwise",
    [
        (443, "ssh", "probed", True),
        (443, "ssh", "table", False),
        (5432, "http", "probed", True),
        (53, "http", "probed", True),
        (22, "ssh", "probed", False),
        (8080, "http", "probed", False),
        (443, "no-such-protocol", "probed", False),
    ],
)
def test_what_nmap_heard_is_held_against_the_port(
    port: int, name: str, method: str, otherwise: bool
) -> None:
    # nmap writes a port on one line.
    text = SCAN.format(port=port, service=f'<service name="{name}" method="{method}"/>')
    (listener,) = explain(text.encode()).sockets
    codes = {each.code for each in listener.assessment.findings}
    assert ("speaks-otherwise" in codes) == otherwise
    assert (listener.assessment.speaks is not None) == (method == "probed")
