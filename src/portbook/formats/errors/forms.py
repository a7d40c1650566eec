"""The forms in which programs, settings and people write a port, each with what stands beside it.

One row is one form: a pattern whose groups are the port (``p``), the end of a range (``e``), more
ports of a list (``more``), an address (``a``, ``b``) and a transport (``t``, ``u``), and the part
that the port plays where the form itself tells it. The surest forms come first: what one has
read is no other's.

>>> [(form.ports, form.address) for form in read_forms("bind to ('::1', 8000, 0, 0) failed")]
[((8000,), '::1')]
>>> [form.ports for form in read_forms("ports 22, 80 and 443")]
[(22, 80, 443)]
"""

# The patterns of a table stand whole, whatever their length.
# ruff: noqa: E501, ISC004

from __future__ import annotations

import re

from portbook._fast_types import NamedTuple, StrEnum
from portbook.model import LAST_PORT, Transport, is_v4, is_v6

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Part(StrEnum):
    """The part that a port plays in its clause."""

    PLAIN = "plain"
    LISTEN = "listen"  # bound, exposed, configured
    CONNECT = "connect"  # somebody connects to it
    NEXT = "next"  # tried instead, forwarded to, the end of a valid range
    LOOSE = "loose"  # a number that is a port if nothing else is
    PEER = "peer"  # the other end's own, chosen by its system


class Mention(NamedTuple):
    """A port, or several, as one form wrote them."""

    start: int
    end: int
    ports: tuple[int, ...]
    address: str | None = None
    transport: Transport | None = None
    part: Part = Part.PLAIN
    span: bool = False


_V4 = r"(?:\d{1,3}\.){3}\d{1,3}"
_V6 = r"[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,45}(?:%[\w.-]{1,16})?"
_MASKED = r"(?:[xX*]{1,3}\.){3}[xX*\d]{1,3}"
_NAME = r"[A-Za-z_][\w-]{0,62}(?:\.[\w-]{1,62}){0,8}"
_N = r"(?P<p>\d{1,5})"
_TO_THERE = rf"-[A-Za-z]{{0,6}}R\s?(?:(?:[^\s:/]{{1,80}}|\[{_V6}\]):)?{_N}:(?:{_NAME}|{_V4}|\[{_V6}\]):\d{{1,5}}"
_END = r"(?![0-9A-Za-z_]|\.\d)"
_RANGE = r"(?:\s?(?:-|–|\.{2,3}|\bto\b)\s?(?P<e>\d{1,5})(?![\d.]))?"
_AND = r"and|und|et|y|e|en|и|i|ve|or|oder|ou|o|bzw\.?|dan|và"
_LIST = rf"(?P<more>(?:(?:\s?(?:[,&、和と]|/(?=\d))\s?(?:(?:{_AND})\s)?|\s(?:{_AND})\s)\d{{1,5}}(?![\d.:/]\d|\d)){{0,40}})"
_COMMAS = r"(?P<more>(?:,\d{1,5}){0,40})"  # as a command's argument has them
_T = r"(?P<t>tcp|udp|sctp|dccp)"
_U = r"(?:/(?P<u>tcp|udp|sctp|dccp)\b)?"
_AT = (
    rf"(?:\s(?:on|at|of|auf|sur|en|em|su|op|na|на)\s(?:address\s|host\s|interface\s|ip\s)?[\"'\[(]?"
    rf"(?P<b>{_V4}|{_V6}|localhost|\*)(?![\w.]))?"
)
# "port" in the languages that systems speak, whatever follows it in a word of theirs.
_WORDS = (
    r"(?:(?<![A-Za-zÀ-žа-я])(?P<word>ports?|puertos?|portas?|porte|porta|portu|portem|porcie|portów|porty|"
    r"poort(?:en)?|portun?da|портов|порт[аеуы]?|портом|anschl(?:uss|üsse)|cổng)(?![A-Za-zÀ-žа-я])"
    r"|端口号?|埠號?|連接埠|通訊埠|ポート(?:番号)?|포트(?: ?번호)?|पोर्ट|পোর্ট|المنفذ|منفذ|پورٹ|bağlantı noktası)"
)
_AFTER_WORD = (
    r"[\"'`]?(?:\(s\)|\(en\))?(?:\s{0,3}(?:number|nr\.?|no\.?|n°|nº|numéro|número|numero|nummer|номер|"
    r"is|to|of|id|in range|range|=>|[:=#№]))*\s{0,3}[\[({\"'`«„“-]{0,3}\s?"
)
_HOST_BEFORE = (
    rf"(?:(?:(?<![\w.*])(?P<a>{_V4}|{_V6}|\*)[\"')\]|]{{0,3}},?\s{{1,3}}(?:on\s)?|(?:\b(?:host|to|at|server at|reach)\s[\"'(]?"
    rf"(?P<c>(?!(?:an?|the|this|that|another|its|your|any|tcp|udp|free|local|remote|given|open|same|"
    rf"distribution|privileged|unsafe|low|default|port)\b){_NAME})[\"']?"
    rf"(?:\s?\((?P<d>{_V4}|{_V6})\))?,?\s{{1,3}})))?"
)

