"""Other network namespaces, under a name that says whose: on namespaces made up here."""

from __future__ import annotations

from typing import Any

import pytest

from portbook.errors import HostUnreadable
from portbook.host.linux import other_namespaces
from portbook.host.linux.namespaces import Namespace
from portbook.host.linux.other_namespaces import namespace_name, read_elsewhere
from portbook.model import Family, Gap, Host, Listener, Socket, SocketState, Transport, Visibility
from tests.cases import for_each
from tests.values import changed, gap, sentences

OWN = Namespace(1, "/proc/self/ns/net", own=True)
BLUE = Namespace(2, "/run/netns/blue", "blue")
RED = Namespace(3, "/run/netns/red", "red")
WEB = Listener(Socket(Transport.TCP, Family.IPV4, "0.0.0.0", 80, SocketState.LISTEN))
HEX = "0123456789abcdef" * 4


class Kernel(other_namespaces.Kernel):
    """Namespaces, what is in each, and what was asked inside them."""

    def __init__(self) -> None:
        self.namespaces: tuple[Namespace, ...] = (OWN, BLUE, RED)
        self.missing: tuple[Gap, ...] = ()
        self.later: tuple[Namespace, ...] = ()  # those that there are after a failure
        self.once: Host | None = None  # what is seen after it
        self.hosts: dict[int, Host | Exception] = {
            1: Host((changed(WEB, port=1),), Visibility.FULL),
            2: Host((WEB,), Visibility.FULL),
            3: Host((), Visibility.FULL),
        }
        self.asked: list[tuple[int, Any]] = []

    def read_namespaces(self) -> tuple[tuple[Namespace, ...], tuple[Gap, ...]]:
        return self.namespaces, self.missing

    def read_host_in(self, namespace: Namespace, *asked: Any) -> Host:
        self.asked.append((namespace.inode, asked))
        found = self.hosts[namespace.inode]
        if isinstance(found, Exception):
            self.namespaces = self.later or self.namespaces
            self.hosts[namespace.inode] = self.once or found
            raise found
        return found


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


def test_all_but_the_own_namespace_are_looked_into(kernel: Kernel) -> None:
    found, missing = read_elsewhere((80, 80), Transport.TCP, "all", kernel)
    assert [name for name, _ in found] == ["blue", "red"]
    assert found[0][1].listeners == (WEB,)
    assert missing == ()
    asked = ((80, 80), Transport.TCP, "all")
    assert kernel.asked == [(2, asked), (3, asked)]


def test_one_that_is_closed_leaves_the_others(kernel: Kernel) -> None:
    kernel.hosts[2] = HostUnreadable("the network namespace 'blue' is gone")
    found, missing = read_elsewhere(kernel=kernel)
    assert [name for name, _ in found] == ["red"]
    assert sentences(missing) == ("the network namespace 'blue' is gone",)


def test_one_that_is_gone_meanwhile_has_nothing_to_see(kernel: Kernel) -> None:
    kernel.hosts[2] = HostUnreadable("the network namespace 'blue' is gone")
    kernel.later = (OWN, RED)
    found, missing = read_elsewhere(kernel=kernel)
    assert [name for name, _ in found] == ["red"]
    assert missing == ()


def test_one_whose_process_has_ended_is_entered_by_another(kernel: Kernel) -> None:
    web = Namespace(2, "/proc/7/ns/net", pid=7, program="web")
    gone = HostUnreadable("the network namespace of process 7 is gone")
    kernel.namespaces = (OWN, web)
    # The same one, as its inode tells, by the number of another process.
    kernel.later = (OWN, web._replace(path="/proc/9/ns/net", pid=9))
    kernel.hosts[2] = gone
    found, missing = read_elsewhere(kernel=kernel)
    assert (found, sentences(missing)) == ((), (str(gone),))
    kernel.namespaces, kernel.once = (OWN, web), Host((WEB,), Visibility.FULL)
    (other,), missing = read_elsewhere(kernel=kernel)
    assert (other[0], other[1].listeners, missing) == ("pid 9 (web)", (WEB,), ())


def test_a_reason_that_holds_for_all_is_told_once(kernel: Kernel) -> None:
    kernel.hosts[2] = kernel.hosts[3] = HostUnreadable("visible to root only")
    found, missing = read_elsewhere(kernel=kernel)
    assert (found, sentences(missing)) == ((), ("visible to root only",))


def test_what_is_missing_inside_says_where(kernel: Kernel) -> None:
    kernel.missing = (gap("1 process was hidden"),)
    kernel.hosts[2] = Host((), Visibility.PARTIAL, (gap("sctp"),))
    _, missing = read_elsewhere(kernel=kernel)
    assert sentences(missing) == ("1 process was hidden", "in the network namespace blue, sctp")


def test_a_machine_that_shows_no_namespaces_is_no_failure() -> None:
    class Hidden(Kernel):
        def read_namespaces(self) -> tuple[tuple[Namespace, ...], tuple[Gap, ...]]:
            raise HostUnreadable("network namespaces can't be read from /proc: No such file")

    found, missing = read_elsewhere(kernel=Hidden())
    assert (found, sentences(missing)) == (
        (),
        ("network namespaces can't be read from /proc: No such file",),
    )


def test_other_systems_have_none_of_these() -> None:
    found, missing = read_elsewhere(system="darwin")
    assert found == ()
    assert "Linux only" in sentences(missing)[0]


@for_each(
    "namespace, name",
    [
        (BLUE, "blue"),
        (Namespace(9, "/proc/7/ns/net", pid=7, program="web"), "pid 7 (web)"),
        (Namespace(9, "/proc/7/ns/net", pid=7), "pid 7"),
        (Namespace(9, "/x"), "net:[9]"),
        (
            Namespace(9, "/x", pid=7, cgroups=f"0::/system.slice/docker-{HEX}.scope\n".encode()),
            "docker:0123456789ab",
        ),
        (
            Namespace(9, "/x", pid=7, cgroups=b"0::/system.slice/web.service\n"),
            "web.service",
        ),
        (Namespace(9, "/x", pid=7, program="web", cgroups=b"0::/\n"), "pid 7 (web)"),
        (Namespace(9, "/x", pid=7, program="web", cgroups=b""), "pid 7 (web)"),
    ],
)
def test_names(namespace: Namespace, name: str) -> None:
    assert namespace_name(namespace) == name


def test_a_cgroup_line_that_cannot_be_read_costs_the_name_alone() -> None:
    broken = Namespace(9, "/x", pid=7, program="web", cgroups=b"nonsense\n")
    assert namespace_name(broken) == "pid 7 (web)"
