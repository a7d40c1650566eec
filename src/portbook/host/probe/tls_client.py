"""The client's side of a TLS handshake in memory: bytes in, bytes out, no socket.

Nothing is verified: what is asked is who the service says it is, not whether that is true.
"""

from __future__ import annotations

import ssl

from portbook.model import (
    Spoken,
    SpokenState,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# What is offered (RFC 7301): a server may refuse the handshake if it finds its own not among them.
ALPN = ("h2", "http/1.1", "dot", "imap", "pop3", "ftp", "mqtt", "postgresql", "smtp", "xmpp-client")
_SPOKEN = {
    "h2": "http",
    "dot": "dns",
    "imap": "imap",
    "pop3": "pop3",
    "ftp": "ftp",
    "mqtt": "mqtt",
    "postgresql": "postgresql",
    "smtp": "smtp",
    "xmpp-client": "xmpp",
}

_contexts: list[ssl.SSLContext] = []


def _context() -> ssl.SSLContext:
    if not _contexts:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
        # Old servers are to be found too.
        made.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        made.set_ciphers("ALL:@SECLEVEL=0")
        made.set_alpn_protocols(list(ALPN))
        _contexts.append(made)
    return _contexts[0]


class TlsHello:
    """One handshake, and what is learned of it."""

    def __init__(self) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = _context().wrap_bio(self._in, self._out, server_hostname="localhost")
        self.begun = False
        self.ready = False
        self.failed: str | None = None
        self._alpn: str | None = None
        self._names: tuple[str, ...] = ()
        self._advance()
        self._hello = self._out.read()
        self._pending = self._hello

    @property
    def is_http(self) -> bool:
        """Whether HTTP/1.1 was agreed on, which the client begins."""
        return self._alpn == "http/1.1"

    @property
    def settled(self) -> Spoken | None:
        """What is spoken, where the protocol agreed on says it."""
        protocol = _SPOKEN.get(self._alpn or "") if self.ready else None
        detail = "HTTP/2" if self._alpn == "h2" else None
        return self.spoken(detail)._replace(protocol=protocol) if protocol else None

    def spoken(self, detail: str | None = None) -> Spoken:
        """What is known of it so far."""
        return Spoken(
            state=SpokenState.IDENTIFIED,
            protocol=None,
            detail=detail,
            tls=True,
            alpn=self._alpn,
            names=self._names,
        )

    def outgoing(self) -> bytes:
        """What is to be sent."""
        pending, self._pending = self._pending, b""
        return pending + self._out.read()

    def is_echo(self, data: bytes) -> bool:
        """Whether *data* is what was sent, come back."""
        return self._hello.startswith(data) or data.startswith(self._hello)

    def feed(self, data: bytes) -> bytes:
        """Takes what came in, and gives the text inside of it."""
        self.begun = True
        self._in.write(data)
        if not self.ready:
            self._advance()
        return self._read() if self.ready and self.failed is None else b""

    def write(self, text: bytes) -> None:
        """Sends *text*, encrypted."""
        try:
            self._tls.write(text)
        except ssl.SSLError as error:
            self.failed = _why(error)

    def _advance(self) -> None:
        try:
            self._tls.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except ssl.SSLError as error:
            self.failed = f"the handshake failed ({_why(error)})"
            return
        self.ready = True
        self._alpn = self._tls.selected_alpn_protocol()
        certificate = self._tls.getpeercert(binary_form=True)
        self._names = names_of(certificate) if certificate else ()

    def _read(self) -> bytes:
        text = b""
        try:
            while part := self._tls.read(4096):
                text += part
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except ssl.SSLError as error:  # an alert instead of an answer
            if not text:
                self.failed = _why(error)
        return text


def _why(error: ssl.SSLError) -> str:
    return (error.reason or "no reason given").replace("_", " ").lower()


# -- the names in a certificate ----------------------------------------------------------------

# RFC 5280, in the encoding DER (X.690). Only what names a server is read: the alternative names of
# DNS and IP addresses, or, where there are none, the common name of the subject.
MOST = 20  # names that are kept
_LONGEST = 255  # RFC 1035 §2.3.4: characters of a name
_COMMON_NAME = b"\x55\x04\x03"  # 2.5.4.3
_ALTERNATIVE = b"\x55\x1d\x11"  # 2.5.29.17
_SEQUENCE, _SET, _OID, _OCTETS = 0x30, 0x31, 0x06, 0x04
_EXTENSIONS = 0xA3  # [3] of TBSCertificate
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87  # [2] and [7] of GeneralName


def names_of(certificate: bytes) -> tuple[str, ...]:
    """The names of *certificate*, in its own order; none where it can't be read.

    They are as hostile as whoever made it.
    """
    try:
        (whole,) = _children(certificate, _SEQUENCE)
        body = next(value for tag, value in _walk(whole) if tag == _SEQUENCE)
        parts = list(_walk(body))
    except (ValueError, StopIteration):
        return ()
    names = dict.fromkeys(_alternative(parts)) or dict.fromkeys(_common(parts))
    return tuple(names)[:MOST]


def _walk(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The values that *data* holds one after the other, each with its tag. Raises ValueError."""
    place = 0
    while place < len(data):
        if len(data) < place + 2:
            raise ValueError("cut short")
        tag, length = data[place], data[place + 1]
        place += 2
        if length & 0x80:
            size = length & 0x7F
            if not 1 <= size <= 4 or len(data) < place + size:
                raise ValueError("no length")
            length = int.from_bytes(data[place : place + size], "big")
            place += size
        if len(data) < place + length:
            raise ValueError("cut short")
        yield tag, data[place : place + length]
        place += length


def _children(data: bytes, tag: int) -> list[bytes]:
    return [value for each, value in _walk(data) if each == tag]


def _alternative(parts: list[tuple[int, bytes]]) -> Iterator[str]:
    try:
        for tag, value in parts:
            if tag != _EXTENSIONS:
                continue
            for extension in _children(value, _SEQUENCE)[0:1]:
                for each in _children(extension, _SEQUENCE):
                    fields = list(_walk(each))
                    if fields[0] == (_OID, _ALTERNATIVE) and fields[-1][0] == _OCTETS:
                        for names in _children(fields[-1][1], _SEQUENCE):
                            yield from _general(names)
    except (ValueError, IndexError):
        return


def _general(names: bytes) -> Iterator[str]:
    for tag, value in _walk(names):
        if tag == _DNS_NAME:
            yield _text(value)
        elif tag == _IP_ADDRESS and len(value) in (4, 16):
            import ipaddress

            yield str(ipaddress.ip_address(value))


def _common(parts: list[tuple[int, bytes]]) -> Iterator[str]:
    # TBSCertificate: of its sequences (algorithm, issuer, validity, subject …) the fourth.
    sequences = [value for tag, value in parts if tag == _SEQUENCE]
    try:
        for attribute in _children(sequences[3], _SET):
            for pair in _children(attribute, _SEQUENCE):
                fields = list(_walk(pair))
                if fields[0] == (_OID, _COMMON_NAME) and len(fields) == 2:
                    yield _text(fields[1][1])
    except (ValueError, IndexError):
        return


def _text(value: bytes) -> str:
    return value[:_LONGEST].decode("utf-8", "replace")