_FORMS: tuple[tuple[str, Part], ...] = (
    # ssh -R listens on the machine that it goes to
    (rf"@(?P<d>{_NAME}|{_V4})\s(?:-[A-Za-z0-9]{{1,8}}\s){{0,2}}{_TO_THERE}", Part.LISTEN),
    (rf"(?:^|\s){_TO_THERE}(?:(?=[^|;&@]{{0,160}}@(?P<d>{_NAME}|{_V4}))"
     rf"|(?=[^|;&]{{0,160}}$)[^|;&]{{0,160}}?\s(?P<server>{_NAME}|{_V4})\s{{0,9}}$)?", Part.LISTEN),
    # the kernel's log of a packet: SRC=… DST=… PROTO=UDP SPT=60874 DPT=161
    (rf"\bSPT={_N}\b", Part.PEER),
    (rf"\bDPT={_N}\b", Part.PLAIN),
    # docker -p 127.0.0.1:8080:80/udp, 0.0.0.0:443->8443/tcp, :::80->80/tcp, A:8080:A2:80/tcp
    (rf"(?:^|\s)(?:-p|--publish)[ =]?[\"']?(?:(?P<a>{_V4}|\[{_V6}\]|localhost):)?{_N}(?:-(?P<e>\d{{1,5}}))?"
     rf":\d{{1,5}}(?:-\d{{1,5}})?{_U}", Part.LISTEN),
    (rf"(?<![\w.])(?:(?P<a>{_V4}|\[{_V6}\]|::|\*)?:)?{_N}(?:-(?P<e>\d{{1,5}}))?->\d{{1,5}}(?:-\d{{1,5}})?{_U}(?![\d.:])",
     Part.LISTEN),
    (rf"(?<![\w.])(?:(?P<a>{_V4}|\[{_V6}\])?:)?{_N}:{_V4}:\d{{1,5}}{_U}", Part.LISTEN),
    (rf"\bforwarding from (?P<a>{_V4}|\[{_V6}\]|localhost):{_N} -> \d{{1,5}}", Part.LISTEN),
    # compose's list, and "8080:80" anywhere
    (rf"^\s*-\s{{1,4}}[\"']?(?:(?P<a>{_V4}|\[{_V6}\]):)?{_N}(?:-(?P<e>\d{{1,5}}))?:\d{{1,5}}(?:-\d{{1,5}})?{_U}[\"']?\s*(?:#|$)",
     Part.LISTEN),
    (rf"[\"'](?:(?P<a>{_V4}|\[{_V6}\]):)?{_N}:\d{{1,5}}{_U}[\"']", Part.LISTEN),
    # lsof -ti:3000, lsof -nP -iTCP:80,443; ss -ltn | grep 3000; nmap -p 80,443; dport { 80, 443 }
    (rf"\blsof\s(?:[^|;&]{{0,80}}?\s)?-[A-Za-z]{{0,6}}i\s?[46]?(?P<t>tcp|udp)?(?:@[^\s:]{{1,80}})?:{_N}{_RANGE}{_COMMAS}", Part.PLAIN),
    (rf"\b(?:ss|netstat|lsof)\b[^|;&]{{0,80}}\|\s?(?:e?grep|findstr|rg|Select-String)(?:\s-\w{{1,9}})*\s[\"'`]?:?{_N}{_END}", Part.PLAIN),
    (rf"\b(?:nmap|masscan|naabu|rustscan|zmap)\s(?:[^|;&]{{0,120}}?\s)?-p\s?{_N}{_RANGE}{_COMMAS}{_END}", Part.PLAIN),
    (rf"\b{_T}\s[ds]port\s(?:[!=]=\s)?\{{?\s?{_N}{_RANGE}{_LIST}", Part.LISTEN),
    # Get-NetTCPConnection -LocalPort 3000; curl localhost:9090/metrics; wait-for-it.sh db:5432
    (rf"\s-(?:Local|Remote)Port[ :]{{1,3}}{_N}{_RANGE}{_COMMAS}{_END}", Part.PLAIN),
    (rf"\b(?:curl|wget|wait-for-it(?:\.sh)?|wait-for|wait-port|wait-on)\s(?:[^|;&]{{0,120}}?\s)?[\"']?"
     rf"(?P<server>{_NAME}|{_V4}|\[{_V6}\]):{_N}(?=[\s/?\"']|$)", Part.CONNECT),
    # ssh -L, -R, -D; kubectl port-forward; socat
    (rf"(?:^|\s)-[A-Za-z]{{0,6}}(?P<l>L)\s?(?:(?P<a>[^\s:/]{{1,80}}|\[{_V6}\]):)?{_N}:(?:{_NAME}|{_V4}|\[{_V6}\]):\d{{1,5}}",
     Part.LISTEN),
    (rf"\bssh\s[^|;&]{{0,120}}?-[A-Za-z]{{0,6}}(?P<l>D)\s?(?:(?P<a>{_V4}|localhost):)?{_N}{_END}", Part.LISTEN),
    (rf"(?P<l>\bport-forward)\s[^|;&]{{0,120}}?\s{_N}:\d{{1,5}}\b", Part.LISTEN),
    (rf"\b{_T}[46]?-L(?:ISTEN)?:{_N}", Part.LISTEN),
    # a URL; tcp://0.0.0.0:8000
    (rf"\b(?P<t>[A-Za-z][\w+.-]{{0,30}})://(?:[^\s/@\"'<>]{{0,200}}@)?"
     rf"(?P<a>\[[^\]\s]{{2,60}}\]|[^\s/:?#\"'<>()\[\],\\]{{0,253}}):{_N}{_END}", Part.PLAIN),
    # 192.0.2.1:5140, [::1]:80, 127.0.0.1:[9300-9400], [::1]:[9300-9400], |127.0.0.1|:8080, x.x.x.x:25589
    (rf"(?<![\d.])(?P<a>{_V4})(?:%[\w.-]{{1,16}})?:{_N}{_END}", Part.PLAIN),
    (rf"(?<![\d.])\[?(?P<a>{_V4}|(?<=\[){_V6})\]?:\[{_N}{_RANGE}\]", Part.PLAIN),
    # named's 0.0.0.0#53, unbound's 127.0.0.1@5335, SQL Server's 192.0.2.8,1433, "port: 0.0.0.0 443"
    (rf"(?<![\w.:])(?P<a>{_V4}|{_V6})[#@]{_N}{_END}", Part.PLAIN),
    (rf"(?<![\d.])(?P<a>{_V4}),{_N}{_END}(?![,.])", Part.PLAIN),
    (rf"\bport:?\s(?P<a>{_V4})\s{_N}{_END}", Part.PLAIN),
    (rf"\[(?:v\d\.)?(?P<a>{_V4}|{_V6})\]:{_N}{_END}", Part.PLAIN),
    (rf"(?<![\d.])(?P<a>{_V4})::{_N}{_END}", Part.PLAIN),  # VNC
    (rf"\bhost, port: (?P<a>{_NAME}|{_V4}), {_N}{_END}", Part.CONNECT),  # JavaMail
    (rf"\|(?P<a>{_V4}|{_V6})\|:{_N}{_END}", Part.PLAIN),
    (rf"(?<![\w.])(?P<a>{_MASKED}):{_N}{_END}", Part.PLAIN),
    # :::3000, ::1:5432, fe80::1%eth0:22, ::*:6379, *:80, http://+:80
    (rf"(?<![\w.:\]])(?P<a>::)(?:\*)?:{_N}{_END}(?!:\d)", Part.PLAIN),
    (r"(?<![\w.:])(?P<six>[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{0,60}(?:%[\w.-]{1,16})?:\d{1,5})(?![\w:]|\.\d| port \d)", Part.PLAIN),
    (rf"(?<![\w.])(?P<a>[*+]):{_N}{_END}", Part.PLAIN),
    (rf"^\s*{_T}\w{{0,3}}\s.{{0,80}}?(?<![\w.])(?P<a>{_V4}|\*)\.{_N}(?=\s)", Part.PLAIN),
    # ('::1', 8000, 0, 0); ["localhost", 80]; {"0.0.0.0",15672}; {{0,0,0,0},8080}; [port 8080]
    (rf"[(\[{{,]\s?b?[\"'](?P<a>[^\"'()\s]{{0,253}})[\"']\s?,\s?{_N}(?:\s?,\s?\d{{1,10}}){{0,2}}\s?[)\]}},]", Part.PLAIN),
    (rf"\{{(?P<erl>(?:\d{{1,5}},\s?){{3,7}}\d{{1,5}})\}},?\s?(?:port )?{_N}\b", Part.PLAIN),
    (rf"\((?P<a>{_V4}|localhost),\s?{_N}\)", Part.PLAIN),
    # jdwp's address=8221, PostgreSQL's socket, Tomcat's connectors
    (rf"(?:jdwp|dt_socket)[\w=,.:-]{{0,80}}?address=(?:(?P<a>[^:,\s]{{1,80}}):)?{_N}{_END}", Part.LISTEN),
    (rf"\.s\.PGSQL\.{_N}\b", Part.CONNECT),
    (rf"(?:Connector\[\s?\"?|ProtocolHandler \[\s?\"?|\[\")(?:https?|ajp)[/\w.]{{0,12}}(?:-\w{{1,8}}){{0,2}}?-"
     rf"(?:(?P<a>{_V4}|{_V6})-)?{_N}\"?\]", Part.LISTEN),
    (rf"\b(?:https?|ajp)-(?:nio|bio|apr|nio2|jsse-nio)-{_N}-", Part.LOOSE),
    # --dport 80, --dports 80,443, sport = :305, ListenStream=80, listen 443 ssl;, EXPOSE 80 443/udp
    (rf"--(?:dports?|destination-ports?|to-ports?|sports?|add-port)[ =:]{{1,3}}{_N}{_RANGE}{_LIST}{_U}", Part.LISTEN),
    (rf"\bListen(?:Stream|SequentialPacket|(?P<dgram>Datagram))\s?=\s?{_N}{_END}", Part.LISTEN),
    (rf"^\s*listen\s{{1,8}}(?:(?P<a>{_V4}|\[{_V6}\]|\*|{_NAME}):)?{_N}(?=[\s;]|$)", Part.LISTEN),
    (rf"^\s*EXPOSE\s{{1,8}}{_N}{_U}(?P<more>(?:\s{{1,4}}\d{{1,5}}(?:/\w{{3,4}})?){{0,20}})", Part.LISTEN),
    (rf"\bufw (?:allow|deny|reject|limit|delete)(?: in| out)? {_N}{_COMMAS}{_U}{_END}", Part.LISTEN),
    # 443/udp, 80,443/tcp, 40000:50000/tcp, TCP/80, tcp:9222
    (rf"(?<![\w.:/,-]){_N}:(?P<more>3[0-2]\d{{3}})/{_T}\b", Part.PLAIN),  # a node port
    (rf"(?<![\w.:/,-]){_N}(?P<more>(?:,\d{{1,5}}){{0,40}})(?:[:-](?P<e>\d{{1,5}}))?/{_T}\b", Part.PLAIN),
    (rf"(?<![\w/]){_T}[46]?[:/]{_N}(?:-(?P<e>\d{{1,5}}))?{_END}(?!:\S)", Part.PLAIN),
    # nodePort: Invalid value: 3000
    (rf"port:\s?Invalid value:\s?\"?{_N}", Part.LISTEN),
    # port 22, tcp port 80, "host" (127.0.0.1), port 5432; Bind to port 2222 on 0.0.0.0; 端口 8080
    (rf"{_HOST_BEFORE}(?:(?<![/\w])(?<!and )(?<!or ){_T}[ -])?(?:(?:s?sh|https?|ftp|listen(?:ing)?)[ -])?{_WORDS}{_AFTER_WORD}"
     rf"(?:(?P<v>tcp|udp|sctp)[/: ])?{_N}{_RANGE}(?!\d|\.\d|[A-Za-z_](?<!i)){_U}(?:(?<=\d)(?:{_LIST}))?[\])}}\"'`»”]{{0,2}}{_AT}", Part.PLAIN),
    # the number first, as in Chinese, Japanese, Korean, Turkish and Russian
    (rf"(?<![\w./-]){_N}(?:\)(?=[端連通埠ポ포]))?\s?(?:番|号|號|-?(?:й|го|м|му))?\s?(?:端口|埠|連接埠|通訊埠|ポート|포트|порт\w{{0,2}}|numaralı|"
     r"portu\w{0,4}|port\b(?! ?switch))", Part.PLAIN),
    # PORT=8080, "httpPort": 8080, {port,8088}, /port:63293, forward_port 8080
    (rf"(?P<key>[\w.-]{{0,60}}?port(?:s|_number|no|number)?)[\"']?\s{{0,3}}(?:=>|:=|[=:,])\s{{0,3}}[\"'\[({{]{{0,2}}{_N}{_RANGE}{_LIST}{_U}"
     rf"(?![\w.]*[A-Za-z.]\d)", Part.LISTEN),
    (rf"(?P<key>[\w.-]{{1,60}}[._-]port)\s{{1,8}}(?:on |is )?{_N}(?P<more>(?:\s?[,/]\s?\d{{1,5}}(?![\d.:])){{0,40}}){_END}", Part.LISTEN),
    # localhost [127.0.0.1] 8080 (http-alt) : Connection refused
    (rf"\[(?P<a>{_V4}|{_V6})\]\s{{1,4}}{_N}(?= \()", Part.CONNECT),
    # nc -zv host 8080; telnet host 23; python -m http.server 8000; -p 8080
    (rf"\b(?:nc|ncat|netcat|telnet)(?:\.exe)?\s[^|;&]{{0,120}}?(?<=\s)(?:(?P<a>{_V4}|{_NAME})\s{{1,3}})?{_N}(?=\s*(?:$|[;|&<>\"'`)]))",
     Part.PLAIN),
    (rf"\b(?:http\.server|SimpleHTTPServer|runserver)\s{{1,3}}{_N}{_END}", Part.LISTEN),
    (rf"(?:^|\s)(?:-h|-H|--host)[ =](?P<a>{_V4}|{_NAME})\s{{1,3}}(?:-[pP]|--port)[ =]?{_N}{_END}(?!:)", Part.PLAIN),
    (rf"(?:^|\s)(?:-[pP]|--port|--listen|-l)[ =]{{1,2}}{_N}{_END}(?!:)", Part.LISTEN),
    (rf"\b(?:WSA)?E(?:ADDR[A-Z]{{5,8}}|CONNREFUSED|ACCES|TIMEDOUT|HOSTUNREACH)[:\s]{{1,3}}{_N}{_END}(?![:.]\d)", Part.PLAIN),
    # listening on 8080, Failed to bind to [9200-9300], listen: 80, address 8081: missing port
    (rf"\b(?:listen(?:ing|s|er)?|bind(?:ing)?|bound|running|started|serving|available|starting|up)"
     rf"(?: is)? ?(?:on|at|to|auf|sur|en|em|su|op|na|на|:)\s?[:\[(\"']?{_N}{_RANGE}{_END}(?![:/]\d)", Part.LISTEN),
    (rf"\b(?:in use|not available|allocated|occupied|taken)[:=\s]{{1,3}}{_N}{_END}(?![:.]\d)", Part.PLAIN),
    (rf"\b(?:address|addr) [\"']?{_N}{_END}(?=[\"':])", Part.LISTEN),
    # :8080 alone, <null>:8080
    (rf"(?:^|(?<=[\s\"'(\[{{=,<>]))(?P<colon>:){_N}{_END}(?!:\d)", Part.PLAIN),
    # 8080 is already in use
    (rf"(?<![\w.:/#-])(?P<busy>){_N}{_LIST}\)?(?: port)?\s(?=is |was |are |ist |est |está |esta |è |jest |уже |ya |já |già |"
     rf"al |zaten |already |still |in use|taken|occupied|bereits |déjà )", Part.PLAIN),
    (rf"(?<![\w.:/#-])(?P<busy>){_N}\s?(?=已|被|は|が|이|正在)", Part.PLAIN),
    # db:5432, where something says that db is a host
    (rf"(?<![\w./:@\\-])(?P<host>{_NAME}):{_N}{_END}(?!:\d|-)(?!/?[A-Za-z])", Part.PLAIN),
    (rf"(?<![\w/]){_T}[46]? {_N}{_END}(?![:/])", Part.LOOSE),
    (rf"(?<![\w.:/,-]){_N} {_T}\b", Part.LOOSE),
    # $ w3 8880
    (rf"^\s{{0,4}}(?:[\w@~:/.-]{{0,60}}[$#%>]|PS [^>]{{0,80}}>)\s(?=[\w./]).{{0,200}}\s{_N}\s*$", Part.LOOSE),
)  # fmt: skip
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE), part) for pattern, part in _FORMS)

