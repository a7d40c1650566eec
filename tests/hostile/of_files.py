"""The readers of files: registries, histories, notes, and what an audit is given."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from portbook.app.audit import baseline
from portbook.app.audit.log_marks import lines_with
from portbook.catalog.expectations import parse, trust
from portbook.catalog.registry import history, iana_formats, tsv_reader
from portbook.catalog.update import origin, validate, versions
from portbook.catalog.update.source import LARGEST
from portbook.errors import BadNotes, DataCorrupt, InvalidArgument, MalformedInput, Untrusted
from portbook.formats.flows import generic_table, zeek
from portbook.formats.flows.detect import FORMATS, Head, explain_binary, explain_refusal, recognise
from portbook.formats.flows.layout import parse_json
from portbook.storage.sorted_tsv import SortedFile, number, unescape_cell, word
from portbook.web.export import notes
from tests.hostile.inputs import COUNTER, Kind, Repeated, Table
from tests.hostile.reader import Reader, text_of

if TYPE_CHECKING:
    from portbook.formats.flows.detect import Layout
    from tests.hostile.inputs import Input

# -- the registry -----------------------------------------------------------------------------

_TITLES = (
    b"Service Name,Port Number,Transport Protocol,Description,Assignee,Contact,Registration Date,"
    b"Modification Date,Reference,Service Code,Unauthorized Use Reported,Assignment Notes"
)
_CSV = _TITLES + b"\nssh,22,tcp,The Secure Shell (SSH) Protocol,[A],,,,[RFC4251][RFC9110],,,note\n"
_XML = (
    b"<?xml version='1.0' encoding='UTF-8'?>\n"
    b'<registry xmlns="http://www.iana.org/assignments" id="service-names-port-numbers">\n'
    b"<updated>2026-11-14</updated>\n"
)
_RECORD = (
    b'<record date="2010-01-01"><name>ssh</name><protocol>tcp</protocol><xref type="person"/>'
    b"<description>Secure <br/>Shell</description><number>22</number><note>a</note></record>\n"
)
_END = b"</registry>\n"


def _tag(name: bytes, unit: bytes) -> Kind:
    return Kind(f"one {name.decode()} of {unit!r}",
                _XML + b"<record><name>a</name><number>1</number><%b>" % name, unit,
                b"</%b></record>" % name + _END)  # fmt: skip


_REPLACED = b"\n IANA assigned this well-formed service name "
_XML_INPUTS: tuple[Input, ...] = (
    Repeated("many records", _RECORD, _XML, _END),
    Repeated("records in records", b"<record>", _XML, _END),
    Repeated("notes in records", b"<record><note>a", _XML, _END),
    Repeated("registries in registries", b"<registry>", _XML, _END),
    Repeated("many names of one record", b"<name>a</name>", _XML + b"<record>",
             b"</record>" + _END),
    Repeated("many assignees of one record", b'<assignee><xref type="person"/></assignee>',
             _XML + b"<record>", b"</record>" + _END),
    Repeated("many unknown tags", b"<t" + COUNTER + b"/>", _XML + b"<record>", b"</record>" + _END),
    Kind("attributes", _XML + b"<record ", b"a" + COUNTER + b'="" ', b"/>" + _END),
    Repeated("wide ranges", b"<record><description>a</description><number>0-65535</number>"
             b"</record>", _XML, _END),
    *(_tag(name, unit) for name in (b"description", b"note", b"name") for unit in
      (b" ", b"\n", b"a", b"a.", b"&lt;", b"a@", b"&lt;a@b.", b"(deprecated ", _REPLACED)),
)  # fmt: skip
_CSV_INPUTS: tuple[Input, ...] = (
    Repeated("many rows", b"ssh,22,tcp,The Secure Shell,,,,,[RFC4251],,,\n", _TITLES + b"\n"),
    Repeated("wide ranges", b"a,0-65535,tcp,b,,,,,,,,\n", _TITLES + b"\n"),
    Repeated("counted ports", b"a" + COUNTER + b"," + COUNTER + b",tcp,b,,,,,,,,\n",
             _TITLES + b"\n"),
    Table("unknown columns", Kind("head", _TITLES, b",x" + COUNTER), b"ssh,22,tcp,a"),
    *(Kind(f"one cell of {unit!r}", b"a,1,tcp,", unit, b",,,,,,,,", 60_000, _TITLES + b"\n")
      for unit in (b" ", b"a", b"a.", b"<a@b.", b"a@", b"(deprecated ")),
    *(Kind(f"references of {unit!r}", b"a,1,tcp,a,,,,,", unit, b",,,", 60_000, _TITLES + b"\n")
      for unit in (b"[", b"[a]", b"[a@b.c]", b"a")),
)  # fmt: skip
_POINTER = (
    b"#portbook\tkept/1\nversion\t7\t2026-11-14\nshipped\t2026-09-12\n"
    b"file\tregistry.tsv\t1\t2\tab\nfile\tblocks.tsv\t3\t4\tcd\n#end\n"
)
_ROWS = (
    b"#portbook\tregistry/1\n#as_of\t2026-09-12\n#lookback\t6\n#source:iana\t2026-09-12\ta\tb\n"
    b"#columns" + b"\tx" * 15 + b"\n"
)
_ROW = b"22\t22\ttcp\tassigned\tssh\tThe Secure Shell\tRFC4251\n"
_BLOCKS = b"#portbook\tblocks/1\n#columns\ta\n0\t65535\tsystem\tassigned\t1\t1\n#end\n"
_PAST = b"#portbook\thistory/1\n#lookback\t3\n#copy:2015-07-30\tevery row\n#columns\ta\n"
_CHANGE = b"853\t853\tassigned\ttcp\t2015-07-30\t2016-12-01\tunassigned\t\t\tassigned\tdomain-s\n"


_ORIGIN = b'{"url":"https://registry.example/","files":{"registry.tsv":"ab"}}'


def _store(data: bytes) -> None:
    book = tsv_reader.Store("", {"registry.tsv": data, "blocks.tsv": _BLOCKS})
    for port in (0, 22, 305, 65535):
        book.covering(port)
    book.sources()
    book.named("ssh")
    book.hold()
    list(book.all())
    list(book.outline())
    book.named("ssh")


def _blocks(data: bytes) -> None:
    book = tsv_reader.Store("", {"registry.tsv": _ROWS + _ROW + b"#end\n", "blocks.tsv": data})
    list(book.blocks_from(0))
    list(book.blocks_before(65535))
    book.hold()
    list(book.blocks_from(0))


def _past(data: bytes) -> None:
    past = history.History(history.Log("history.tsv", data))
    past.of_port(853)
    past.of_name("domain-s")
    for port in range(101):
        past.of_port(port)
    past.all()


def _sorted_file(data: bytes) -> None:
    file = SortedFile("a.tsv", "a", content=b"#portbook\ta\n" + data + b"#end\n")
    file.after(22)
    file.rows()
    list(file.backward(file.end))
    list(file.places(b"ssh"))


def _places(data: bytes) -> None:
    """Looks for what somebody gave as a service's name."""
    rows = b"#portbook\ta\n" + b"22\tssh\n23\ta\\tb\n" * 500 + b"#end\n"
    list(SortedFile("a.tsv", "a", content=rows).places(data))


