"""The readers of what other tools print, and what is made of all of it."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portbook.app import explain
from portbook.app.socket_filter import Filter
from portbook.errors import MalformedInput
from portbook.formats import json_stream, lines
from portbook.formats.common_lead import leads_of
from portbook.formats.fields import LONGEST_TEXT, PlainRows
from portbook.formats.line_numbers import without_numbers
from portbook.formats.markup import without_markup
from portbook.formats.pasted_line import Pasted
from portbook.formats.row_starts import without_lead
from portbook.formats.sockets.detect import FORMATS, detect, read, read_rows
from portbook.formats.sockets.record_cells import has_own_address, of_pairs, rows_in
from portbook.formats.sockets.unheaded import records_of
from portbook.model import LAST_PORT, Listener
from portbook.present.render.sockets_json import of_explain, of_row
from portbook.present.render.text import Style
from portbook.present.views.explain import render_explained
from portbook.web.explain import endpoints, explainer
from portbook.web.site_config import Site
from tests.hostile.inputs import COUNTER, LONG_LINE, Kind, Repeated, Table
from tests.hostile.reader import Reader
from tests.values import AS_OF, CATALOG

if TYPE_CHECKING:
    from collections.abc import Callable

    from portbook.formats.fields import Event
    from tests.hostile.inputs import Input

_SAMPLES = Path(__file__).parent.parent / "formats" / "samples"
# The samples of each format; one that isn't here has none, which a test doesn't let pass.
SAMPLES = {
    "ss": ("ss-names.txt", "ss-old.txt", "ss-hostile.txt"),
    "netstat": ("netstat-linux.txt", "macos-netstat-14.txt", "macos-netstat-v.txt"),
    "netstat-windows": ("windows-en.txt", "windows-ja.txt"),
    "netstat-solaris": ("netstat-solaris.txt",),
    "sockstat": ("sockstat-freebsd.txt",),
    "open-ports": ("open-ports.txt",),
    "rpcinfo": ("rpcinfo.txt",),
    "systemctl-sockets": ("systemctl-sockets.txt",),
    "fuser": ("fuser.txt",),
    "osquery-table": ("osquery-table.txt",),
    "lsof": ("macos-lsof.txt",),
    "lsof-fields": (),
    "nmap": ("nmap.txt",),
    "nmap-grepable": ("nmap-grepable.txt",),
    "nmap-xml": ("nmap.xml", "masscan.xml"),
    "masscan-list": ("masscan.list",),
    "masscan-json": ("masscan.json",),
    "docker": ("docker.txt", "docker.jsonl"),
    "proc-net": ("proc-net.txt",),
    "portbook": (),
    "osquery": ("osquery.json", "osqueryd.log"),
    "powershell": (
        "tcpconnection.txt", "tcpconnection-list.txt", "tcpconnection.csv", "tcpconnection.json",
    ),
    "zeek": ("zeek.log",),
    "flow-json": ("eve.json",),
    "records": ("records.csv", "records.json"),
}  # fmt: skip
_OWN = (
    b'{"schema":"portbook/listener/1","transport":"tcp","family":"ipv4","address":"0.0.0.0",'
    b'"port":22,"state":"listen","owners_seen":"all","findings":[],"owners":['
)
_OWNER = b'{"pid":' + COUNTER + b',"program":"sshd","command":["sshd","-D"]}'
_WRITTEN = {
    "lsof-fields": b"p812\ncsshd\nLroot\nf3\ntIPv4\nd20101\nPTCP\nn*:22\nTST=LISTEN\n",
    "portbook": _OWN + _OWNER.replace(COUNTER, b"812") + b"]}\n",
    "records": (
        b"tcp,0.0.0.0,22,sshd,812\nsshd 812 TCP *:22 (LISTEN)\n0.0.0.0:22 LISTEN 812/sshd\n"
        b'tcp 0.0.0.0:22 users:(("sshd",pid=8,fd=3),("sshd",pid=9,fd=3))\n'
        b"Protocol : TCP\nLocal Port : 80\nLocal Address : 0.0.0.0\n\n- address: '::1'\n"
        b"sshd 812 root 3 rw- TCP sockfs 9 28 state=listen laddr=0.0.0.0:22\n"
        b"[x] udp:0.0.0.0:53 is in use by dnsmasq\n"
        b'Plugin ID,Host,Protocol,Port,Plugin Output\n1,192.0.2.1,tcp,22,"a\nb"\n'
    ),
}
_SOCKETS = (
    Repeated("a list of objects", b'{"port":"' + COUNTER + b'","protocol":"6"},', b"[", b"{}]"),
    Repeated("one object of many keys", b'"k' + COUNTER + b'":[{}],', b"{", b'"port":1}'),
    Repeated("objects in one line", b'{"address":"::"}'),
    Kind("a number of many digits", b'{"port":', b"9", b"}"),
    Kind("a string without end", b'{"a":"', b'\\"', width=LONG_LINE),
    Kind("infinities", b'[{"port":1e999,"pid":-Infinity,"x":[', b"NaN,", b"1]}]"),
)
_JSON = ("masscan-json", "docker", "portbook", "osquery", "powershell", "flow-json", "records")
_SENT = (
    Repeated("a mail of one line", b"a=20=\n", b"Content-Transfer-Encoding: quoted-printable\n"),
    Kind("a mail's bytes in one line", b"=3D", b"=C3", b" a=20", LONG_LINE),
    Kind("quotes of CSV in one line", b"tcp,LISTEN,0,", b'"",', b'users:((""', LONG_LINE),
    Kind("cells of CSV in one line", b'"tcp,', b'"";,', b'"', LONG_LINE),
)
_ROW = b"tcp LISTEN 0 128 0.0.0.0:" + COUNTER + b" 0.0.0.0:*\n"
_PARTS = (
    Repeated("a diff that takes all away", b"-" + _ROW + b"+\n", b"@@ -1,9 +1,9 @@\n"),
    Repeated("a diff without context", b"< " + _ROW + b"---\n> " + _ROW, b"3c3\n"),
    Repeated("many hosts", b"web" + COUNTER + b" | CHANGED | rc=0 >>\n" + _ROW),
    Repeated("names below each other", b"web." + COUNTER + b":\n", _ROW),
    Repeated("names between rules", b"---------\nweb" + COUNTER + b"\n", _ROW),
    Repeated("prompts", b"op@web01:~$ " + b"a" * 60 + b"\n", _ROW),
    Repeated("hosts before a blank", b"web01 " + _ROW),
    Repeated("addresses alone", b"192.0.2.1:" + COUNTER + b"\n", b"Local Address:Port\n"),
    Repeated("protocols and addresses", b"tcp 192.0.2.1:" + COUNTER + b"\n"),
    Repeated("two versions beside each other", b"tcp 0 0 *:1 *:*  tcp 0 0 *:1 *:*\na < \n > b\n"),
    Kind("gaps in one line", b"tcp LISTEN 0 1 *:1 *:* | tcp\n", b"tcp  \t", b"|", 900),
    Repeated("words before rows", b"default web-abc web " + _ROW),
    Kind("beginnings of rows in one line", b"x ", b"tcp LISTEN 0 ", b"LISTEN 0 1 ", LONG_LINE),
    Repeated("steps of a build", b"#12 0.346 " + _ROW),
    Kind("a name in one line", b"=== web.", b"a1.", b" ===", LONG_LINE),
    Kind("signs in one line", b"web01 ", b"=-#", b" =", LONG_LINE),
)
_COLUMN = b"x" + COUNTER + b"   "


class _Wide:
    """A table of PowerShell's with as many columns as its rows have words."""

    name = "a table of many columns, rows of many words"

    def make(self, size: int) -> bytes:
        """About *size* bytes of it."""
        columns = size // 9
        head = b"LocalAddress LocalPort " + b"ab " * columns
        dashes = b"------------ --------- " + b"-- " * columns
        return b"\n".join((head, dashes, b"x " * (columns * 3 // 2))) + b"\n"


_INPUTS: dict[str, tuple[Input, ...]] = {
    "ss": (
        Kind("many owners", b"tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:((",
             b'"a",pid=' + COUNTER + b",fd=1),(", b"))", 60_000),
        Repeated("lines that go on", b'\t users:(("a",pid=' + COUNTER + b",fd=1))\n",
                 b"tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n"),
        Repeated("rows without an end", b"tcp LISTEN 0 1\n"),
        Repeated("owners in lines of their own", b'("a",pid=' + COUNTER + b",fd=1),\n",
                 b"tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:((\n"),
    ),
    "netstat": (
        Table("a header that never ends", Kind("head", b"Proto Local Address x (state)", b" x",
              b" process:pid"), b"tcp4 0 0 *.22 *.* LISTEN 0 0 a:1"),
    ),
    "netstat-windows": (
        Kind("rows in one line", b"", b"TCP 1:1 1:1 ", width=LONG_LINE),
        Kind("rows in one line that none ends", b"", b"TCP  UDP 1:1 ", width=LONG_LINE),
    ),
    "lsof": (
        Repeated("one socket of many processes",
                 b"a " + COUNTER + b" root 8u IPv4 0x1 0t0 TCP *:22 (LISTEN)\n"),
        Kind("rows in one line", b"", b"a 1 b 3u IPv4 ", width=LONG_LINE),
        Kind("rows in one line that none ends", b"IPv4 IPv6 ", b"a 1 b 2 ", width=LONG_LINE),
    ),
    "sockstat": (
        Kind("a row of fstat's", b"root sshd 812 3* internet stream tcp ", b"0x0 ", b"*:22"),
        Kind("blanks of fstat's", b"USER CMD PID FD MOUNT INUM\na b 1 2* internet", b" ", b"x"),
    ),
    "docker": (
        Kind("many ports of one container", b"CONTAINER ID   PORTS   NAMES\n0123456789ab   ",
             b"1->1/tcp,x,", b"   web"),
        Repeated("ranges", b"8000-8003->1/tcp, ", b'{"Names":"a","Ports":"', b'"}'),
        Table("many columns", Kind("head", b"CONTAINER ID   PORTS   NAMES   ", _COLUMN),
              b"0123456789ab   1->1/tcp   web"),
        Repeated("a part of docker inspect", b'"Ports": {\n"80/tcp": null\n}\n'),
        Kind("a map of Go", b"map[", b"1/tcp:[{:: 1}] ", b"]"),
        Repeated("rows of bad ports", b"0123456789ab   x,y,z,w   web\n",
                 b"CONTAINER ID   PORTS     NAMES\n"),
    ),
    "nmap-xml": (
        Kind("one attribute", b'<nmaprun><host a="', b"a", b'"/></nmaprun>'),
        Kind("many attributes", b"<nmaprun><host ", b"a" + COUNTER + b'="" ', b"/></nmaprun>"),
        Kind("a tag in short lines", b"<nmaprun><host ", b'a="" ', b"", 1000),
        Repeated("a comment in short lines", b"a\n", b"<nmaprun><!-- ", b"--></nmaprun>"),
        Repeated("a tag of many lines", b'a="' + b"b" * 900 + b'"\n', b"<nmaprun><host "),
        Repeated("many small elements", b"<host/>", b"<nmaprun>", b"</nmaprun>"),
    ),
    "portbook": (
        Repeated("many owners of one socket", _OWNER + b",", _OWN, b"{}]}"),
        Repeated("one socket again and again", _OWN + _OWNER + b"]}\n"),
        Kind("a deep list", _OWN + b'],"uid":', b"["),
    ),
    "osquery": (
        Repeated("one snapshot", b'{"port":"' + COUNTER + b'","protocol":"6"},',
                 b'{"snapshot":[', b"{}]}"),
        Repeated("one socket of many processes",
                 b'{"port":"22","protocol":"6","pid":"' + COUNTER + b'","address":"::"},',
                 b"[", b"{}]"),
    ),
    "records": (
        Table("a CSV of many columns", Kind("head", b"ip,port,protocol", b",x"), b"::,22,tcp"),
        Repeated("records of one document", b'{"ip":"::","port":' + COUNTER + b',"protocol":"tcp",'
                 b'"pid":1},', b'{"a":[', b"{}]}"),
        Kind("a deep document", b'{"a":', b'[{"a":', b"1"),
        Kind("blanks", b"ip  port  protocol\n", b"  ", b"a  b  c", LONG_LINE),
        Kind("quotes of CSV", b"ip,port,protocol\n", b'"",', width=LONG_LINE),
        Repeated("rows without a header", b"web01,tcp,0.0.0.0," + COUNTER + b",sshd,812\n"),
        Repeated("a row of many owners", b'("a",pid=' + COUNTER + b",fd=1),", b"tcp *:22 users:(("),
        Kind("cells of a row", b"tcp 0.0.0.0:22 ", b"a ", b"LISTEN", LONG_LINE),
        Kind("an address of one cell", b"tcp LISTEN ", b"::1", b":22", LONG_LINE),
        Repeated("cells with names", b"Name : a\nPort : 1\n"),
        Repeated("a record of many cells", b"k" + COUNTER + b" : 1\n", b"Port : 1\n"),
        Repeated("a cell without end", b"a\n", b'pluginid,ip,port,protocol,synopsis\n1,::,1,tcp,"'),
        Repeated("cells without end", b'1,::,1,tcp,"\n\n', b"pluginid,ip,port,protocol,synopsis\n"),
        Kind("a row of lsfd", b"a 1 b TCP ", b"state=a ", b"laddr=1:1", LONG_LINE),
        Repeated("lists without a port", b"- address: ::1\n  protocol: tcp\n"),
    ),
    "powershell": (
        Repeated("endpoints in one value", b'{"LocalPort":' + COUNTER + b'},', b'{"value":[',
                 b"{}]}"),
        _Wide(),
        Table("a CSV with many columns", Kind("head", b"LocalAddress,LocalPort", b",x"), b"::,22"),
        Repeated("a list with many properties", b"Caption" + COUNTER + b" : x\n",
                 b"LocalAddress : ::\n"),
    ),
}  # fmt: skip


def check(event: Event) -> None:
    """Raises AssertionError where *event* can't be shown as it is."""
    if isinstance(event, Listener):
        assert 0 <= event.socket.port <= LAST_PORT
        assert event.socket.state in ("listen", "bound")
        assert event.socket.family in ("ipv4", "ipv6", None)
        assert (event.socket.family is None) == (event.socket.address == "?")
        assert event.socket.address.isascii()
        assert event.socket.address.isprintable()
        json.dumps(of_row(event)).encode()
        return
    assert event.number >= 1
    assert event.many >= 0
    assert len(event.text) <= LONGEST_TEXT


def _read(name: str | None, data: bytes) -> None:
    for event in read([data], name)[1]:
        check(event)


def _read_rows(name: str | None, data: bytes) -> None:
    for event in read_rows([data], name)[1]:
        if isinstance(event, PlainRows):
            for at in range(len(event.ports)):
                check(event.listener(at))
        else:
            check(event)


def _explained(data: bytes) -> None:
    answer = explain.explain([data], Filter(), CATALOG)
    json.dumps(of_explain(answer)).encode()
    assert_shown(render_explained(answer, Style()))


def _answered(data: bytes) -> None:
    """The site's page and its JSON."""
    for site in (Site(AS_OF)._asdict(), None):
        says, body = explainer.answer(data[: endpoints.LONGEST], None, site, CATALOG)
        assert says["status"] in (200, 422)
        assert not {char for char in body.decode() if not char.isprintable()} - {"\n"}


def _streamed(data: bytes) -> None:
    for event in explain.stream([data], CATALOG)[1]:
        check(event)


def _streamed_rows(data: bytes) -> None:
    for event in explain.stream_rows([data], CATALOG)[1]:
        if isinstance(event, PlainRows):
            for at in range(len(event.ports)):
                check(event.listener(at))
        else:
            check(event)


def _unread(data: bytes) -> None:
    json.dumps(of_explain(explain.unread(data, CATALOG))).encode()


def assert_shown(page: str) -> None:
    """Raises AssertionError where *page* holds what a terminal would obey."""
    control = {char for char in page if not char.isprintable()} - {"\n"}
    assert not control, control
    page.encode()


def samples_of(name: str) -> tuple[bytes, ...]:
    read_from = tuple((_SAMPLES / file).read_bytes() for file in SAMPLES.get(name, ()))
    return read_from + ((_WRITTEN[name],) if name in _WRITTEN else ())


def _function(name: str) -> str:
    function: Any = FORMATS[name].read
    return f"{function.__module__}:{function.__name__}"


_EVERY = tuple(samples_of(name)[0] for name in FORMATS if samples_of(name))


def _each(read: Callable[[str], object], data: bytes) -> None:
    for line in data.decode("latin-1").split("\n"):
        read(line)


def _pasted(data: bytes) -> list[Pasted]:
    lines = data.decode("latin-1").split("\n")
    return [Pasted(at, line, line) for at, line in enumerate(lines, 1)]


def _without_leads(data: bytes) -> None:
    pasted = _pasted(data)
    for step in leads_of([line.bare for line in pasted[:40]]):
        list(step(pasted))


READERS = {
    **{
        _function(name): Reader(
            partial(_read, name),
            (MalformedInput,),
            samples_of(name),
            _INPUTS.get(name, ()) + (_SOCKETS if name in _JSON else ()),
        )
        for name in FORMATS
    },
    "portbook.formats.sockets.detect:read": Reader(
        partial(_read, None), (MalformedInput,), _EVERY, (*_SOCKETS, *_SENT, *_PARTS)
    ),
    "portbook.formats.sockets.ss:read_rows": Reader(
        partial(_read_rows, "ss"), (MalformedInput,), samples_of("ss"), _INPUTS["ss"]
    ),
    "portbook.formats.sockets.detect:read_rows": Reader(
        partial(_read_rows, None), (MalformedInput,), _EVERY
    ),
    "portbook.formats.sockets.detect:detect": Reader(
        lambda data: detect([*lines.numbered([data])] or [(1, "")]), (MalformedInput,), _EVERY
    ),
    "portbook.formats.sockets.unheaded:records_of": Reader(
        partial(_each, records_of),
        (),
        (b"tcp,0.0.0.0,22,sshd,812\n", b'tcp *:22 users:(("a",pid=1,fd=3),("b",pid=2,fd=3))\n'),
        (
            Kind("cells of a row", b"tcp 0.0.0.0:22 ", b"a ", b"LISTEN", 2000),
            Kind("an address of colons", b"tcp LISTEN ", b"::", b":22", 2000),
            Kind("owners without end", b"tcp *:22 users:((", b'("a",pid=1', b"))", 2000),
        ),
    ),
    "portbook.formats.common_lead:leads_of": Reader(
        _without_leads,
        (),
        (b"web01> tcp x\nweb01> udp y\n", b'<tr><td class="n">1</td><td>tcp</td></tr>\n' * 3),
        (
            Kind("signs and numbers", b"", b"1> ", b"x", 2000),
            Kind("blanks of a lead", b"a", b" \t", b"> x", 2000),
            Kind("cells of a page", b"<tr><td>1", b"</td><td>", b"", 2000),
        ),
    ),
    "portbook.formats.line_numbers:without_numbers": Reader(
        lambda data: [*without_numbers(_pasted(data))],
        (),
        (b"  1 | tcp\n  2 | udp\n", b"1.tcp\n2)udp\n"),
        (Kind("digits", b"", b"1", b"", LONG_LINE), Kind("blanks", b"", b" \t", b"1 ", LONG_LINE)),
    ),
    "portbook.formats.markup:without_markup": Reader(
        lambda data: [*without_markup(_pasted(data))],
        (),
        (b"<tr>\n<td>22</td>\n<td>tcp</td>\n</tr>\n", b"&gt; a<br>b\n"),
        (
            Kind("rows that don't end", b"<tr>", b"<td>", b"", 20),
            Kind("tags that don't end", b"", b"<a ", b"", LONG_LINE),
        ),
    ),
    "portbook.formats.sockets.record_cells:rows_in": Reader(
        lambda data: [
            rows_in({"port": line, "proto": line, "address": line})
            for line in data.decode("latin-1").split("\n")
        ],
        (),
        (b"80, 443\n", b"TCP/UDP\n", b"0.0.0.0, ::\n", b"22 (ssh)\n"),
        (
            Kind("several ports", b"", b"1, ", b"2", 2000),
            Kind("blanks between", b"1", b" ", b"and 2", 2000),
            Kind("addresses of colons", b"", b"::", b" ::", 2000),
        ),
    ),
    "portbook.formats.sockets.record_cells:of_pairs": Reader(
        partial(_each, of_pairs),
        (),
        (b"proto=tcp local=0.0.0.0:22 state=LISTEN pid=812\n",),
        (
            Kind("names without values", b"", b"a=", b"", LONG_LINE),
            Kind("quotes of values", b"", b'a="b ', b"", LONG_LINE),
        ),
    ),
    "portbook.formats.sockets.record_cells:has_own_address": Reader(
        partial(_each, has_own_address),
        (),
        (b"tcp,0.0.0.0,22\n",),
        (Kind("addresses that go on", b"", b",127.1.1.1.", b"", LONG_LINE),),
    ),
    "portbook.formats.row_starts:without_lead": Reader(
        partial(_each, without_lead),
        (),
        (b"task.web (exec): LISTEN 0 128 *:22 *:*\n",),
        (
            Kind("beginnings of rows", b"x ", b"tcp LISTEN 0 ", b"LISTEN 0 1 ", LONG_LINE),
            Kind("blanks before a row", b"x", b" \t", b"tcp 0 0 x", LONG_LINE),
        ),
    ),
    "portbook.formats.json_stream:values": Reader(
        lambda data: [*json_stream.values(lines.numbered([data]))],
        (),
        (b'{"a": ["b\\"", 1.5e9, null]}', b'[\n{"a": "b"},\n{"c": {}}\n]'),
        _SOCKETS,
    ),
    "portbook.formats.lines:blocks_of": Reader(
        lambda data: [*lines.blocks_of([data[at : at + 512] for at in range(0, len(data), 512)])],
        (MalformedInput,), _EVERY,
    ),
    "portbook.formats.lines:numbered": Reader(
        lambda data: [*lines.numbered([data[at : at + 512] for at in range(0, len(data), 512)])],
        (),
        ("a\tb\n".encode("utf-16"), b"\xef\xbb\xbfa\r\n\x1b[31mb\n"),
    ),
    "portbook.formats.lines:encoding_of": Reader(lines.encoding_of, (), ("a".encode("utf-16"),)),
    "portbook.app.explain:explain": Reader(
        _explained, (MalformedInput,), _EVERY,
        tuple(each for inputs in _INPUTS.values() for each in inputs),
    ),
    "portbook.app.explain:stream": Reader(_streamed, (MalformedInput,), _EVERY),
    "portbook.app.explain:stream_rows": Reader(_streamed_rows, (MalformedInput,), _EVERY),
    "portbook.web.explain.explainer:answer": Reader(_answered, (), _EVERY),
    "portbook.app.explain:unread": Reader(_unread, (), (b"Dear all,\nwho uses 8080?\n",)),
}  # fmt: skip