# Words that end in "port" and say nothing of one, and what stands before a number as if its host.
_NO_PORT = {
    "airport", "export", "import", "passport", "report", "support", "transport", "viewport",
    "teleport", "carport", "reexport", "seaport",
}  # fmt: skip
_NO_HOST = {
    "code", "column", "errno", "error", "exit", "line", "pid", "row", "status", "port", "time",
    "date", "version", "step", "rev", "tag", "id", "uid", "gid", "fd", "count", "total", "size",
    "http", "https", "note", "warning", "info", "debug", "fatal", "alert", "level", "thread",
    "attempt", "response", "latency", "duration", "retry", "retries", "page", "chapter", "section", "score", "ratio", "number",
    "main", "pts", "system", "generic", "posix", "win32", "asio", "tty", "session", "job", "task", "frame", "offset", "l", "ln", "col", "e", "w",
}  # fmt: skip
# What says that the next word is a host; the second may as well lead to an image and its tag.
_HOST_SIGN = re.compile(
    r"(?i)(?:\b(?:to|host|hosts|server|servers|dial|tcp|udp|connect|connecting|address|addr|reach|broker|brokers|"
    r"upstream|peer|endpoint|bootstrap|ping|use|econnrefused|etimedout|ehostunreach|enetunreach|eaddrinuse|"
    r"eaddrnotavail|econnreset)[ =:]{1,3}|[@/])[\"'\[(<]?$"
)
_LOOSE_SIGN = re.compile(
    r"(?i)(?:\b(?:at|on|via|bind|from|node|listening|with|of|for)[ =:]{1,3}|[=(\[|'\"<,])[\"'\[(<]?$"
)
_LEAST_AFTER_LOOSE = 80  # versions in an image's tag are below it
_TRANSPORTS = {transport.value: transport for transport in Transport}


