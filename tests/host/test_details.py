"""Packages and container names: asked for where they are wanted, once each, and never for long."""

from __future__ import annotations

import socket as sockets
import threading
from typing import TYPE_CHECKING, Any

import pytest

from portbook.host import details
from portbook.host.containers import ContainerName, container_name
from portbook.host.details import add_details, add_names, add_upgrades
from portbook.host.linux.packages import Ownership, Package
from portbook.model import Family, Listener, OwnersSeen, Process, Socket, SocketState, Transport
from tests.patience import PATIENCE
from tests.values import changed, sentences

if TYPE_CHECKING:
    from pathlib import Path

ID = "0123456789ab"


def socket(*owners: Process, port: int = 80) -> Listener:
    made = Listener(Socket(Transport.TCP, Family.IPV4, "0.0.0.0", port, SocketState.LISTEN))
    return changed(made, owners=owners, owners_seen=OwnersSeen.ALL)


class Databases(details.Databases):
    """Package databases and runtimes that note what they are asked."""

    def __init__(self) -> None:
        self.files: list[tuple[str, str]] = []
        self.containers: list[tuple[str, str, float]] = []
        self.package: Ownership = Ownership(Package("nginx", "1.22.1-9", "dpkg", None, 2000.0))
        self.name = ContainerName("web")
        self.seconds = 0.0
        self.moment = 100.0

    def now(self) -> float:
        return self.moment

    def owning_package(self, path: str, root: str = "/") -> Ownership:
        self.files.append((path, root))
        return self.package

    def container_name(
        self, runtime: str, identity: str, timeout: float, uid: int | None
    ) -> ContainerName:
        self.containers.append((runtime, identity, timeout))
        self.moment += min(timeout, self.seconds)
        return self.name


@pytest.fixture
def databases() -> Databases:
    return Databases()


def test_the_package_of_an_executable(databases: Databases) -> None:
    (found,), missing = add_details(
        (socket(Process(7, "nginx", executable="/usr/sbin/nginx")),), databases
    )
    assert found.ownership.owners[0].package == "nginx 1.22.1-9"
    assert found.ownership.owners[0].packaged is True
    assert missing == ()
    assert databases.files == [("/usr/sbin/nginx", "/")]
    assert databases.containers == []


def test_a_package_without_a_version_and_a_file_without_a_package(databases: Databases) -> None:
    owner = Process(7, "nginx", executable="/usr/sbin/nginx")
    databases.package = Ownership(Package("nginx", None, "dpkg"))
    (found,), _ = add_details((socket(owner),), databases)
    assert found.ownership.owners[0].package == "nginx"
    databases.package = Ownership(None)
    (found,), missing = add_details((socket(owner),), databases)
    assert (found.ownership.owners[0].packaged, found.ownership.owners[0].package) == (False, None)
    assert missing == ()


def test_not_asked_is_not_unpackaged(databases: Databases) -> None:
    databases.package = Ownership(None, "this system has neither")
    owner = Process(7, "nginx", executable="/usr/sbin/nginx")
    (found,), missing = add_details((socket(owner),), databases)
    assert found.ownership.owners == (owner,)
    assert sentences(missing) == (
        "the package of /usr/sbin/nginx is not known: this system has neither",
    )
    others = [Process(pid, "x", executable=f"/opt/{pid}") for pid in (8, 9)]
    _, missing = add_details((socket(owner, *others),), databases)
    assert sentences(missing) == (
        "the packages of 3 executables are not known: this system has neither",
    )


def test_an_executable_that_is_not_visible_is_not_asked_about(databases: Databases) -> None:
    (found,), missing = add_details((socket(Process(7, "nginx")),), databases)
    assert (found.ownership.owners[0].packaged, missing, databases.files) == (None, (), [])


def test_each_executable_is_asked_about_once(databases: Databases) -> None:
    workers = [Process(pid, "nginx", executable="/usr/sbin/nginx") for pid in range(1, 9)]
    found, _ = add_details((socket(*workers), socket(*workers, port=443)), databases)
    assert [len(each.ownership.owners) for each in found] == [8, 8]
    assert all(owner.packaged for each in found for owner in each.ownership.owners)
    assert len(databases.files) == 1


def test_a_container_has_a_file_system_of_its_own(databases: Databases) -> None:
    inside = Process(7, "nginx", executable="/usr/sbin/nginx", container=f"docker:{ID}")
    outside = Process(8, "nginx", executable="/usr/sbin/nginx")
    add_details((socket(inside, outside),), databases)
    assert databases.files == [("/usr/sbin/nginx", "/proc/7/root"), ("/usr/sbin/nginx", "/")]


