r"""What the first bytes of a service say of its protocol. Pure: bytes in, a protocol out.

Some servers speak first, the others answer a question: :data:`QUESTIONS` has what is asked, and
:func:`recognise` reads what came back, whatever was asked. Each signature names where it is
specified. What came back is as hostile as the program that sent it.

>>> recognise(b"SSH-2.0-OpenSSH_9.2p1\r\n")
Heard(protocol='ssh', detail='SSH-2.0-OpenSSH_9.2p1', follow=None)
>>> recognise(b"HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\n").detail
'HTTP/1.1 200 OK; nginx'
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple

LONGEST = 120  # characters that are kept of what a service says of itself

_DNS_ID = b"\x70\x62"
# RFC 4892 §2: version.bind, class CH, type TXT. Without recursion desired (RFC 1035 §4.1.1), and
# in a class that no server passes on: nobody but the server itself is asked.
_DNS = (
    _DNS_ID
    + b"\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"
    + b"\x07version\x04bind\x00\x00\x10\x00\x03"
)
_MONGO_ID = b"\x70\x62\x6b\x31"
# BSON: {hello: 1, $db: "admin"}
_HELLO = b"\x10hello\x00\x01\x00\x00\x00\x02$db\x00\x06\x00\x00\x00admin\x00\x00"
_HELLO = (len(_HELLO) + 4).to_bytes(4, "little") + _HELLO
# MongoDB wire protocol: header (length, id, answer to, OP_MSG), flags, one body section.
_MONGO = _MONGO_ID + bytes(4) + b"\xdd\x07\x00\x00" + bytes(4) + b"\x00" + _HELLO
_MONGO = (len(_MONGO) + 4).to_bytes(4, "little") + _MONGO

# What is asked, by the name of the question. "line" suits two protocols of text lines.
QUESTIONS = {
    # RFC 9110 §9.3.2: HEAD asks for no more than the head of an answer.
    "http": b"HEAD / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: portbook\r\nAccept: */*\r\n"
    b"Connection: close\r\n\r\n",
    # PostgreSQL, message formats, SSLRequest: answered by S or N, and no login.
    "postgresql": b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
    # GSSENCRequest: asked on where TLS was refused, by one byte, which proves little.
    "gssenc": b"\x00\x00\x00\x08\x04\xd2\x16\x30",
    # Redis protocol specification, inline commands; memcached's doc/protocol.txt.
    "line": b"PING\r\nversion\r\n",
    # MQTT 3.1.1 §3.1: a clean session without a name, then §3.14: and no more.
    "mqtt": b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00\xe0\x00",
    # AMQP 0-9-1 §4.2.2
    "amqp": b"AMQP\x00\x00\x09\x01",
    "mongodb": _MONGO,
    # RFC 1035 §4.2.2: over TCP with its length before it.
    "dns": len(_DNS).to_bytes(2, "big") + _DNS,
    "dns-udp": _DNS,
    # RFC 5321 §4.1.1.1; an FTP server refuses it.
    "ehlo": b"EHLO localhost\r\n",
}

# Servers of these speak first.
GREETERS = frozenset(
    ("ssh", "smtp", "imap", "pop3", "ftp", "mysql", "nntp", "rfb", "rsync", "telnet")
)

# The question that a protocol answers, where it doesn't speak first.
ASKED_BY = {
    "http": "http",
    "postgresql": "postgresql",
    "redis": "line",
    "memcached": "line",
    "mongodb": "mongodb",
    "mqtt": "mqtt",
    "amqp": "amqp",
    "dns": "dns",
}


class Heard(NamedTuple):
    """A protocol, and what the service said of itself; ``follow`` is a question that decides.

    ``protocol`` is None as long as only the answer to ``follow`` can tell; ``tls`` as a question
    means a handshake on the same connection.
    """

    protocol: str | None
    detail: str | None = None
    follow: str | None = None


def recognise(data: bytes, asked: str | None = None) -> Heard | None:
    """The protocol that *data*, the first bytes of a service, is of; None where it isn't known.

    *asked* is the question that it answers, None where the service spoke first. An answer that
    comes back in parts may be recognised only when more of it is there.
    """
    if not data:
        return None
    if asked is not None and (
        QUESTIONS[asked].startswith(data) or data.startswith(QUESTIONS[asked])
    ):
        return None  # an echo is no answer
    for known in (_text, _mysql, _http2, _binary):
        if heard := known(data, asked):
            return heard
    return None


def is_tls(data: bytes) -> bool:
    """Whether *data* begins as a TLS record: handshake or alert (RFC 8446 §5.1)."""
    return len(data) >= 3 and data[0] in (0x15, 0x16) and data[1] == 3 and data[2] <= 4


def first_line(data: bytes) -> str:
    """The first line of *data* that isn't empty, as text, cut to what is kept."""
    for line in data.split(b"\n"):
        if text := line.strip(b"\r\0 \t").decode("utf-8", "replace"):
            return text if len(text) <= LONGEST else text[:LONGEST] + "…"
    return ""


