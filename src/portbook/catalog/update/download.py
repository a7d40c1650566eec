"""Fetching the registry: the only code of portbook that opens a connection to another machine.

It does so when ``portbook update`` is asked for, and to the address that is named. TLS
certificates are always verified. Proxies and certificates are set by the usual variables:
``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY``; ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import http.client
import os
import socket
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from typing import IO, TYPE_CHECKING, Self

from portbook import __version__
from portbook.catalog.update.source import LARGEST, TIMEOUT, Fetched, Validators, too_large
from portbook.errors import InvalidArgument, NotFetched, PortbookError, shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from portbook.catalog.update.source import Progress

_WAIT = 30.0  # seconds for one answer of the other side
_CHUNK = 1 << 16
_MOST_REDIRECTS = 5
_HTML = ("text/html", "application/xhtml+xml")


def fetch(
    url: str,
    known: Validators | None = None,
    timeout: float = TIMEOUT,
    progress: Progress | None = None,
    env: Mapping[str, str] = os.environ,
) -> Fetched | None:
    """The file at *url*, or None where it is still the one that *known* describes.

    *timeout* is in seconds, for all of it. Raises NotFetched, and InvalidArgument where the URL or
    the certificates that *env* names can't be used.
    """
    parts = _checked(url)
    shown_url = urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    request = urllib.request.Request(url, headers=_headers(known))
    with _Deadline(timeout) as deadline:
        try:
            with _opener(env, deadline).open(request, timeout=min(_WAIT, timeout)) as answer:
                _check_type(answer.headers, shown_url)
                content = _body(answer, shown_url, deadline, progress)
                headers = answer.headers
                plain = not answer.url.startswith("https:")
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 304 and known is not None:
                    return None
                raise NotFetched(shown_url, _refusal(error)) from error
        except PortbookError:
            raise
        except (OSError, EOFError, http.client.HTTPException, zlib.error, ValueError) as error:
            failed = NotFetched(shown_url, deadline.reason(error))
            raise failed.helped_by("timeout" if deadline.passed() else "") from error
    return Fetched(
        content=content,
        url=shown_url,
        day=_day(headers.get("Last-Modified")),
        validators=Validators(headers.get("ETag"), headers.get("Last-Modified")),
        plain=plain,
    )


def _checked(url: str) -> urllib.parse.SplitResult:
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidArgument("", f"{shown(url)} is no address: {error}") from error
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
        raise InvalidArgument("", f"{shown(url)} is no https address: give https://…, or a file")
    if parts.username is not None or parts.password is not None:
        raise InvalidArgument(
            "", "an address with a name or a password in it is not fetched: leave it out"
        )
    if not url.isascii() or any(char <= " " for char in url):
        raise InvalidArgument(
            "", f"{shown(url)} has characters that stand in no address: write them as %XX"
        )
    return parts


def _headers(known: Validators | None) -> dict[str, str]:
    headers = {
        "User-Agent": f"portbook/{__version__}",
        "Accept": "application/xml, text/xml, text/csv, */*;q=0.1",
        "Accept-Encoding": "gzip",
    }
    if known is not None and known.etag:
        headers["If-None-Match"] = known.etag
    if known is not None and known.last_modified:
        headers["If-Modified-Since"] = known.last_modified
    return headers


# -- the connection ---------------------------------------------------------------------------


class _Deadline:
    """Ends a download after *seconds*, whatever the other side does: each wait has a limit of its
    own, but a server that sends a byte now and then keeps within that for ever.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.over = False
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._until = time.monotonic() + seconds

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()
        for each in self._sockets:
            each.close()

    def connect(self, *where: Any) -> socket.socket:
        """``socket.create_connection``, of which a second handle is kept to end it by."""
        made = socket.create_connection(*where)
        self._sockets.append(made.dup())
        if self.over:
            self._end()
        return made

    def _end(self) -> None:
        self.over = True
        for each in self._sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def check(self) -> None:
        """Raises TimeoutError once the time is over."""
        if self.passed():
            raise TimeoutError

    def passed(self) -> bool:
        """Whether the time is over."""
        # On a busy machine the timer's thread comes late.
        return self.over or time.monotonic() >= self._until

    def reason(self, error: Exception) -> str:
        """What to say of *error*, in words that follow the address."""
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        if self.passed():
            return f"it took more than {self.seconds:g} s: try again"
        if isinstance(cause, TimeoutError):
            return "the other side didn't answer in time: try again, or see to the network"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"its certificate is not to be trusted ({cause.verify_message}); for an authority "
                "of your own set SSL_CERT_FILE"
            )
        if isinstance(cause, (http.client.IncompleteRead, EOFError)):
            return "it ended before it was whole: try again"
        said = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
        return " ".join(str(said).split())


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect to https, and from http to http; to nothing else."""

    max_redirections = _MOST_REDIRECTS

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any,
        newurl: str,
    ) -> urllib.request.Request | None:  # fmt: skip
        """The request for where *req* is sent on to. Raises NotFetched where it isn't followed."""
        scheme = newurl.partition(":")[0].lower()
        if scheme != "https" and not (scheme == "http" and req.type == "http"):
            fp.close()
            raise NotFetched(
                req.full_url, f"it sends on to {shown(newurl, 100)}, which is not followed"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(env: Mapping[str, str], deadline: _Deadline) -> urllib.request.OpenerDirector:
    context = _context(env)

    # The seam that http.client's own tests use; TLS is put on what it returns.
    class Plain(http.client.HTTPConnection):
        def connect(self) -> None:
            self._create_connection = deadline.connect
            super().connect()

    class Secure(http.client.HTTPSConnection):
        def connect(self) -> None:
            self._create_connection = deadline.connect
            super().connect()

    class PlainHandler(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Plain, req)

    class SecureHandler(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Secure, req, context=context)

    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        PlainHandler(),
        SecureHandler(context=context),
        _Redirects(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _context(env: Mapping[str, str]) -> ssl.SSLContext:
    # OpenSSL itself heeds both variables, and says nothing where there is nothing.
    for name, there in (("SSL_CERT_FILE", os.path.isfile), ("SSL_CERT_DIR", os.path.isdir)):
        path = env.get(name)
        if path and not any(there(each) for each in path.split(os.pathsep)):
            raise InvalidArgument(
                "", f"{name} names {shown(path, 200)}, which isn't there: mend or unset it"
            )
    return ssl.create_default_context()


# -- the answer -------------------------------------------------------------------------------


def _check_type(headers: Any, url: str) -> None:
    kind = headers.get_content_type() if headers.get("Content-Type") else ""
    if kind in _HTML:
        raise NotFetched(
            url, f"it answers with a page ({kind}), not the registry: a proxy or a login may"
        )


def _body(answer: Any, url: str, deadline: _Deadline, progress: Progress | None) -> bytes:
    coding = (answer.headers.get("Content-Encoding") or "identity").strip().lower()
    if coding not in ("identity", "gzip", "x-gzip"):
        raise NotFetched(url, f"it comes in the coding {shown(coding)}, which wasn't asked for")
    length = answer.headers.get("Content-Length", "")
    total = int(length) if length.isascii() and length.isdigit() else None
    if total is not None and total > LARGEST:
        raise NotFetched(url, too_large(total))
    packed = zlib.decompressobj(wbits=31) if coding != "identity" else None
    content = bytearray()
    taken = 0
    while chunk := answer.read1(_CHUNK):
        deadline.check()
        taken += len(chunk)
        # What is packed may be a thousand times larger: it is unpacked no further than allowed.
        content += packed.decompress(chunk, LARGEST + 1 - len(content)) if packed else chunk
        if len(content) > LARGEST or taken > LARGEST:
            raise NotFetched(url, too_large())
        if progress is not None:
            progress(taken, total)
    deadline.check()
    if (total is not None and taken < total) or (packed is not None and not packed.eof):
        raise EOFError
    return bytes(content)


def _refusal(error: urllib.error.HTTPError) -> str:
    if error.code == 304:
        return "it says that nothing changed, which wasn't asked"
    if "not allowed" in str(error.msg):
        return "it sends on to an address that is none of the web's, which is not followed"
    if "redirect" in str(error.msg).lower() and error.code in (301, 302, 303, 307, 308):
        return f"it sends on and on, or to nowhere ({error.code})"
    said = http.client.responses.get(error.code, "")
    return f"the answer is {error.code}{f' {said}' if said else ''}"


def _day(last_modified: str | None) -> str:
    """The day of a copy that bears none: when the server last changed it, or today."""
    when = dt.datetime.now(dt.UTC)
    if last_modified:
        try:
            when = email.utils.parsedate_to_datetime(last_modified)
        except ValueError:
            pass
    return when.date().isoformat()