def read_forms(line: str) -> list[Mention]:
    """Every port in *line*, from which what is no port was taken, in its order."""
    mentions: list[Mention] = []
    taken = bytearray(len(line) + 1)
    for pattern, part in _COMPILED:
        for match in pattern.finditer(line):
            start, end = _extent(match)
            if any(taken[start:end]):
                continue
            mention = _mention(match, part, line)
            if mention is not None:
                taken[start:end] = b"\1" * (end - start)
                mentions.append(mention)
    return sorted(mentions, key=lambda mention: mention.start)


def _extent(match: re.Match[str]) -> tuple[int, int]:
    """From the first to the last character of *match* that says something of a port."""
    spans = [match.span(name) for name, value in match.groupdict().items() if value]
    return min(start for start, _ in spans), max(end for _, end in spans)


def _mention(match: re.Match[str], part: Part, line: str) -> Mention | None:
    groups = match.groupdict()
    start, end = _extent(match)
    if groups.get("six"):
        host, _, number = groups["six"].rpartition(":")
        return _made(start, end, [number], host, None, part) if is_v6(host) else None
    if groups.get("key") is not None and not _is_port_key(groups["key"]):
        return None
    if groups.get("server") and _is_no_host(groups["server"]):  # curl: error:28
        return None
    if groups.get("host"):
        # What a compiler prints is a file and a line: name:12: error.
        listed = line[end : end + 1] == ":"
        before = line[: match.start("host")]
        if not _is_host(groups["host"], before, int(groups["p"]), signed=listed):
            return None
    numbers = [groups["p"], *re.findall(r"\d+", groups.get("more") or "")]
    if numbers == ["0"] and line[match.end() : match.end() + 2].startswith("/"):  # 0/3 nodes
        return None
    last = groups.get("e")
    span = last is not None and int(last) > int(numbers[0])
    if span:
        numbers[1:] = [last or ""]
    mention = _made(start, end, numbers, _address_in(groups), _transport_in(groups), part)
    return mention._replace(span=True) if mention and span else mention