def test_the_name_of_a_container_is_asked_for_once(databases: Databases) -> None:
    inside = [Process(pid, "web", container=f"docker:{ID}") for pid in range(1, 9)]
    found, missing = add_details((socket(*inside),), databases)
    assert {owner.container_name for owner in found[0].ownership.owners} == {"web"}
    assert databases.containers == [("docker", ID, 0.3)]
    assert missing == ()


def test_names_alone_ask_no_package_database(databases: Databases) -> None:
    inside = Process(7, "web", executable="/usr/sbin/nginx", container=f"docker:{ID}")
    (found,), missing = add_names((socket(inside),), databases)
    assert found.ownership.owners[0].container_name == "web"
    assert (databases.files, missing) == ([], ())


def test_a_name_that_is_not_told(databases: Databases) -> None:
    databases.name = ContainerName(None, "docker has no socket here")
    some = [Process(pid, "web", container=f"docker:{pid:012x}") for pid in (1, 2)]
    (found,), missing = add_details((socket(some[0]),), databases)
    assert found.ownership.owners[0].container_name is None
    assert sentences(missing) == (
        "the name of docker:000000000001 is not known: docker has no socket here",
    )
    _, missing = add_details((socket(*some),), databases)
    assert sentences(missing) == (
        "the names of 2 containers are not known: docker has no socket here",
    )


def test_all_names_together_have_a_second(databases: Databases) -> None:
    databases.name = ContainerName(None, "docker did not answer in time")
    databases.seconds = 10
    some = [Process(pid, "web", container=f"docker:{pid:012x}") for pid in range(50)]
    _, missing = add_details((socket(*some),), databases)
    assert sum(timeout for *_, timeout in databases.containers) == pytest.approx(1.0)
    assert len(databases.containers) == 50
    assert sentences(missing) == (
        "the names of 50 containers are not known: docker did not answer in time",
    )


# -- upgrades ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unpacked", "started", "upgraded"),
    [(2000.0, 1000.0, True), (2000.0, 3000.0, False), (None, 1000.0, None)],
)
def test_an_upgrade_explains_a_deleted_executable(
    databases: Databases, unpacked: float | None, started: float, upgraded: bool | None
) -> None:
    databases.package = Ownership(Package("nginx", "1", "dpkg", None, unpacked))
    owner = Process(
        7, "nginx", executable="/usr/sbin/nginx", executable_deleted=True, started=started
    )
    (found,) = add_upgrades((socket(owner),), databases)
    assert found.ownership.owners[0].upgraded is upgraded


def test_only_deleted_executables_are_looked_into(databases: Databases) -> None:
    there = Process(7, "nginx", executable="/usr/sbin/nginx", executable_deleted=False, started=1.0)
    unknown = there._replace(executable_deleted=None)
    timeless = there._replace(executable_deleted=True, started=None)
    unseen = timeless._replace(started=1.0, executable=None)
    given = tuple(socket(each) for each in (there, unknown, timeless, unseen))
    assert add_upgrades(given, databases) == given
    assert databases.files == []


def test_a_deleted_executable_of_no_package_stays_unexplained(databases: Databases) -> None:
    databases.package = Ownership(None)
    owner = Process(7, "x", executable="/opt/x", executable_deleted=True, started=1.0)
    assert add_upgrades((socket(owner),), databases) == (socket(owner),)


# -- a runtime that hangs ----------------------------------------------------------------------


@pytest.mark.real
def test_a_runtime_that_never_answers_is_a_line_not_a_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real sockets, and nobody who accepts: connecting succeeds, and then nothing comes."""

    class Here(details.Databases):
        def container_name(
            self, runtime: str, identity: str, timeout: float, uid: int | None
        ) -> ContainerName:
            return container_name(runtime, identity, timeout, uid=uid, root=str(tmp_path))

    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    (tmp_path / "run").mkdir()
    some = [Process(pid, "web", container=f"docker:{pid:012x}") for pid in range(1, 21)]
    with sockets.socket(sockets.AF_UNIX) as door:
        door.bind(str(tmp_path / "run" / "docker.sock"))
        door.listen(64)
        found: list[Any] = []
        run = threading.Thread(
            target=lambda: found.append(add_details((socket(*some),), Here())), daemon=True
        )
        run.start()
        run.join(PATIENCE)
        assert not run.is_alive(), "it hangs"
    (listener,), missing = found[0]
    assert {owner.container_name for owner in listener.ownership.owners} == {None}
    assert sentences(missing) == (
        "the names of 20 containers are not known: docker did not answer in time",
    )