def _containing(data: bytes) -> None:
    """Looks for what somebody gave as a program's name, which has a letter at least."""
    rows = b"#portbook\ta\n" + b"22\tssh\n23\ta\\tb\n" * 500 + b"#end\n"
    list(SortedFile("a.tsv", "a", content=rows).containing(data.lower() or b"a"))


# -- notes ------------------------------------------------------------------------------------

_NOTES = (
    b'[[port]]\nport = "8000-8009"\ntransport = ["tcp"]\nlabel = "shop"\nunit = "a.service"\n',
    b"[[port]]\nport = 305\nnote = '''a'''\nexecutable = \"/srv/no-such/shop\"\n",
)
_NOTES_INPUTS: tuple[Input, ...] = (
    Repeated("a key of many parts", b"a.", after=b"a = 1\n"),
    Repeated("a quoted key of many parts", b'"a" . ', after=b"a = 1\n"),
    Repeated("a table of many parts", b"a.", b"[", b"a]\n"),
    Repeated("an inline table of many parts", b"a.", b"x = {", b"a = 1}\n"),
    Repeated("tables in tables", b"{a = ", b"x = "),
    Repeated("many entries", b"[[port]]\nport = " + COUNTER + b'\nlabel = "a"\n'),
    Repeated("many keys", b"k" + COUNTER + b" = 1\n"),
    Repeated("many keys of a deep table", b"k" + COUNTER + b" = 1\n",
             b"[" + b"a." * 40 + b"a]\n"),
    Repeated("keys of many parts", b"a.b.c.d.e.f.k" + COUNTER + b" = 1\n"),
    Repeated("many tables", b"[t" + COUNTER + b"]\n"),
    Repeated("many units", b'"a.service",', b'[[port]]\nport = 1\nunit = [', b"]\n"),
    Repeated("many transports", b'"tcp",', b'[[port]]\nport = 1\nlabel = "a"\ntransport = [',
             b"]\n"),
    Kind("a long text", b'label = "', b"a", b'"\n'),
    Kind("a text of escapes", b'label = "', b"\\u0041", b'"\n'),
    Kind("a text of many lines", b'label = """', b"a\\\n   ", b'"""\n'),
)  # fmt: skip