def _transport_in(groups: Mapping[str, str | None]) -> Transport | None:
    if groups.get("dgram"):
        return Transport.UDP
    words = (groups.get(name) or "" for name in "tuv")
    return next(filter(None, (_TRANSPORTS.get(word.lower()) for word in words)), None)


def _address_in(groups: Mapping[str, str | None]) -> str | None:
    erlang = groups.get("erl")
    if erlang:
        return _erlang(erlang)
    address = next(filter(None, map(groups.get, ("d", "a", "c", "b", "host", "server"))), None)
    if address is None and groups.get("l"):  # ssh and kubectl bind these on the loopback address
        return "localhost"
    address = (address or "").strip("[]") or None
    # A sentence's own colon isn't an address, which what stands in brackets claims to be.
    odd = groups.get("word") and address and ":" in address and not is_v6(address)
    return None if odd else address


def _made(
    start: int, end: int, numbers: list[str], address: str | None, transport: Transport | None,
    part: Part,
) -> Mention | None:  # fmt: skip
    if not all(number.isascii() for number in numbers):
        return None
    ports = tuple(int(number) for number in numbers if int(number) <= LAST_PORT)
    if part is Part.LOOSE and ports == (0,):  # the empty queue in a list of sockets
        return None
    return Mention(start, end, ports, address, transport, part) if ports else None