# How lines begin that no other protocol's do.
_BEGINNINGS = (
    (b"* OK", "imap"),  # RFC 9051 §7.1
    (b"* PREAUTH", "imap"),
    (b"* BYE", "imap"),
    (b"+OK", "pop3"),  # RFC 1939 §4
    (b"+PONG", "redis"),  # Redis serialization protocol: strings and errors
    (b"-NOAUTH", "redis"),
    (b"-DENIED", "redis"),
    (b"-LOADING", "redis"),
    (b"-ERR unknown command", "redis"),
    (b"RFB 00", "rfb"),  # RFC 6143 §7.1.1
    (b"@RSYNCD:", "rsync"),
    (b"\xff\xfb", "telnet"),  # RFC 854: WILL, WON'T, DO and DON'T
    (b"\xff\xfc", "telnet"),
    (b"\xff\xfd", "telnet"),
    (b"\xff\xfe", "telnet"),
)


def _text(data: bytes, asked: str | None) -> Heard | None:
    """The protocols that greet or answer with lines of text."""
    # RFC 4253 §4.2: other lines may come before it.
    for line in data.split(b"\n"):
        if line.startswith(b"SSH-") and b"-" in line[4:]:
            return Heard("ssh", first_line(line))
    if data.startswith(b"HTTP/1.") and len(data) >= 12:  # RFC 9112 §4
        return _http(data)
    # A web server answers what it can't read as to HTTP/0.9, without a status line (RFC 1945 §6).
    if asked is not None and data[:15].lower().startswith((b"<!doctype html", b"<html")):
        return Heard("http", "HTML without a status line")
    for beginning, protocol in _BEGINNINGS:
        if data.startswith(beginning):
            return Heard(protocol, None if protocol == "telnet" else first_line(data))
    if asked == "line" and data.startswith(b"ERROR\r\nVERSION "):
        return Heard("memcached", first_line(data[7:]))
    return _reply_code(data, first_line(data), asked)


def _reply_code(data: bytes, line: str, asked: str | None) -> Heard | None:
    """SMTP (RFC 5321 §4.2), FTP (RFC 959 §4.2) and NNTP (RFC 3977 §5.1): three digits first."""
    code, mark = data[:3], data[3:4]
    if not code.isdigit() or mark not in (b" ", b"-"):
        return None
    upper = line.upper()
    if asked == "ehlo":
        return Heard("smtp" if code == b"250" else "ftp", line)
    if code in (b"220", b"421", b"554"):
        if "SMTP" in upper:
            return Heard("smtp", line)
        if "FTP" in upper:
            return Heard("ftp", line)
        return Heard(None, line, "ehlo") if code == b"220" and asked is None else None
    if code in (b"200", b"201") and asked is None:
        return Heard("nntp", line)
    return None


def _http(data: bytes) -> Heard:
    head = data.partition(b"\r\n\r\n")[0]
    status, *fields = head.split(b"\r\n")
    detail = first_line(status)
    for field in fields:
        name, _, value = field.partition(b":")
        if name.strip().lower() == b"server" and value.strip():
            detail += f"; {first_line(value)}"
            break
    if b"native driver port" in data:  # what mongod answers to HTTP
        return Heard("mongodb", detail)
    return Heard("http", detail)


