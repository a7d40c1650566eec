"""What the server relies on of uvicorn: where that changes, this says so before a client does."""

from __future__ import annotations

import asyncio
import inspect
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import uvicorn
from httptools.parser.protocol import HTTPProtocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from portbook.web.http.connections import Connections
from portbook.web.http.protocol import PatientProtocol
from portbook.web.server import _Server

OWN = {"phase", "address", "check", "abort"}  # what isn't there to be called by uvicorn


def _methods(kind: type) -> set[str]:
    named = {
        name for name, value in vars(kind).items() if callable(value) or hasattr(value, "fget")
    }
    return {name for name in named if not name.startswith("_")}


def test_every_method_that_is_overridden_is_one_that_is_called() -> None:
    overridden = _methods(PatientProtocol) - OWN
    assert len(overridden) == 10
    callbacks = {*vars(asyncio.Protocol), *vars(asyncio.BaseProtocol), *vars(HTTPProtocol)}
    # One alone is uvicorn's own; all others are what a transport and the parser call.
    assert overridden - callbacks == {"send_400_response"}
    assert "send_400_response" in inspect.getsource(HttpToolsProtocol.data_received)
    assert "capture_signals" in inspect.getsource(uvicorn.Server.serve)
    assert all(hasattr(uvicorn.Server, name) for name in _methods(_Server))
    assert not _methods(Connections) & _methods(ServerState)


def test_what_is_looked_at_is_there() -> None:
    made = inspect.getsource(HttpToolsProtocol.__init__) + inspect.getsource(
        HttpToolsProtocol.on_message_begin
    )
    for name in ("config", "parser", "flow", "transport", "client", "cycle", "pipeline", "url",
                 "headers", "server_state", "loop"):  # fmt: skip
        assert re.search(rf"self\.{name}\b[^=]*=", made), name
    cycle = inspect.getsource(RequestResponseCycle.__init__)
    for name in ("response_started", "response_complete", "more_body", "keep_alive",
                 "disconnected"):  # fmt: skip
        assert f"self.{name} = " in cycle, name
    assert "self.server_state = ServerState()" in inspect.getsource(uvicorn.Server.__init__)
    assert {"connections", "total_requests", "default_headers"} <= vars(ServerState()).keys()


def test_the_version_in_use_is_within_bounds() -> None:
    root = Path(__file__).parents[3]
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    (bounds,) = [line for line in extras["web"] if line.startswith("uvicorn")]
    least, above = (
        tuple(map(int, text.split("."))) for text in re.findall(r"[><]=?([\d.]+)", bounds)
    )
    assert least <= tuple(map(int, version("uvicorn").split("."))) < above