def _is_port_key(key: str) -> bool:
    """Whether *key* is the name of a port's setting: ``httpPort``, ``server.port``; no ``report``."""
    name = re.split(r"[._-]", key.rstrip("s"))
    last = name[-1] if name[-1].lower() not in ("number", "no") else name[-2]
    return last.lower() not in _NO_PORT and "unprivileged" not in key


def _is_host(name: str, before: str, port: int, *, signed: bool) -> bool:
    """Whether *name*, before a colon and a number, is a host by itself or by what leads to it."""
    if _is_no_host(name):
        return False
    lower = name.lower()
    if _HOST_SIGN.search(before[-24:]):
        return True
    if port >= _LEAST_AFTER_LOOSE and _LOOSE_SIGN.search(before[-24:]):
        return True
    host = lower == "localhost" or ("." in name and name[-1].isalpha())
    return host and (not signed or lower == "localhost" or before.rstrip().endswith(":"))


def _is_no_host(name: str) -> bool:
    """Whether *name* before a colon says what the number is: ``error:28``, ``time:35``."""
    lower = name.lower()
    return lower in _NO_HOST or lower.endswith(("port", "error", "exception"))


def _erlang(numbers: str) -> str:
    """An address as Erlang writes it, in the form that everybody else reads."""
    groups = [int(number) for number in numbers.split(",")]
    if len(groups) == 4:
        return ".".join(map(str, groups))
    if len(groups) != 8:
        return numbers.replace(" ", "")
    from socket import AF_INET6, inet_ntop

    packed = b"".join((number & 0xFFFF).to_bytes(2, "big") for number in groups)
    return inet_ntop(AF_INET6, packed)


