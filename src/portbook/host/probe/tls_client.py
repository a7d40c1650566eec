"""The client's side of a TLS handshake in memory: bytes in, bytes out, no socket.

Nothing is verified: what is asked is who the service says it is, not whether that is true.
"""

from __future__ import annotations

import ssl

from portbook.host.probe.certificates import names_of
from portbook.model import (
    Spoken,
    SpokenState,
)

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
        return Spoken(SpokenState.IDENTIFIED, None, detail, True, self._alpn, self._names)

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
