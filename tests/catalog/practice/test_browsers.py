"""The list of ports that browsers refuse, against another reading of the same standard.

undici is the HTTP client of Node.js; its list is in ``lib/web/fetch/constants.js``, here of
version 7.30.2 (https://github.com/nodejs/undici). It leaves out port 0.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from portbook.catalog.practice import lookup as practice
from tests.values import CATALOG

PRACTICE = CATALOG.practice

UNDICI = """
1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115
117 119 123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563
587 601 636 989 990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667
6668 6669 6679 6697 10080
"""


def test_the_list_is_undici_s_and_port_0() -> None:
    theirs = {*map(int, UNDICI.split())}
    assert len(theirs) == 82
    text = (Path(practice.__file__).parent / "browsers.toml").read_text("utf-8")
    assert set(tomllib.loads(text)["ports"]) == theirs | {0}
    assert {port for port in range(65_536) if PRACTICE.browser_blocked(port)} == theirs | {0}