_TRUSTED = trust.render_trusted({"/srv/shop/portbook.toml": "ab" * 32, "/srv/a\tb": "cd" * 32})


def _parse_notes(data: bytes) -> None:
    parse.parse_notes(data, "/srv/shop/portbook.toml", "/home/u")


# -- what an audit is given -------------------------------------------------------------------

_FIRST_LINES = 60
_SOURCES = {
    "zeek": (
        b"#separator \\x09\n#path\tconn\n#fields\tts\tproto\tid.resp_p\n#types\ttime\tenum\tport\n",
        b'{"ts":1.5,"id.orig_h":"192.0.2.1","id.resp_p":22,"proto":"tcp","conn_state":"SF"}\n',
    ),
    "suricata": (b'{"timestamp":"2026-11-21T10:00:00","event_type":"flow","dest_port":22}\n',),
    "vpc": (
        b"version srcaddr dstaddr srcport dstport protocol\n2 192.0.2.1 192.0.2.2 1 22 6\n",
        b"2 1 eni-1 192.0.2.1 192.0.2.2 49152 22 6 1 40 1 2 ACCEPT OK\n",
    ),
    "nfdump": (
        (
            b"Date first seen  Duration Proto Src IP Addr:Port Dst IP Addr:Port Bytes\n"
            b"2026-01-06 11:58:02.000 8.000 TCP 192.0.2.30:50000 -> 198.51.100.9:443 10 1.2 M 1\n"
        ),
        b"ts,te,td,sa,da,sp,dp,pr,ipkt,ibyt,opkt,obyt\n1,2,0,192.0.2.1,a,1,22,TCP,1,1,0,0",
    ),
    "argus": (
        (
            b" StartTime Flgs Proto SrcAddr Sport Dir DstAddr Dport TotPkts TotBytes State\n"
            b" 11:58:02.121333 e tcp 192.0.2.30.50000 -> 198.51.100.9.443 21 5300 FIN\n"
        ),
    ),
    "osquery": (
        b'[{"address":"::","family":"10","pid":"1","port":"22","protocol":"6"}]\n',
        b'{"hostIdentifier":"a","columns":{"port":"22","protocol":"6","address":"::"}}\n',
        b'{"hostIdentifier":"a","snapshot":[{"port":"22","protocol":"6","address":"::"}]}\n',
    ),
    "netfilter": (
        (
            b"Jan  6 11:58:02 web kernel: [UFW BLOCK] IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.5 "
            b"LEN=60 PROTO=TCP SPT=40000 DPT=22 WINDOW=1 RES=0x00 SYN URGP=0\n"
        ),
    ),
    "filterlog": (
        (
            b"Jan  3 20:43:31 filterlog[1]: 8,,,100,em0,match,block,in,4,0x0,,43,1,0,none,6,tcp,44,"
            b"198.51.100.83,192.0.2.18,56568,443,0,S,1,,1024,,mss\n"
        ),
    ),
    "cisco": (
        (
            b"Jan 06 2026 11:58:02 %ASA-6-302013: Built inbound TCP connection 1 for "
            b"outside:198.51.100.44/53521 to dmz:192.0.2.25/443\n"
        ),
    ),
    "pan-os": (
        b"1,2026/01/06 11:58:10,001,TRAFFIC,end,1,2026/01/06 11:58:09,192.0.2.30,198.51.100.9,"
        + b"x," * 15
        + b"50000,443,0,0,0x19,tcp,allow,5300,1300,4000,21,\n",
    ),
    "windows-firewall": (
        b"2026-01-06 11:58:02 ALLOW TCP 192.0.2.30 198.51.100.9 50000 443 0 - 0 0 0 - - - SEND\n",
    ),
    "azure": (
        (
            b'{"records":[{"category":"NetworkSecurityGroupFlowEvent","properties":{"flows":[{"flows":'
            b'[{"flowTuples":["1,192.0.2.1,192.0.2.2,1,22,T,O,A"]}]}]}}]}'
        ),
    ),
    "gcp": (
        b'{"jsonPayload":{"connection":{"src_ip":"192.0.2.1","dest_ip":"192.0.2.2","dest_port":22}}}',
    ),
    "cicflowmeter": (
        b"Dst Port,Protocol,Timestamp,Tot Fwd Pkts,Tot Bwd Pkts\n22,6,06/01/2026 11:58:02,1,1\n",
    ),
    "key-value": (
        b'date=2026-01-06 devid="F" srcip=192.0.2.1 dstip=192.0.2.2 dstport=22 proto=6\n',
        b"CEF:0|a|b|1|1|c|1|src=192.0.2.1 dst=192.0.2.2 dpt=22 proto=TCP\n",
    ),
    "scan": (b"# Nmap 7.93\nHost: 192.0.2.7 ()\tPorts: 22/open/tcp//ssh///\n", b"<?xml?>\n"),
    "table": (
        b"proto,src,dst,dst_port,bytes,start\ntcp,192.0.2.1,192.0.2.2,22,40,2026-11-21\n",
        b"proto;dst_port;first\ntcp;22;1795269600\n",
        b'{"proto":"tcp","destination":{"port":22},"start":1.5}\n',
    ),
}
_JSON_INPUTS: tuple[Input, ...] = (
    Kind("deep JSON", b'{"a":', b"["),
    Kind("deep objects", b"", b'{"a":'),
    Kind("whole deep objects", b'{"event_type":' + b'{"a":' * 300 + b'"', b"a", b'"' + b"}" * 301),
    Kind("a long key of many", b'{"' + b"a" * 30_000 + b'":{', b'"k' + COUNTER + b'":1,',
         b'"z":1}}'),
    Kind("a number of many digits", b'{"event_type":', b"9", b"}"),
    Repeated("an array", b'{"port":"22"},', b"[", b"{}]"),
    Kind("keys without an end", b"", b"proto=1 src=192.0.2.1 "),
)  # fmt: skip


