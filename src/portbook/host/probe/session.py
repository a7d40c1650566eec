"""One service and what it says: connections that wait, ask, and are bounded in time and bytes."""

from __future__ import annotations

import errno
import selectors
import socket

from portbook.host.probe.fingerprints import QUESTIONS, first_line, is_tls, recognise
from portbook.model import (
    Spoken,
    SpokenState,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from portbook.host.probe.fingerprints import Heard

TIME = 0.5  # seconds that a service is given
BYTES = 4096  # that are read of it, on all connections together
_PLAIN = 1024  # bytes that are read of one connection without TLS
# Seconds until silence is taken for waiting to be asked: where the service is known to speak
# first, where it is known not to, and where nothing is known; then between one question and
# the next, and inside of TLS.
_GREETS, _ASKED, _UNKNOWN, _STEP, _INSIDE = 0.25, 0.0, 0.09, 0.045, 0.06


class Conversation:
    """All connections to one service until it is known what it speaks, or the time is over.

    *questions* are asked in this order. *greets* says that the service is known to speak first,
    *sure* that the first question is one that it is known to answer, *inside* is what is asked
    inside of TLS. *accepts* tells whether nothing waits to be accepted: as long as something does,
    nothing is sent and no other connection is made, so that a service that is stuck has one
    connection of ours at most.
    """

    def __init__(
        self,
        key: object,
        family: int,
        place: tuple[Any, ...],
        questions: tuple[str, ...],
        *,
        udp: bool = False,
        greets: bool = False,
        sure: bool = False,
        inside: str = "http",
        accepts: Callable[[], bool] | None = None,
    ) -> None:
        self.key = key
        self._accepts = accepts
        self._stuck = False
        self.inside = inside
        self.left = BYTES
        self.over = False
        self.next_at = 0.0
        self._family, self._place, self._udp = family, place, udp
        self._questions = list(questions)
        self._patience = _GREETS if greets else _ASKED if sure or udp else _UNKNOWN
        self._deadline = 0.0
        self._ask_at = 0.0
        self._open: list[Connection] = []
        self._found: Spoken | None = None
        self._perhaps: Spoken | None = None
        self._said = b""
        self._refused = False
        self._selector: selectors.BaseSelector

    def begin(self, selector: selectors.BaseSelector, now: float, seconds: float = TIME) -> None:
        """Opens the first connection; the last is given up *seconds* after *now*."""
        self._selector = selector
        self._deadline = now + seconds
        self._ask_at = now + self._patience
        self.next_at = min(self._ask_at, self._deadline)
        if not self._connect(None):
            self._refused = True
            self.over = True

    def result(self) -> Spoken:
        """What was found out."""
        if self._found is not None:
            return self._found
        if self._refused:
            return Spoken(SpokenState.REFUSED)
        if self._said:
            return Spoken(SpokenState.UNRECOGNISED, detail=first_line(self._said) or None)
        if self._stuck:
            return Spoken(SpokenState.SILENT, detail="it accepted no connection")
        return Spoken(SpokenState.SILENT, detail="asked for dns alone" if self._udp else None)

    def turn(self, now: float) -> None:
        """What is due at *now*: the next question, the end of a wait, the end of it all."""
        if self._found is not None or self.left <= 0 or now >= self._deadline:
            self._sum_up()
            return
        for each in list(self._open):
            each.turn(now)
        if now >= self._ask_at and self._questions and not self.over:
            self._stuck = self._accepts is not None and not self._accepts()
            if not self._stuck:
                self._ask(self._questions.pop(0))
            self._ask_at = now + _STEP
        waiting = [each for each in self._open if each.asked == "tls" or self._perhaps is None]
        if not waiting and not self._questions:
            self._sum_up()
        due = [each.next_at for each in self._open if each.next_at is not None]
        if self._questions:
            due.append(self._ask_at)
        self.next_at = min([*due, self._deadline])

    def _sum_up(self) -> None:
        """The end: what is half known counts where nothing is known whole."""
        self.over = True
        for each in self._open:
            if (half := each.half()) is not None:
                self.found(half)
            elif each.data:
                self.said(each.data)
        self._found = self._found or self._perhaps

    def close(self) -> None:
        """Closes every connection."""
        for each in list(self._open):
            each.close()

    def _ask(self, question: str) -> None:
        """*question*, on the connection that still waits for a greeting, or on a new one."""
        for each in self._open:
            if each.asked is None and not each.data:
                each.ask(question)
                return
        self._connect(question)

    def _connect(self, question: str | None) -> bool:
        try:
            made = Connection(
                self, self._family, self._place, udp=self._udp, selector=self._selector
            )
        except OSError:
            self._questions.clear()  # no room for another, or gone meanwhile
            return False
        self._open.append(made)
        if question is not None:
            made.ask(question)
        return True

    # -- what connections tell ---------------------------------------------------------------

    def heard(self, heard: Heard, spoken: Spoken | None = None) -> None:
        """A connection recognised a protocol; *spoken* is what is known of its TLS."""
        base = spoken or Spoken(SpokenState.IDENTIFIED)
        found = base._replace(protocol=heard.protocol, detail=heard.detail)
        # A server that wants TLS tells a client without it so, in HTTP (400): TLS comes first,
        # if it is still to be heard of.
        told_off = spoken is None and (heard.detail or "")[9:12] == "400"
        if told_off and any(each.asked == "tls" for each in self._open):
            self._perhaps = self._perhaps or found
            self._questions.clear()
        else:
            self.found(found)

    def found(self, spoken: Spoken) -> None:
        """What the service speaks; the first to find it counts."""
        if self._found is None:
            self._found = spoken

    def said(self, data: bytes) -> None:
        """Bytes that were not understood; the first of them are kept."""
        self._said = self._said or data

    def settle(self) -> None:
        """A connection is on its way to the answer: nothing else is asked."""
        self._questions.clear()

    def gave_up(self, connection: Connection, data: bytes, *, refused: bool = False) -> None:
        """A connection is over without a result; the next question needn't wait."""
        if connection in self._open:
            self._open.remove(connection)
        self.said(data)
        if refused and not self._open and not self._said:
            self._refused = True
            self._questions.clear()
        self._ask_at = 0.0


class Connection:
    """One connection, or one UDP socket: at most one question is asked on it, or one in TLS."""

    def __init__(
        self,
        owner: Conversation,
        family: int,
        place: tuple[Any, ...],
        *,
        udp: bool,
        selector: selectors.BaseSelector,
    ) -> None:
        self.asked: str | None = None
        self.data = b""
        self.next_at: float | None = None
        self._upgraded: str | None = None  # the protocol that agreed to go on in TLS
        self._owner = owner
        self._out = b""
        self._connected = udp
        self._tls: Any = None
        self._selector = selector
        self._socket = socket.socket(family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
        try:
            self._socket.setblocking(False)
            # Straight to where it belongs or not at all: never by a gateway (socket(7)).
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_DONTROUTE, 1)
            try:
                self._socket.connect(place)
            except BlockingIOError:
                pass
            selector.register(self._socket, selectors.EVENT_READ | selectors.EVENT_WRITE, self.on)
        except OSError:
            self._socket.close()
            raise

    def ask(self, question: str) -> None:
        """Sends *question* as soon as the connection is there."""
        self.asked = question
        self.data = b""
        if question == "tls":
            from portbook.host.probe.tls_client import TlsHello

            self._tls = TlsHello()
            self._out = self._tls.outgoing()
        else:
            self._out = QUESTIONS[question]
        self._watch()

    def close(self) -> None:
        """Closes it, once."""
        if self._socket.fileno() >= 0:
            self._selector.unregister(self._socket)
            self._socket.close()

    def turn(self, now: float) -> None:
        """Inside of TLS: asks, where the service doesn't speak first."""
        if self._tls is None or not self._tls.ready:
            return
        if self.next_at is None:
            self.next_at = now + (0.0 if self._tls.is_http else _INSIDE)
        if now >= self.next_at and self.asked == "tls":
            self.asked = self._owner.inside
            self.next_at = None
            self._send_inside(QUESTIONS[self.asked])

    def on(self, events: int) -> None:
        """The socket is ready."""
        try:
            if events & selectors.EVENT_WRITE:
                self._on_writable()
            if events & selectors.EVENT_READ and self._socket.fileno() >= 0:
                self._on_readable()
        except OSError as error:
            # A connection that is reset at once was accepted before.
            reset = error.errno in (errno.ECONNRESET, errno.EPIPE)
            udp_refused = error.errno == errno.ECONNREFUSED
            self._end(refused=udp_refused or not (self._connected or reset))

    def _watch(self) -> None:
        events = selectors.EVENT_READ
        if self._out or not self._connected:
            events |= selectors.EVENT_WRITE
        self._selector.modify(self._socket, events, self.on)

    def _on_writable(self) -> None:
        if not self._connected:
            number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if number:
                raise OSError(number, "not connected")
            self._connected = True
        if self._out:
            sent = self._socket.send(self._out)
            self._out = self._out[sent:]
        self._watch()

    def _on_readable(self) -> None:
        most = self._owner.left
        if most <= 0:
            return
        if self._tls is None:
            most = min(most, _PLAIN - len(self.data))
        try:
            data = self._socket.recv(max(1, most))
        except BlockingIOError:
            return
        if not data:
            self._end()
            return
        self._owner.left -= len(data)
        if self._tls is not None:
            self._on_tls(data)
            return
        self.data += data
        heard = recognise(self.data, self.asked)
        if heard is not None and heard.protocol is not None:
            self._owner.heard(heard)
        elif heard is not None and heard.follow is not None:
            self._owner.settle()
            self._owner.said(self.data)
            if heard.follow == "tls":
                self._upgraded = self.asked
            self.ask(heard.follow)
        elif len(self.data) >= _PLAIN:  # it goes on and on
            self._end()

    def _on_tls(self, data: bytes) -> None:
        tls = self._tls
        if not tls.begun:
            self.data += data
            if not self._answers_in_tls():
                return
            data, self.data = self.data, b""
            self._owner.settle()
        self.data += tls.feed(data)
        self._out += tls.outgoing()
        if tls.failed is not None or (self._owner.left <= 0 and not tls.ready):
            why = tls.failed or "more than 4 kB before its certificate"
            self._owner.found(tls.spoken(why)._replace(protocol=self._upgraded))
        elif tls.ready and self._upgraded is not None:
            self._owner.found(tls.spoken("TLS on request")._replace(protocol=self._upgraded))
        elif tls.settled is not None:
            self._owner.found(tls.settled)
        elif (heard := recognise(self.data, None if self.asked == "tls" else self.asked)) and (
            heard.protocol is not None
        ):
            self._owner.heard(heard, tls.spoken())
        else:
            self._watch()

    def _answers_in_tls(self) -> bool:
        """Whether what came back is TLS; an answer in another protocol counts as well."""
        if self._tls.is_echo(self.data):
            self._end()
        elif is_tls(self.data):
            return True
        elif len(self.data) >= 3:
            heard = recognise(self.data)
            if heard is not None and heard.protocol is not None:
                self._owner.heard(heard)
            elif len(self.data) >= _PLAIN:
                self._end()
        return False

    def _send_inside(self, question: bytes) -> None:
        self._tls.write(question)
        self._out += self._tls.outgoing()
        self._watch()

    def _end(self, *, refused: bool = False) -> None:
        """Over without a result; inside of TLS, with half of one."""
        if self._tls is not None and self._tls.begun:
            self._owner.found(self._tls.spoken()._replace(protocol=self._upgraded))
        self.close()
        self._owner.gave_up(self, self.data, refused=refused)

    def half(self) -> Spoken | None:
        """What is known of it though it was not finished: that it speaks TLS."""
        if self._tls is None or not self._tls.begun:
            return None
        found: Spoken = self._tls.spoken()
        return found._replace(protocol=self._upgraded)
