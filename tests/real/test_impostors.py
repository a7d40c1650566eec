"""Executables that pass for a server by their name, and ones that are not what they were.

Throughout, memcached plays the server: it needs no configuration, and runs whatever its file
is called and wherever that is.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.real.namespace import UNPRIVILEGED, interpreter
from tests.real.needs import need_kernel, need_program
from tests.real.servers import SERVERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.real.namespace import Namespace, Running

pytestmark = pytest.mark.real
MEMCACHED = SERVERS["memcached"]
# A place of PostgreSQL's executable: its version is free, so a test can have one of its own.
POSTGRES = Path("/usr/lib/postgresql/99/bin/postgres")


def test_a_copy_of_a_server(namespace: Namespace, data: Path) -> None:
    sshd = SERVERS["sshd"]
    if not (data / "sshd").exists():
        sshd.make(data / "sshd")
    copy = copy_of(need_program(sshd.executable), namespace.folder / "sshd")
    argv = [str(copy) if word == sshd.executable else word for word in sshd.argv(data / "sshd", 22)]
    running = namespace.start(argv)
    namespace.wait_for(running, 22)
    for listener in ask(namespace, 22):
        assert listener["owners"][0]["program"] == "sshd"
        assert listener["owners"][0]["executable"] == str(copy)
        assert_unknown(listener)


@pytest.mark.parametrize("how", ["copied", "linked"])
def test_another_program_by_that_name(namespace: Namespace, how: str) -> None:
    memcached = need_program(MEMCACHED.executable)
    place = namespace.folder / "sshd"
    if how == "copied":
        copy_of(memcached, place)
    else:
        place.symlink_to(memcached)
    start(namespace, place, 22)
    for listener in ask(namespace, 22):
        (owner,) = listener["owners"]
        assert owner["program"] == "sshd"
        assert owner["executable"] == (str(place) if how == "copied" else memcached)
        if how == "copied":
            assert_unknown(listener)
        else:  # known for what it is
            assert codes(listener) >= {"service-elsewhere", "foreign-service"}
            assert "expected" not in codes(listener)


def test_a_process_that_calls_itself_so(namespace: Namespace) -> None:
    rename = "import sys; open('/proc/self/comm', 'w').write('sshd'); exec(sys.argv.pop(1))"
    listen = (
        "import socket; each = socket.create_server(('', 22)); print('ready', flush=True);"
        "sys.stdin.read()"
    )
    running = namespace.start([interpreter(), "-I", "-c", rename, listen])
    running.read_line()
    (listener,) = ask(namespace, 22)
    assert listener["owners"][0]["program"] == "sshd"
    assert_unknown(listener)


def test_an_executable_that_others_may_write(namespace: Namespace) -> None:
    file = start_in_place(namespace, 5432)

    def expected() -> set[bool]:
        return {"expected" in codes(listener) for listener in ask(namespace, 5432)}

    assert expected() == {True}
    for mode in (0o775, 0o757, 0o777, 0o4775):
        file.chmod(mode)
        assert expected() == {False}, oct(mode)
    file.chmod(0o755)
    assert expected() == {True}
    shutil.chown(file, "nobody")
    assert expected() == {False}
    shutil.chown(file, "root")
    assert expected() == {True}


def test_an_executable_that_is_deleted_and_one_that_is_replaced(namespace: Namespace) -> None:
    file = start_in_place(namespace, 5432)
    for listener in ask(namespace, 5432):
        assert listener["owners"][0]["executable_deleted"] is False
    kept = copy_of(str(file), file.with_name("new"))
    file.unlink()
    assert_deleted(ask(namespace, 5432), POSTGRES)
    kept.rename(file)  # as an upgrade leaves it: a new file by the old name
    assert_deleted(ask(namespace, 5432), POSTGRES)
    for listener in ask(namespace, 5432):
        assert "expected" not in codes(listener)


def test_an_executable_that_is_really_called_deleted(namespace: Namespace) -> None:
    place = copy_of(need_program(MEMCACHED.executable), namespace.folder / "sshd (deleted)")
    start(namespace, place, 22)
    for listener in ask(namespace, 22):
        assert listener["owners"][0]["executable"] == str(place)
        assert listener["owners"][0]["executable_deleted"] is False
    place.unlink()
    assert_deleted(ask(namespace, 22), place)


def test_a_process_that_runs_from_memory(namespace: Namespace) -> None:
    memcached = need_program(MEMCACHED.executable)
    load = (
        "import os, sys\n"
        "file = os.memfd_create('sshd')\n"
        "os.write(file, open(sys.argv[1], 'rb').read())\n"
        "os.execve(file, ['/usr/sbin/sshd', *sys.argv[2:]], {})\n"
    )
    argv = [interpreter(), "-I", "-c", load, memcached, "-u", "root", "-p", "22"]
    namespace.wait_for(namespace.start(argv), 22)
    for listener in ask(namespace, 22):
        assert_deleted([listener], Path("/memfd:sshd"))
        assert listener["owners"][0]["command"][0] == "/usr/sbin/sshd"
        assert_unknown(listener)


def test_a_path_in_a_user_namespace_is_its_makers_word(namespace: Namespace) -> None:
    """Anyone may mount there: root's memcached is then found where PostgreSQL's place is."""
    memcached = need_program(MEMCACHED.executable)
    alone = [*UNPRIVILEGED, "unshare", "--user", "--map-root-user", "--mount"]
    made = namespace.run([*alone, "true"]).returncode == 0
    need_kernel(made, "this machine lets nobody make user namespaces")
    place = Path(need_program(SERVERS["postgresql"].executable))
    start_mounted(namespace, 5432, memcached, place, before=alone)
    for listener in ask(namespace, 5432):
        (owner,) = listener["owners"]
        assert owner["executable"] == str(place)
        assert owner["user"] == "nobody"
        assert owner["executable_place"] == "mounted"
        assert_unknown(listener)


def test_a_path_through_anothers_mounts(namespace: Namespace) -> None:
    """The process itself is in no namespace of its own, only its file's path is."""
    memcached = need_program(MEMCACHED.executable)
    alone = [*UNPRIVILEGED, "unshare", "--user", "--map-root-user", "--mount"]
    made = namespace.run([*alone, "true"]).returncode == 0
    need_kernel(made, "this machine lets nobody make user namespaces")
    place = Path(need_program(SERVERS["postgresql"].executable))
    mount = 'mount --bind "$1" "$2" && echo ready && exec cat'
    mounted = namespace.start([*alone, "sh", "-c", mount, "sh", memcached, place])
    mounted.read_line()
    through = f"/proc/{mounted.pid}/root{place}"
    running = namespace.start([*UNPRIVILEGED, through, "-p", "5432"])
    namespace.wait_for(running, 5432)
    for listener in ask(namespace, 5432):
        assert listener["owners"][0]["executable"] == str(place)
        assert listener["owners"][0]["executable_place"] == "mounted"
        assert_unknown(listener)


