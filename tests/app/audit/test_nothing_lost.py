"""Whatever becomes of a log's lines on their way, each of them is told of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.app.audit.engines import connect
from portbook.errors import MalformedInput
from tests.app.audit import samples, test_cloud_logs, test_firewall_logs
from tests.app.audit.asking import ask
from tests.app.audit.test_cloud_logs import V2, V3, V4, V5
from tests.counts import examples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portbook.app.audit.engines.base import Engine
    from portbook.app.audit.result import AuditAnswer

ARGUS = """\
StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,Label
2026/01/10 09:46:53.047277,3.124,tcp,192.0.2.165,51027,   ->,198.51.100.139,80,S_RA,0,0,4,244,124,a
2026/01/10 09:46:59.607825,0.000,udp,192.0.2.2,41025,  <->,198.51.100.229,53,CON,0,0,2,276,79,b
2026/01/10 09:47:59.607825,0.000,udp,192.0.2.3,41025,  <->,198.51.100.229,53,CON,0,0,2,276,79,b
"""
NFDUMP_CSV = """\
ts,te,td,sa,da,sp,dp,pr,ibyt
2026-01-06 11:58:02,2026-01-06 11:58:03,1.0,192.0.2.1,198.51.100.9,50000,443,TCP,5300
2026-01-06 11:58:03,2026-01-06 11:58:03,0.0,192.0.2.2,198.51.100.9,50001,443,TCP,5300
2026-01-06 11:58:04,2026-01-06 11:58:05,1.0,192.0.2.3,198.51.100.9,50002,53,UDP,60
"""


def _sample(name: str) -> str:
    """One of the samples of an audit's own, its first rows."""
    from tempfile import TemporaryDirectory

    write: Callable[[Path], None] = getattr(samples, name)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        write(path)
        return path.read_text()


def _first(text: str, lines: int) -> str:
    return "".join(text.splitlines(keepends=True)[:lines])


# Each log, and how many lines of it are its header.
LOGS = {
    "ufw": (test_firewall_logs.UFW, 0),
    "filterlog": (test_firewall_logs.FILTERLOG, 0),
    "two-firewalls": (test_firewall_logs.UFW + test_firewall_logs.FORTIGATE, 0),
    "pan-os": (test_firewall_logs.PAN, 0),
    "windows": (test_firewall_logs.WINDOWS, 5),
    "fortigate": (test_firewall_logs.FORTIGATE, 0),
    "cef": (test_firewall_logs.CEF, 0),
    "leef": (test_firewall_logs.LEEF, 0),
    "sophos": (test_firewall_logs.SOPHOS, 0),
    "sonicwall": (test_firewall_logs.SONICWALL, 0),
    "juniper": (test_firewall_logs.JUNIPER, 0),
    "check-point": (test_firewall_logs.CHECK_POINT, 0),
    "zeek": (_first(_sample("zeek"), 14), 8),
    "zeek-json": (_first(_sample("zeek_json"), 6), 0),
    "vpc": (_first(_sample("vpc"), 6), 1),
    "vpc-exported": (f"2026-01-06T11:58:12.000Z 5 {V2}{V3}{V4}{V5}\n" * 4, 0),
    "gcp": ("".join(json.dumps(each) + "\n" for each in test_cloud_logs.GCP), 0),
    "nfdump": (NFDUMP_CSV, 1),
    "nfdump-text": (test_cloud_logs.NFDUMP_TEXT, 0),
    "cicflowmeter": (test_cloud_logs.CIC, 1),
    "argus": (ARGUS, 1),
    "argus-text": (test_cloud_logs.ARGUS_TEXT, 1),
    "suricata": (test_cloud_logs.SURICATA + "\n", 0),
    "osquery": (test_cloud_logs.OSQUERY + "\n", 0),
}
# What stands in the place of a character, or of all that is behind it.
_GARBLED = "x ,\t\"'{}[]|=\\#\x00é€"
damages = st.lists(
    st.tuples(
        st.sampled_from(("remove", "cut", "garble", "double")),
        st.floats(0, 1, exclude_max=True),
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(_GARBLED),
    ),
    max_size=3,
)


def _damaged(lines: list[str], done: list[tuple[str, float, float, str]]) -> list[str]:
    """*lines* with what was *done* to some of them."""
    lines = list(lines)
    for kind, which, where, char in done:
        if not lines:
            break
        at = int(which * len(lines))
        line = lines[at]
        place = int(where * len(line))
        if kind == "remove":
            del lines[at]
        elif kind == "cut":
            lines[at] = line[:place]
        elif kind == "garble":
            lines[at] = line[:place] + char + line[place + 1 :]
        else:
            lines.insert(at, line)
    return lines


def _told(answer: AuditAnswer) -> int:
    """How many records an audit tells of, whatever became of each."""
    flows = sum(each.flows for each in answer.services)
    left_out = answer.unanswered.flows + answer.undecidable.flows + answer.portless.flows
    faults = sum(1 + (each.more or 0) for each in answer.faults)
    return flows + left_out + answer.no_data + answer.other_records + faults


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    made = connect()
    yield made
    made.close()


@pytest.mark.proof
@given(name=st.sampled_from(sorted(LOGS)), done=damages)
@examples(4)
def test_each_line_of_a_log_is_told_of(
    engine: Engine,
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    done: list[tuple[str, float, float, str]],
) -> None:
    text, header = LOGS[name]
    lines = text.splitlines()
    kept = [*lines[:header], *_damaged(lines[header:], done)]
    path = tmp_path_factory.mktemp("log") / "flows.log"
    path.write_text("\n".join(kept) + "\n")
    try:
        answer = ask(path, engine=engine)
    except MalformedInput:
        return  # nothing of it is taken, and that is said
    records = [
        line for line in kept[header:] if line.strip() and not (name == "zeek" and line[0] == "#")
    ]
    assert _told(answer) == len(records), (kept, answer)
