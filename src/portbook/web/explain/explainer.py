"""The program of a worker that explains captures: see :mod:`portbook.web.explain.workers`.

It is started as ``python -P explainer.py FOLDER SECONDS`` with the folder of the registry in use.
A question says ``format`` (or null, to have it found) and ``site``, for which the answer is a page;
where that is null, the answer is JSON. The answer says ``status`` and, where that is an error,
``detail``: a sentence.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from typing import IO, TYPE_CHECKING, Any

# Python was told to leave the working directory out (-P). Where portbook isn't installed, it is
# found where this very file is: last, so that nothing beside it stands in for another module.
_HOME = os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
)
if _HOME not in sys.path:
    sys.path.append(_HOME)

from portbook.app.explain import ExplainAnswer, explain, unread  # noqa: E402
from portbook.app.socket_filter import Filter  # noqa: E402
from portbook.catalog import Catalog  # noqa: E402
from portbook.errors import MalformedInput, NothingKnown  # noqa: E402 - see above
from portbook.present.render.sockets_json import of_explain  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.web.site_config import Site

MOST_SOCKETS = 10_000
MEMORY = 1 << 29  # bytes of address space; half a megabyte of anything takes 190 MB at most
_QUESTIONS = 200  # after which the process is replaced, with whatever it gathered
_PATIENCE = 5  # seconds beyond those of a question after which the system ends the process


def command(folder: str, seconds: float) -> list[str]:
    """What starts such a worker for the registry in *folder*.

    A question that takes *seconds* is the server's to end; where there is none any more, the
    system ends the process a little later.
    """
    return [sys.executable, "-P", os.path.abspath(__file__), folder, f"{seconds:g}"]


def run(folder: str, seconds: float, stdin: IO[bytes], stdout: IO[bytes]) -> None:
    """Answers the questions in *stdin* until it ends."""
    _limit()
    catalog = Catalog.of_folder(folder)
    _write(stdout, {})
    for number in range(1, _QUESTIONS + 1):
        line = stdin.readline()
        if not line.endswith(b"\n"):
            return
        question = json.loads(line)
        body = stdin.read(question["length"])
        if len(body) < question["length"]:
            return
        _alarm(int(seconds) + _PATIENCE)
        try:
            says, made = answer(body, question["format"], question["site"], catalog)
        except MemoryError:
            detail = (
                f"Reading it takes more than {MEMORY >> 20} MB of memory, the limit here. "
                "The command portbook explain has no limit."
            )
            says, made = {"status": 422, "detail": detail, "ends": True}, b""
        except Exception:  # noqa: BLE001 - a fault of ours: the site says 500, and goes on
            says, made = {"status": 500, "ends": True}, b""
        _alarm(0)
        if number == _QUESTIONS:
            says["ends"] = True
        _write(stdout, says, made)
        if says.get("ends"):
            return


def answer(
    text: bytes, name: str | None, site: dict[str, Any] | None, catalog: Catalog
) -> tuple[dict[str, Any], bytes]:
    """What the site says of *text*, of which *name* is the format, and the page or the JSON."""
    found, wrong = _explained(text, name, catalog)
    if site is not None:
        from portbook.web.pages.views import explain as page

        status = 200 if found is not None and found.format else 422
        return {"status": status}, page(found, wrong, _site(site)).encode()
    if found is None:
        return {"status": 422, "detail": wrong}, b""
    return {"status": 200}, json.dumps(of_explain(found), separators=(",", ":")).encode()


def _site(settings: dict[str, Any]) -> Site:
    """The site with *settings*, in which JSON made lists of tuples."""
    from portbook.web.site_config import Site

    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()
    }
    return Site(**values)


def _explained(text: bytes, name: str | None, catalog: Catalog) -> tuple[ExplainAnswer | None, str]:
    """What is made of *text*, and what hindered it."""
    try:
        return explain([text], Filter(), catalog, name, most=MOST_SOCKETS), ""
    except NothingKnown as error:
        if not text.strip():
            return unread(b"", catalog), "There is nothing to read: paste what the tool printed."
        return unread(text, catalog), _sentence(error)  # as the command line says it
    except MalformedInput as error:
        return None, _sentence(error)


def _sentence(error: MalformedInput) -> str:
    said = str(error)
    return f"{said[0].upper()}{said[1:]}."


def _write(stdout: IO[bytes], says: dict[str, Any], body: bytes = b"") -> None:
    stdout.write(json.dumps({**says, "length": len(body)}).encode() + b"\n" + body)
    stdout.flush()


def _limit() -> None:
    """Leaves Ctrl-C to the server, lets pages go first, and takes no more memory than is given."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.name != "posix":
        return
    import resource

    os.nice(5)
    with contextlib.suppress(OSError, ValueError):  # less is allowed already, or macOS
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # nothing of what is sent is stored


def _alarm(seconds: int) -> None:
    # The system's own: it ends the process also where the interpreter never comes to handle it.
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)


def main(arguments: Sequence[str]) -> None:
    """Runs a worker with the *arguments* of :func:`command`."""
    folder, seconds = arguments
    with contextlib.suppress(BrokenPipeError):  # the server has ended
        run(folder, float(seconds), sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main(sys.argv[1:])