def _head(data: bytes) -> Head:
    text = data.decode("utf-8", "replace")
    lines = [line.rstrip("\r") for line in text.split("\n")[:_FIRST_LINES] if line.strip()]
    return Head("a.log", tuple(lines))


def _names(data: bytes) -> Head:
    """A head as a Parquet file has it, with a column a word."""
    names = data.decode("utf-8", "replace").split()
    return Head("a.parquet", (), tuple((name, "string") for name in names))


def _lines_with(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "a.log")
        path.write_bytes(data)
        for compression in ("none", "gzip"):
            lines_with(str(path), compression, (b" SRC=", b"%ASA-"), 4)


def _recognise(name: str | None, data: bytes) -> None:
    for head in (_head(data), _names(data)):
        recognise(head, None, name)


def _explain_refusal(data: bytes) -> None:
    for head in (_head(data), _names(data)):
        explain_refusal(head)


def _build(data: bytes) -> Layout | None:
    return generic_table.build(_head(data), {"port": "dst_port", "protocol": "proto"})


_ALL_SOURCES = tuple(samples[0] for samples in _SOURCES.values())

READERS = {
    "portbook.catalog.registry.iana_formats:parse_csv": Reader(
        iana_formats.parse_csv, (MalformedInput,), (_CSV,), _CSV_INPUTS
    ),
    "portbook.catalog.registry.iana_formats:parse_xml": Reader(
        iana_formats.parse_xml, (MalformedInput,), (_XML + _RECORD + _END,), _XML_INPUTS
    ),
    "portbook.catalog.update.validate:read": Reader(
        lambda data: validate.read(data, "https://registry.example/", "2026-11-14"),
        (MalformedInput,), (_CSV, _XML + _RECORD + _END),
        (*_CSV_INPUTS[:3], _XML_INPUTS[0]), LARGEST,
    ),
    "portbook.catalog.update.versions:parse_pointer": Reader(
        versions.parse_pointer, (Untrusted,), (_POINTER,), (), 1 << 16
    ),
    "portbook.catalog.update.origin:parse_origin": Reader(
        origin.parse_origin, (), (_ORIGIN,),
        (*_JSON_INPUTS, Repeated("many files", b'"f' + COUNTER + b'":"a",', b'{"files":{', b"}}")),
    ),
    "portbook.catalog.registry.tsv_reader:Store": Reader(
        _store, (DataCorrupt,), (_ROWS + _ROW + b"#end\n",),
        (Repeated("many rows", _ROW, _ROWS, b"#end\n"),
         Repeated("many ports", COUNTER + b"\t" + COUNTER + b"\ttcp\tassigned\ta\n", _ROWS,
                  b"#end\n"),
         Repeated("wide ranges", b"0\t65535\ttcp\tassigned\ta\n", _ROWS, b"#end\n"),
         Repeated("many sources", b"#source:s" + COUNTER + b"\ta\tb\tc\n", _ROWS,
                  _ROW + b"#end\n")),
    ),
    "portbook.catalog.registry.tsv_reader:blocks": Reader(
        _blocks, (DataCorrupt,), (_BLOCKS,),
        (Repeated("many blocks", COUNTER + b"\t1\ta\tassigned\t1\t1\n",
                  b"#portbook\tblocks/1\n", b"#end\n"),),
    ),
    "portbook.catalog.registry.history:Log": Reader(
        _past, (DataCorrupt,), (_PAST + _CHANGE + b"#end\n",),
        (Repeated("one change again and again", _CHANGE, _PAST, b"#end\n"),
         Repeated("many changes of one name", _CHANGE.replace(b"853", COUNTER), _PAST, b"#end\n"),
         Repeated("many changes of one port", _CHANGE.replace(b"2016-12", COUNTER), _PAST,
                  b"#end\n"),
         Repeated("wide ranges", _CHANGE.replace(b"853\t853", b"0\t65535"), _PAST, b"#end\n")),
    ),
    "portbook.storage.sorted_tsv:SortedFile": Reader(
        _sorted_file, (DataCorrupt,), (_ROW, b"#a\tb\n" + _ROW),
        (Repeated("cells that begin alike", b"\tssha"), Repeated("one cell again", b"\tssh")),
    ),
    "portbook.storage.sorted_tsv:SortedFile.places": Reader(
        _places, (DataCorrupt,), (b"ssh", b"a\\tb")
    ),
    "portbook.storage.sorted_tsv:SortedFile.containing": Reader(
        _containing, (DataCorrupt,), (b"ssh", b"a\\tb")
    ),
    "portbook.storage.sorted_tsv:unescape_cell": Reader(
        lambda data: unescape_cell(text_of(data)), (), (b"a\\tb\\\\",)
    ),
    "portbook.storage.sorted_tsv:number": Reader(number, (ValueError,), (b"22", b"-")),
    "portbook.storage.sorted_tsv:word": Reader(word, (), (b"a",)),
    "portbook.catalog.expectations.parse:parse_notes": Reader(
        _parse_notes, (BadNotes,), _NOTES, _NOTES_INPUTS
    ),
    "portbook.catalog.expectations.trust:parse_trusted": Reader(
        trust.parse_trusted, (trust._Unfit,), (_TRUSTED,),
        (Repeated("many files", b"ab" * 32 + b"\t/srv/" + COUNTER + b"\n",
                  _TRUSTED[: _TRUSTED.index(b"\n") + 1], _TRUSTED[-5:]),),
    ),
    "portbook.web.export.notes:parse_notes": Reader(
        lambda data: notes.parse_notes(text_of(data)), (),
        (b"portbook-export/2 abc\nrun 12\np0-255 -\np0-255 9f\nfiles 9f index.html a/b.html\n",),
        (Repeated("many rows", b"p" + COUNTER + b"-65535 9f a" + COUNTER + b"\n",
                  b"portbook-export/2 abc\n"),),
    ),
    "portbook.app.audit.baseline:parse_previous": Reader(
        lambda data: baseline.parse_previous(text_of(data)), (ValueError,),
        (b'{"schema":"portbook/audit/1","services":[{"transport":"tcp","port":22,"reach":null}]}',),
        _JSON_INPUTS,
    ),
    "portbook.formats.flows.layout:parse_json": Reader(
        lambda data: parse_json(text_of(data)), (), (b'{"a": [1, "x"]}',), _JSON_INPUTS
    ),
    "portbook.formats.flows.generic_table:build": Reader(
        _build, (InvalidArgument,), _SOURCES["table"]
    ),
    "portbook.formats.flows.generic_table:parse_mapping": Reader(
        lambda data: generic_table.parse_mapping(text_of(data)), (InvalidArgument,),
        (b"port=dport, transport=proto",),
    ),
    "portbook.formats.flows.detect:explain_refusal": Reader(
        _explain_refusal, (), _ALL_SOURCES, _JSON_INPUTS
    ),
    "portbook.formats.flows.detect:explain_binary": Reader(
        explain_binary, (), (b"\xd4\xc3\xb2\xa1\x02\0",)
    ),
    "portbook.formats.flows.zeek:recognise_bare": Reader(
        lambda data: zeek.recognise_bare(_head(data)), (), _SOURCES["zeek"]
    ),
    "portbook.app.audit.log_marks:lines_with": Reader(
        _lines_with,
        (),
        (b"Jan  6 11:58:02 fw kernel: IN=eth0 OUT= SRC=192.0.2.7 DST=192.0.2.5\n", b"\x1f\x8b\x08"),
        (Kind("marks in one line", b"", b" SRC=", b""), Kind("marks", b"a", b" SRC=", b"", 200)),
    ),
    "portbook.formats.flows.detect:recognise": Reader(
        partial(_recognise, None), (), _ALL_SOURCES, _JSON_INPUTS
    ),
    **{
        f"{form.recognise.__module__}:{form.recognise.__name__}": Reader(
            partial(_recognise, name), (), _SOURCES[name], _JSON_INPUTS
        )
        for name, form in FORMATS.items()
    },
}  # fmt: skip