def _mysql(data: bytes, _: str | None) -> Heard | None:
    """MySQL client/server protocol, Protocol::HandshakeV10: length, number 0, version 10."""
    if len(data) < 5 or data[3] != 0:
        return None
    length = int.from_bytes(data[:3], "little")
    if data[4] == 0xFF and 3 <= length <= 1024:  # an error instead: this client may not come in
        number = int.from_bytes(data[5:7], "little")
        return Heard("mysql", first_line(data[7:])) if 1040 <= number <= 1130 else None
    if data[4] != 10 or not 40 <= length <= 1024:
        return None
    version, end, _rest = data[5:].partition(b"\0")
    # MariaDB puts this before its version, for the sake of old clients.
    text = first_line(version).removeprefix("5.5.5-")
    return Heard("mysql", text) if end and text.isprintable() and text[:1].isdigit() else None


def _http2(data: bytes, _: str | None) -> Heard | None:
    """RFC 9113 §6.5: a server that speaks only HTTP/2 sends its SETTINGS frame first."""
    settings = data[3:9] == b"\x04\x00\x00\x00\x00\x00"
    if len(data) >= 9 and settings and int.from_bytes(data[:3], "big") % 6 == 0:
        return Heard("http", "HTTP/2")
    return None


def _binary(data: bytes, asked: str | None) -> Heard | None:
    """Answers to questions of their own protocol, which mean nothing without them."""
    if asked == "postgresql" and data in (b"S", b"N"):
        return Heard(None, None, "tls" if data == b"S" else "gssenc")
    if asked in ("postgresql", "gssenc") and (data in (b"N", b"G") or _postgres_error(data)):
        return Heard("postgresql")
    # MQTT 3.1.1 §3.2, MQTT 5 §3.2: CONNACK, its length, flags, a code
    connack = data[:1] == b"\x20" and len(data) >= 4 and data[1] == len(data) - 2
    if asked == "mqtt" and connack and data[2] <= 1:
        return Heard("mqtt", f"connection refused, code {data[3]}" if data[3] else None)
    if data[:4] == b"AMQP" and len(data) == 8:  # AMQP 1.0 §2.2: the version it wants instead
        return Heard("amqp", "AMQP " + ".".join(map(str, data[5:8])))
    # AMQP 0-9-1 §2.3.5: a method frame on channel 0 that begins with connection.start
    if data[:3] == b"\x01\x00\x00" and data[7:11] == b"\x00\x0a\x00\x0a":
        return Heard("amqp", "AMQP 0-9-1")
    if asked == "mongodb" and data[8:12] == _MONGO_ID and data[12:16] == b"\xdd\x07\x00\x00":
        return Heard("mongodb")
    if asked == "dns":
        length = int.from_bytes(data[:2], "big")
        return _dns(data[2:]) if length == len(data) - 2 else None
    return _dns(data) if asked == "dns-udp" else None


def _postgres_error(data: bytes) -> bool:
    """An ErrorResponse: E, a length, and fields of which S comes first."""
    return data[:1] == b"E" and len(data) > 6 and data[5:6] == b"S" and data[1:3] == b"\0\0"


def _dns(data: bytes) -> Heard | None:
    """RFC 1035 §4.1.1: our id, with the bit set that makes it an answer."""
    if len(data) < 12 or data[:2] != _DNS_ID or not data[2] & 0x80:
        return None
    at = len(_DNS)
    # One answer to the one question: a name, TXT, CH, four bytes of time, a length, a string.
    if data[4:8] == b"\0\1\0\1" and data[12:at] == _DNS[12:]:
        rest = data[at:]
        rest = rest[2:] if rest[:1] >= b"\xc0" else rest.partition(b"\0")[2]
        if rest[:4] == b"\x00\x10\x00\x03" and len(rest) > 11:
            return Heard("dns", first_line(rest[11 : 11 + rest[10]]) or None)
    return Heard("dns")
