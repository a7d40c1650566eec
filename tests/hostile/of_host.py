"""The readers of what this machine's kernel, tools, runtimes and services say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from portbook.errors import MalformedInput
from portbook.formats import proc_net_row
from portbook.host import containers, etc_services, firewall, windows
from portbook.host.firewall import (
    iptables_matches,
    kernel_expressions,
    kernel_iptables,
    kernel_rules,
    nft_elements,
    nft_hidden,
)
from portbook.host.linux import (
    activation,
    namespaces,
    netlink,
    packages,
    process_tree,
    procfs,
    sock_diag,
)
from portbook.host.probe import fingerprints, local_address, tls_client
from portbook.model import Family, Transport
from tests.host.firewall.rulesets import DOCKER, of_iptables, of_nft
from tests.host.firewall.test_kernel_rules import ACCEPT, DPORT, TCP, compare, conntrack, number
from tests.host.firewall.test_read_redirects import DONE, chain, message
from tests.host.firewall.test_ruleset import DONE as SET_READ
from tests.host.firewall.test_ruleset import dumped, told
from tests.host.firewall.test_ruleset import message as set_message
from tests.host.linux.test_network import DONE as LAST
from tests.host.linux.test_network import GET, LINK, NEW, Answering, attribute
from tests.host.linux.test_network import message as netlink_message
from tests.host.linux.test_sock_diag import IPV6, LISTENING_AND_BOUND
from tests.host.probe.test_tls_client_names import certificate, der
from tests.hostile.inputs import COUNTER, Kind, Repeated, Table
from tests.hostile.reader import Reader, text_of

if TYPE_CHECKING:
    from tests.hostile.inputs import Input

_TCP = sock_diag.Question(Transport.TCP, Family.IPV4, sock_diag.EVERY_STATE)
_ROW = b"  0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 20101 1 0"
_CGROUPS = (
    b"1:name=systemd:/\n0::/system.slice/docker-" + b"0123456789abcdef" * 4 + b".scope\n",
    b"0::/user.slice/user-1000.slice/user@1000.service/app.slice/web.service\n",
)
_UNIT = b"[Socket]\nListenStream=127.0.0.1:22\nAccept=no\n[Service]\nExecStart=-/usr/sbin/sshd -D\n"
_PRINTED = Path(__file__).parent.parent / "host" / "firewall" / "redirects.json"
_ELEMENTS = (
    b'{"nftables":[{"set":{"family":"ip","table":"filter","name":"closed","type":"inet_service",'
)
_ELEMENT = attribute(1, attribute(1, attribute(1, b"\0\x16")))
_ANSWER = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"
_CONTAINER = b'{"Id":"0123456789ab","Names":["/web"],"Ports":[{"PublicPort":80,"Type":"tcp"}]}'


def _read_expressions(data: bytes) -> None:
    kernel_expressions.KernelExpressions("inet", data, lambda _: None).read()


def _unit(data: bytes) -> None:
    unit = activation.parse_unit(data.decode("utf-8", "replace"))
    activation.listens(unit)
    activation.executable_of(unit)


def _cgroups(data: bytes) -> None:
    groups = procfs.parse_cgroups(data)
    procfs.systemd_unit(groups)
    procfs.cgroup_uid(groups)
    procfs.container(groups)


def _greeting(data: bytes) -> None:
    for asked in (None, *fingerprints.QUESTIONS):
        fingerprints.recognise(data, asked)


def _hello(data: bytes) -> None:
    hello = tls_client.TlsHello()
    hello.outgoing()
    hello.is_echo(data)
    for at in range(0, len(data), 4096):
        hello.feed(data[at : at + 4096])


def _nft(data: bytes) -> None:
    of_nft(data.decode("utf-8", "replace"))


def _iptables(data: bytes) -> None:
    for family in Family:
        of_iptables(data.decode("utf-8", "replace"), family)


def _rules(*expressions: bytes) -> bytes:
    """A ruleset of a chain at a hook and a rule for each of *expressions*; not ended."""
    rules = [
        b'{"rule":{"family":"ip","table":"t","chain":"in","expr":[%b]}},' % each
        for each in expressions
    ]
    return (
        b'{"nftables":[{"chain":{"family":"ip","table":"t","name":"in","type":"nat",'
        b'"hook":"prerouting","prio":-100}},' + b"".join(rules)
    )  # fmt: skip


_PORT = b'{"match":{"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":%b}}'
_TO = b'{"redirect":{"port":80}}'
_NFT = (
    _rules(_PORT % b'{"set":[1,{"range":[5,9]}]}' + b"," + _TO)[:-1] + b"]}",
    _rules(_PORT % b'"@s"' + b"," + _TO)
    + b'{"set":{"family":"ip","table":"t","name":"s","type":"inet_service",'
    b'"elem":[1,2,{"prefix":{"addr":8,"len":13}}]}},'
    b'{"map":{"family":"ip","table":"t","name":"m","type":"inet_service",'
    b'"elem":[[7,{"concat":["192.0.2.1",8]}]]}}]}',
)
_MATCHED = b'{"match":{"op":"==","left":{"meta":{"key":"mark"}},"right":' + COUNTER + b"}},"
_FIELD = b'{"payload":{"protocol":"%b","field":"%b"}}'
_PAIR = b'{"concat":[%b,%b]}' % (_FIELD % (b"ip", b"saddr"), _FIELD % (b"tcp", b"dport"))
_PAIRS = b'{"concat":["192.0.2.1",' + COUNTER + b"]},"
_CHAIN = b'{"rule":{"family":"ip","table":"t","chain":"%b","expr":[{"jump":{"target":"%b"}}]}},'
# Each of twenty chains leads to the next in two ways.
_FORKS = b"".join(_CHAIN % (b"in" if not at else b"c%d" % at, b"c%d" % (at + 1))
                  for at in range(20) for _ in range(2))  # fmt: skip


class _SetAndRules:
    """A set of half of the size, and rules that each refer to it."""

    name = "a set that every rule refers to"

    def make(self, size: int) -> bytes:
        rule = _rules(_PORT % b'"@s"' + b"," + _TO)
        start = rule.index(b'{"rule"')
        elements = b",".join(b"%d" % (at % 65536) for at in range(size // 12))
        return (
            rule[:start] + rule[start:] * (size // 2 // len(rule[start:]))
            + b'{"set":{"family":"ip","table":"t","name":"s","type":"inet_service",'
            b'"elem":[' + elements + b"]}}]}"
        )  # fmt: skip


class _Twice:
    """Two matches of a rule that hold for as many packets each."""

    def __init__(self, name: str, left: bytes, element: bytes) -> None:
        self.name = name
        self._match = b'{"match":{"op":"==","left":' + left + b',"right":{"set":[%b]}}}'
        self._element = element

    def make(self, size: int) -> bytes:
        many = size // 2 // len(self._element)
        elements = b"".join(
            self._element.replace(COUNTER, b"%d" % (at % 65536)) for at in range(many)
        )
        match = self._match.replace(b"%b", elements.rstrip(b","))
        return _rules(match + b"," + match + b"," + _TO)[:-1] + b"]}"


_NFT_INPUTS: tuple[Input, ...] = (
    Repeated("many ports of one match", COUNTER + b",", _rules(_TO)[:-1].replace(_TO, b"") + b"]}"),
    Repeated("many conditions of one rule", _MATCHED, _rules(b"")[:-5], _TO + b"]}}]}"),
    Repeated("many rules", _rules(_PORT % b"1" + b"," + _TO)[_rules(b"").index(b'{"rule"') :],
             _rules(), b"{}]}"),
    Repeated("chains that fork", _FORKS, _rules(),
             _rules(_TO).replace(b'"chain":"in"', b'"chain":"c20"')[_rules().rindex(b",") + 1 :]
             + b"{}]}"),
    _SetAndRules(),
    _Twice("two large sets of ports", b'{"payload":{"protocol":"tcp","field":"dport"}}',
           COUNTER + b","),
    _Twice("two large sets of pairs", _PAIR, _PAIRS),
)  # fmt: skip
_NAT = b"*nat\n:PREROUTING ACCEPT [0:0]\n:A - [0:0]\n"
_REDIRECT = b"-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080\n"

_STATUS = b"Package: a\nStatus: install ok installed\nVersion: 1\n\n"
_NETSH = b"Protocol tcp Port Exclusion Ranges\n\nStart    End\n-----    -----\n 5357     5357   *\n"

READERS = {
    "portbook.formats.proc_net_row:parse_row": Reader(
        proc_net_row.parse_row, (MalformedInput,), (_ROW,)
    ),
    "portbook.host.linux.activation:parse_unit": Reader(
        _unit, (), (_UNIT,),
        (Repeated("one setting again and again", b"ListenStream=" + COUNTER + b"\n",
                  b"[Socket]\n"),),
    ),
    "portbook.host.probe.tls_client:names_of": Reader(
        tls_client.names_of, (),
        (certificate([(0x82, b"a.example.org"), (0x87, bytes(4))]), certificate([])),
        (Repeated("values in values", b"\x30\x80", b"\x30\x84\x7f\xff\xff\xff"),
         Repeated("many small values", b"\x30\x00", b"\x30\x84\x00\x0f\x00\x00"),
         Repeated("many names", der(0x82, b"a.example.org"))),
    ),
    "portbook.host.containers:parse_answer": Reader(
        containers.parse_answer, (MalformedInput,),
        (_ANSWER + b'{"Name":"/web"}', b"HTTP/1.1 404 Not Found\r\n\r\n"),
        (Kind("deep JSON", _ANSWER, b"["), Kind("deep objects", _ANSWER, b'{"a":'),
         Kind("a number of many digits", _ANSWER + b'{"Name":', b"9", b"}")),
    ),
    "portbook.host.containers:parse_published": Reader(
        lambda data: containers.parse_published(data, "docker", 80, "tcp"), (MalformedInput,),
        (_ANSWER + b"[" + _CONTAINER + b"]",),
        (Repeated("many containers", _CONTAINER + b",", _ANSWER + b"[", b"{}]"),
         Repeated("many ports", b'{"PublicPort":' + COUNTER + b"},",
                  _ANSWER + b'[{"Id":"ab","Ports":[', b"{}]}]"),
         Kind("deep JSON", _ANSWER, b"[")),
    ),
    "portbook.host.probe.fingerprints:recognise": Reader(
        _greeting, (),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", b"HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\n",
         b"220 mail.example ESMTP\r\n", b"\x4a\x00\x00\x00\x0a8.0.36\x00" + bytes(40)),
    ),
    "portbook.host.probe.fingerprints:is_tls": Reader(
        fingerprints.is_tls, (), (b"\x16\x03\x01\x00\x01",)
    ),
    "portbook.host.probe.fingerprints:first_line": Reader(
        fingerprints.first_line, (), (b"\r\n\0 a\r\nb",)
    ),
    "portbook.host.firewall:parse_chains": Reader(
        firewall.parse_chains, (ValueError,),
        (chain("filter") + chain(None) + chain("nat") + DONE, DONE),
        (Repeated("many chains", chain("nat"), b"", DONE),
         Repeated("many attributes", message(0xA03, bytes(4) + bytes((4, 0, 9, 0)) * 30))),
    ),
    "portbook.host.linux.process_tree:parse_ssh_connection": Reader(
        lambda data: process_tree.parse_ssh_connection(text_of(data)), (),
        (b"192.0.2.9 50222 192.0.2.1 22",),
    ),
    "portbook.host.linux.namespaces:parse_namespace_mounts": Reader(
        namespaces.parse_namespace_mounts, (),
        (b"9 8 0:4 net:[4026532000] /run/netns/a\\040b rw - nsfs nsfs rw\n",),
    ),
    "portbook.host.firewall.iptables_rules:parse_iptables": Reader(
        _iptables, (MalformedInput,), (DOCKER.encode(), _NAT + _REDIRECT + b"COMMIT\n"),
        (Kind("one long word in quotes", _NAT + b'-A A -m comment --comment "', b"a",
              b'" -j A\nCOMMIT\n'),
         Kind("conditions of one rule", _NAT + b"-A PREROUTING ", b"! -s 192.0.2." + COUNTER + b" ",
              b"-j A\n-A A -j REDIRECT --to-ports 1\nCOMMIT\n"),
         Kind("ports of one rule", _NAT + b"-A PREROUTING -p tcp -m multiport --dports ",
              COUNTER + b",", b"1 -j REDIRECT --to-ports 1\nCOMMIT\n"),
         Table("many conditions, then rules", Kind(
             "head", _NAT + b"-A PREROUTING ", b"! -s 192.0.2." + COUNTER + b" ", b"-j A"),
             b"-A A -j REDIRECT --to-ports " + COUNTER, b"COMMIT\n"),
         Repeated("chains that fork", b"".join(
             b"-A %b -j C%d\n" % (b"PREROUTING" if not at else b"C%d" % at, at + 1)
             for at in range(20) for _ in range(2)),
             b"*nat\n:PREROUTING - [0:0]\n" + b"".join(b":C%d - [0:0]\n" % at for at in range(21)),
             b"-A C20 -j REDIRECT --to-ports 1\nCOMMIT\n")),
    ),
    "portbook.host.firewall.iptables_matches:split_mask": Reader(
        lambda data: iptables_matches.split_mask(text_of(data)), (ValueError,), (b"0x1/0xff",)
    ),
    "portbook.host.firewall.kernel_expressions:KernelExpressions": Reader(
        _read_expressions, (), (TCP + DPORT + compare(b"\0\x16") + ACCEPT,),
        (Repeated("many conditions", DPORT + compare(b"\0\x16")),
         Repeated("many bounds", compare(b"\0\x16", 5), DPORT)),
    ),
    "portbook.host.firewall.kernel_expressions:parts_of": Reader(
        lambda data: [*kernel_expressions.parts_of(data)], (ValueError, LookupError),
        (TCP + DPORT,), (Repeated("many parts", DPORT),),
    ),
    "portbook.host.firewall.kernel_expressions:verdict_of": Reader(
        lambda data: kernel_expressions.verdict_of(netlink.attributes_of(data)),
        (ValueError, LookupError), (number(1, 0) + attribute(2, attribute(2, number(1, 1))),),
    ),
    "portbook.host.firewall.kernel_iptables:read_foreign": Reader(
        lambda data: kernel_iptables.read_foreign(data, "ip", "INPUT"), (),
        (conntrack(1, 6) + ACCEPT,), (Repeated("many matches", conntrack(1, 6)),),
    ),
    "portbook.host.firewall.kernel_rules:read_elements": Reader(
        lambda data: kernel_rules.read_elements([data]), (ValueError, LookupError),
        (bytes(4) + attribute(3, _ELEMENT),),
        (Repeated("many elements", _ELEMENT, bytes(4) + b"\xff\xff\3\0"),),
    ),
    "portbook.host.firewall.nft_json:parse_nft": Reader(
        _nft, (MalformedInput,), (*_NFT, _PRINTED.read_bytes()), _NFT_INPUTS
    ),
    "portbook.host.firewall.nft_elements:parse_elements": Reader(
        lambda data: nft_elements.parse_elements(data, "ip", "filter", "closed"), (MalformedInput,),
        (_ELEMENTS + b'"elem":[80,{"range":[8000,8003]}]}}]}',),
        (Repeated("many elements", COUNTER + b",", _ELEMENTS + b'"elem":[', b"1]}}]}"),
         Kind("deep JSON", _ELEMENTS, b"[")),
    ),
    "portbook.host.firewall.nft_elements:parse_dump": Reader(
        lambda data: nft_elements.parse_dump([data], 4, spans=True), (),
        (set_message(told(9, end=True) + told(7)) + SET_READ, set_message(told(7)) + SET_READ),
        (Repeated("many messages", set_message(told(9, end=True) + told(7)), b"", SET_READ),
         Repeated("many ends", set_message(told(9, end=True)), b"", SET_READ)),
    ),
    "portbook.host.firewall.nft_hidden:find_l3proto": Reader(
        nft_hidden.find_l3proto, (ValueError,), (dumped(7, 3) + dumped(8, 7),),
        (Repeated("many rules", dumped(7, 3)), Repeated("one long rule", b"ct\0\0", dumped(7, 3))),
    ),
    "portbook.host.windows:parse_excluded_ranges": Reader(
        lambda data: windows.parse_excluded_ranges(text_of(data)), (MalformedInput,),
        (_NETSH,), (Repeated("many ranges", b" 5357     5357\n", _NETSH),),
    ),
    "portbook.host.probe.local_address:parse_route_type": Reader(
        local_address.parse_route_type, (), (local_address.route_request(2, bytes(4)),)
    ),
    "portbook.host.linux.packages:parse_rpm": Reader(
        lambda data: packages.parse_rpm(text_of(data)), (),
        (b"bash\t5.2.26-4.el10\tx86_64\t1700000000\n",),
    ),
    "portbook.host.linux.packages:version_in": Reader(
        lambda data: (packages.version_in(data, "a"), packages.version_in(data, "a", "amd64")), (),
        (_STATUS, b"Package: a\nArchitecture: amd64\nVersion: 2\n\n"),
    ),
    "portbook.host.linux.procfs:decode": Reader(procfs.decode, (), (b"a\xff",)),
    "portbook.host.linux.procfs:parse_cgroups": Reader(_cgroups, (MalformedInput,), _CGROUPS),
    "portbook.host.linux.procfs:parse_command": Reader(
        procfs.parse_command, (), (b"nginx\0-g\0daemon off;\0",)
    ),
    "portbook.host.linux.procfs:parse_mounts": Reader(
        procfs.parse_mounts, (), (b"cgroup2 /sys/fs/my\\040cgroup cgroup2 rw 0 0\n",)
    ),
    "portbook.host.linux.procfs:parse_numbers": Reader(
        procfs.parse_numbers, (MalformedInput,), (b"32768\t60999\n",)
    ),
    "portbook.host.linux.procfs:parse_ranges": Reader(
        procfs.parse_ranges, (MalformedInput,), (b"8080,9000-9010\n",)
    ),
    "portbook.host.linux.procfs:parse_sockets": Reader(
        lambda data: procfs.parse_sockets(data, _TCP), (MalformedInput,),
        (b"  sl  local_address\n" + _ROW + b"\n",),
    ),
    "portbook.host.linux.procfs:parse_stat": Reader(
        procfs.parse_stat, (MalformedInput,),
        (b"42 (a) b) S 1 42 42 0 -1 0 0 0 0 0 0 0 0 0 20 0 3 0 907 0 0",),
    ),
    "portbook.host.etc_services:parse_services": Reader(
        lambda data: etc_services.parse_services(text_of(data)), (), (b"ssh 22/tcp # SecSH\n",),
        (Repeated("many names of one port", b"a" + COUNTER + b" 1/tcp\n"),),
    ),
    "portbook.host.linux.netlink:attributes_of": Reader(
        netlink.attributes_of, (ValueError,), (attribute(3, b"eth0\0") * 2,)
    ),
    "portbook.host.linux.netlink:dump": Reader(
        lambda data: [*netlink.dump(Answering(data, b""), GET, NEW, bytes(16))], (ValueError,),
        (LINK + netlink_message(LAST, bytes(4)),),
    ),
    "portbook.host.linux.netlink:int_of": Reader(netlink.int_of, (), (bytes(4), b"")),
    "portbook.host.linux.netlink:name_of": Reader(netlink.name_of, (), (b"eth0\0", b"")),
    "portbook.host.linux.sock_diag:parse_part": Reader(
        lambda data: sock_diag.parse_part(data, _TCP, 1), (MalformedInput,),
        (LISTENING_AND_BOUND, IPV6),
        (Repeated("many sockets", LISTENING_AND_BOUND[: LISTENING_AND_BOUND.index(b"R") + 4]),),
    ),
    "portbook.host.probe.tls_client:TlsHello.feed": Reader(
        _hello, (), (b"\x16\x03\x03\x00\x04\x02\x00\x00\x00", b"\x15\x03\x03\x00\x02\x02\x28")
    ),
    "portbook.host.probe.tls_client:TlsHello.is_echo": Reader(
        lambda data: tls_client.TlsHello().is_echo(data), (), (b"\x16\x03\x01",)
    ),
}  # fmt: skip