def test_a_path_in_a_mount_namespace_is_roots_word(namespace: Namespace) -> None:
    """As a server in a container's: who mounted there could have replaced the file as well."""
    memcached = need_program(MEMCACHED.executable)
    place = Path(need_program(SERVERS["postgresql"].executable))
    start_mounted(namespace, 5432, memcached, place, before=["unshare", "--mount"])
    for listener in ask(namespace, 5432):
        assert listener["owners"][0]["executable"] == str(place)
        assert "expected" in codes(listener)


def test_a_user_namespace_that_root_made(namespace: Namespace) -> None:
    """As services have one whose unit says PrivateUsers=yes."""
    memcached = need_program(MEMCACHED.executable)
    alone = ["unshare", "--user", "--map-root-user"]
    running = namespace.start([*alone, memcached, "-u", "root", "-p", "11211"])
    namespace.wait_for(running, 11211)
    for listener in ask(namespace, 11211):
        assert "expected" in codes(listener)


# -- what they are made of --------------------------------------------------------------------


def copy_of(path: str, place: Path) -> Path:
    shutil.copy(path, place)
    place.chmod(0o755)
    return place


def start(namespace: Namespace, memcached: str | Path, port: int) -> Running:
    running = namespace.start([memcached, "-u", "root", "-p", str(port)])
    namespace.wait_for(running, port)
    return running


def start_in_place(namespace: Namespace, port: int) -> Path:
    """memcached as :data:`POSTGRES`, in a mount namespace of its own; returns its real file."""
    tree = namespace.folder / "postgresql"
    (tree / "99" / "bin").mkdir(parents=True)
    file = copy_of(need_program(MEMCACHED.executable), tree / "99" / "bin" / "postgres")
    need_program(SERVERS["postgresql"].executable)
    top = POSTGRES.parents[2]
    start_mounted(namespace, port, tree, top, before=["unshare", "--mount"], runs=POSTGRES)
    return file


def start_mounted(
    namespace: Namespace,
    port: int,
    what: str | Path,
    where: Path,
    *,
    before: Iterable[str],
    runs: Path | None = None,
) -> None:
    """memcached, called as *runs* (*where*), after *what* was mounted over *where*."""
    mount = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
    called = [str(runs or where), "-u", "root", "-p", str(port)]
    running = namespace.start([*before, "sh", "-c", mount, "sh", what, where, *called])
    namespace.wait_for(running, port)


def ask(namespace: Namespace, port: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = namespace.ask(f"{port}/tcp")["host"]["listeners"]
    assert found
    assert all(len(listener["owners"]) == 1 for listener in found)
    return found


def codes(listener: dict[str, Any]) -> set[str]:
    return {finding["code"] for finding in listener["findings"]}


def assert_unknown(listener: dict[str, Any]) -> None:
    assert "unknown" in codes(listener)
    assert not codes(listener) & {"expected", "known-use", "service-elsewhere"}


def assert_deleted(found: list[dict[str, Any]], path: Path) -> None:
    assert found
    for listener in found:
        (owner,) = listener["owners"]
        assert owner["executable"] == str(path)
        assert owner["executable_deleted"] is True
        assert "expected" not in codes(listener)
        (level,) = [
            each["level"] for each in listener["findings"] if each["code"] == "deleted-executable"
        ]
        assert level == ("check" if path == POSTGRES else "alert")
