"""What portbook says of itself: on machines that are made up, and on this one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from portbook.app.doctor import EXTRAS, Checkup, check_up
from portbook.catalog import Catalog
from portbook.host.host_reader import HostReader
from portbook.model import (
    Family,
    Gap,
    GapCode,
    Host,
    Listener,
    Need,
    OwnersSeen,
    PortRules,
    Process,
    Socket,
    SocketState,
    Transport,
    Visibility,
)
from portbook.present.owners import Viewer
from portbook.present.render.text import Style
from portbook.present.views.doctor import render_checkup
from tests.command_line import run
from tests.values import CATALOG, changed

SOCKET = Listener(Socket(Transport.TCP, Family.IPV4, "0.0.0.0", 22, SocketState.LISTEN))
OWNED = changed(SOCKET, owners=(Process(7, "sshd"),), owners_seen=OwnersSeen.ALL)
HIDDEN = Gap(GapCode.OWNERS_HIDDEN, number=1, total=2, needs=Need.ROOT)
NAT = Gap(GapCode.NAT_HIDDEN, needs=Need.ROOT)
DAY = 86_400.0


class Machine(HostReader):
    """A machine with these sockets, of which something can't be seen."""

    def __init__(self, *listeners: Listener, missing: tuple[Gap, ...] = (), nat: Any = ()) -> None:
        self.listeners, self.missing, self.nat = listeners, missing, nat

    def read_host(self, *_: Any) -> Host:
        return Host(self.listeners, Visibility.FULL, self.missing)

    def read_elsewhere(self, *_: Any) -> Any:
        return (), ()

    def read_redirects(self, *_: Any) -> Any:
        return (), self.nat

    def add_names(self, listeners: Any) -> Any:
        return listeners, ()

    def read_rules(self) -> PortRules:
        return PortRules("linux", 1024, (32768, 60999))


def text(checkup: Checkup, uid: int = 1000) -> str:
    return render_checkup(checkup, "1.0", Viewer(uid), Style(100))


def registry_day() -> float:
    import calendar
    import time

    return float(calendar.timegm(time.strptime(CATALOG.registry.store.as_of, "%Y-%m-%d")))


@pytest.mark.parametrize(
    ("machine", "headline"),
    [
        (Machine(OWNED), "portbook sees everything that listens on this machine, and who owns it."),
        (
            Machine(OWNED, SOCKET, missing=(HIDDEN,)),
            "portbook sees all 2 sockets; 1 owner is hidden.",
        ),
        (Machine(OWNED, nat=(NAT,)), "portbook sees part of this machine."),
    ],
)
def test_what_is_hidden_leads(machine: Machine, headline: str) -> None:
    assert text(check_up(CATALOG, machine)).splitlines()[0] == headline


def test_what_it_takes_to_see_more_is_said_to_whom_it_helps() -> None:
    checkup = check_up(CATALOG, Machine(SOCKET, missing=(HIDDEN,), nat=(NAT,)))
    assert "sudo portbook doctor" in text(checkup)
    assert "sudo portbook doctor" not in text(checkup, uid=0)
    assert "NAT rules are visible to root only." in text(checkup)


@pytest.mark.parametrize(("days", "proposed"), [(0, False), (179, False), (180, True)])
def test_an_old_registry_is_told(days: int, proposed: bool) -> None:
    checkup = check_up(CATALOG, Machine(), registry_day() + days * DAY)
    assert (checkup.registry.days, checkup.registry.kept) == (days, False)
    assert f"{days:,} days old" in text(checkup)
    assert ("portbook update" in text(checkup)) is proposed


def test_what_is_wrong_with_a_kept_registry_is_part_of_the_answer() -> None:
    catalog = Catalog(CATALOG.registry)
    catalog.notes.append("the registry in 'x' is not used: it is damaged")
    checkup = check_up(catalog, Machine())
    assert checkup.registry.notes == ("the registry in 'x' is not used: it is damaged",)
    assert catalog.notes == [], "it isn't told a second time"


def test_extras_are_those_that_can_be_imported() -> None:
    some = check_up(CATALOG, Machine(), has_module=lambda name: name not in ("duckdb", "pyspark"))
    assert {each.name: each.lacking for each in some.extras} == {
        "web": (), "audit": ("duckdb",), "postgres": (), "spark": ("pyspark",),
    }  # fmt: skip
    assert "pip install 'portbook[audit]'" in text(some)


def test_every_extra_of_the_package_is_looked_for() -> None:
    import tomllib

    from packaging.requirements import Requirement

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    assert EXTRAS.keys() == extras.keys()
    for name, modules in EXTRAS.items():
        needed = {Requirement(line).name.removesuffix("-framework") for line in extras[name]}
        known = needed | {"duckdb", "pyspark"}
        assert set(modules) <= known, name


@pytest.mark.real
def test_the_command_says_it_of_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("portbook sees ")
    assert "\nRegistry\n  IANA registry, " in out
    status = run(["doctor", "--json", "--strict"])
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "portbook/doctor/1"
    assert status == (3 if told["missing"] else 0)
    assert {extra["name"] for extra in told["extras"]} == EXTRAS.keys()