def read_address(line: str) -> str | None:
    """The address without a port that *line* names as the place of a bind or a connection.

    A number stands before the name that led to it.
    """
    names = []
    for match in _LONE.finditer(line):
        if match["erl"]:
            return _erlang(match["erl"])
        address = match["a"] or match["k"]
        if is_v4(address) or is_v6(address):
            return address
        named = match["sep"] == "=" and match["key"].lower() in ("host", "hostname")
        dotted = match["k"] and "." in address and not address.startswith("self.")
        if address in ("localhost", "*", "::") or (match["k"] and named) or dotted:
            names.append(address)
    return names[0] if names else None


_LONE = re.compile(
    rf"(?:\b(?:on|at|address|addr|host|to|ip|interface|for|bind|auf|sur)\s?[:=]?\s?[\"'(\[]{{0,2}}|[\"'(])"
    rf"(?P<a>{_V4}|{_V6}|localhost)(?![\w.]|:\d)"
    rf"|(?<![A-Za-z])(?P<key>host|hostname|address|addr|ip|bind|bind_address|interface|listen_addresses)[\"']?"
    rf"\s?(?P<sep>=>|[=:])\s?[\"'\[({{]?(?P<k>{_V4}|{_V6}|\*|{_NAME})(?![\w.]|:\d)"
    rf"|(?<![A-Za-z])ip[\"']?\s?[:,=]\s?\{{(?P<erl>(?:\d{{1,5}},\s?){{3,7}}\d{{1,5}})\}}",
    re.IGNORECASE,
)
