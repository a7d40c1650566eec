"""More real servers from Debian's packages, each on the port that it has by default.

Together with those of ``servers.py`` they are what a machine may have running. Each runs in the
foreground, with data of its own, and says nothing to what the machine itself runs.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

from tests.real.namespace import UNPRIVILEGED
from tests.real.needs import need_program
from tests.real.servers import SERVERS, Server, call, in_own_run, make_nothing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.real.namespace import Namespace, Running


def _write(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


# -- the web and its proxies --------------------------------------------------------------------


def _apache(data: Path) -> list[str]:
    modules = ("mpm_event", "authz_core")
    config = _write(
        data / "apache2.conf",
        *(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in modules),
        f'ServerRoot "{data}"',
        f'DefaultRuntimeDir "{data}"',
        f'PidFile "{data}/pid"',
        'ErrorLog "/dev/stderr"',
        "ServerName localhost",
        "User www-data",
        "Group www-data",
        "Listen 80",
    )
    return ["/usr/sbin/apache2", "-D", "FOREGROUND", "-f", str(config)]


def _lighttpd(data: Path) -> list[str]:
    config = _write(
        data / "lighttpd.conf",
        "server.port = 80",
        f'server.document-root = "{data}"',
        'server.username = "www-data"',
    )
    return ["/usr/sbin/lighttpd", "-D", "-f", str(config)]


def _haproxy(data: Path) -> list[str]:
    config = _write(
        data / "haproxy.cfg",
        "defaults",
        " mode http",
        " timeout connect 1s",
        " timeout client 1s",
        " timeout server 1s",
        "frontend web",
        " bind :80",
    )
    return ["/usr/sbin/haproxy", "-db", "-f", str(config)]


# -- names, time and the network ----------------------------------------------------------------


def _make_named(data: Path) -> None:
    data.mkdir()
    shutil.chown(data, "bind", "bind")


def _named(data: Path) -> list[str]:
    config = _write(
        data / "named.conf",
        "options {",
        f' directory "{data}"; pid-file none; session-keyfile none;',
        " listen-on port 53 { any; }; listen-on-v6 { none; }; recursion no;",
        "};",
        "controls { };",
    )
    return ["/usr/sbin/named", "-g", "-u", "bind", "-n", "1", "-c", str(config)]


def _chronyd(data: Path) -> list[str]:
    config = _write(
        data / "chrony.conf",
        "allow",
        "port 123",
        "cmdport 0",
        "bindcmdaddress /",
        f"pidfile {data}/pid",
    )
    return ["/usr/sbin/chronyd", "-d", "-x", "-u", "root", "-f", str(config)]


def _snmpd(data: Path) -> list[str]:
    config = _write(data / "snmpd.conf", "rocommunity public localhost")
    start = ["/usr/sbin/snmpd", "-f", "-Lo", "-C", "-c", str(config), "-p", f"{data}/pid"]
    return [*start, "--agentXSocket=", "udp:161"]


def _oidentd(data: Path) -> list[str]:
    return ["/usr/sbin/oidentd", "--foreground", "--nosyslog", "--config", "/dev/null"]


def _rpcbind(data: Path) -> list[str]:
    return [*in_own_run("rpcbind"), "/usr/sbin/rpcbind", "-f"]


# -- files --------------------------------------------------------------------------------------


def _vsftpd(data: Path) -> list[str]:
    (data / "empty").mkdir(exist_ok=True)
    config = _write(
        data / "vsftpd.conf",
        "listen=YES",
        "background=NO",
        f"secure_chroot_dir={data}/empty",
    )
    return ["/usr/sbin/vsftpd", str(config)]


def _tftpd(data: Path) -> list[str]:
    return ["/usr/sbin/in.tftpd", "-L", "-u", "nobody", "-s", str(data)]


def _rsync(data: Path) -> list[str]:
    config = _write(data / "rsyncd.conf", f"pid file = {data}/pid", "[data]", f"path = {data}")
    return ["/usr/bin/rsync", "--daemon", "--no-detach", f"--config={config}"]


def _nbd(data: Path) -> list[str]:
    (data / "disk").write_bytes(bytes(4096))
    config = _write(data / "nbd.conf", "[generic]", "[disk]", f"exportname = {data}/disk")
    return ["/usr/bin/nbd-server", "-d", "-C", str(config)]


# -- data and directories -----------------------------------------------------------------------


def _slapd(data: Path) -> list[str]:
    (data / "db").mkdir(exist_ok=True)
    config = _write(
        data / "slapd.conf",
        "include /etc/ldap/schema/core.schema",
        f"pidfile {data}/pid",
        "database ldif",
        'suffix "dc=example,dc=org"',
        f"directory {data}/db",
    )
    return ["/usr/sbin/slapd", "-d", "0", "-h", "ldap:///", "-f", str(config)]


def _etcd(data: Path) -> list[str]:
    return ["/usr/bin/etcd", "--data-dir", f"{data}/db", "--logger", "zap"]


def _dictd(data: Path) -> list[str]:
    config = _write(data / "dictd.conf", "database_exit")
    return ["/usr/sbin/dictd", "-d", "nodetach", "-c", str(config), "--pid-file", f"{data}/pid"]


# -- mail, chat and the rest --------------------------------------------------------------------


def _make_exim(data: Path) -> None:
    data.mkdir()
    shutil.chown(data, "Debian-exim", "Debian-exim")


def _exim(data: Path) -> list[str]:
    config = _write(
        data / "exim.conf",
        f"spool_directory = {data}",
        f"log_file_path = {data}/%slog",
        "local_interfaces = 127.0.0.1",
        "keep_environment =",
    )
    return ["/usr/sbin/exim4", "-bdf", "-oP", f"{data}/pid", "-C", str(config)]


def _ngircd(data: Path) -> list[str]:
    config = _write(
        data / "ngircd.conf",
        "[Global]",
        "Name = irc.example.org",
        "ServerUID = irc",
        "ServerGID = irc",
        "[Options]",
        "PAM = no",
    )
    return ["/usr/sbin/ngircd", "--nodaemon", "--config", str(config)]


def _make_dropbear(data: Path) -> None:
    data.mkdir()
    call("/usr/bin/dropbearkey", "-t", "ed25519", "-f", data / "key")


def _dropbear(data: Path) -> list[str]:
    return ["/usr/sbin/dropbear", "-F", "-E", "-P", f"{data}/pid", "-r", f"{data}/key"]


def _epmd(data: Path) -> list[str]:
    return [*UNPRIVILEGED, need_program(_EPMD)]


def _gpsd(data: Path) -> list[str]:
    return ["/usr/sbin/gpsd", "-N", "-n", "-P", f"{data}/pid", "-F", f"{data}/socket"]


def _distccd(data: Path) -> list[str]:
    start = ["/usr/bin/distccd", "--daemon", "--no-detach", "--user", "nobody", "--log-stderr"]
    return [*start, "--allow", "127.0.0.1", "--jobs", "1"]


def _owserver(data: Path) -> list[str]:
    start = ["/usr/bin/owserver", "--foreground", "--pid-file", f"{data}/pid"]
    return [*start, "--fake", "10", "--port", "4304"]


_EPMD = "/usr/lib/erlang/erts-*/bin/epmd"


class Member(NamedTuple):
    """A server on its default ports, written as ``53/udp``."""

    name: str
    executable: str
    ports: tuple[str, ...]
    argv: Callable[[Path], list[str]]
    make: Callable[[Path], None] = make_nothing

    @property
    def sockets(self) -> list[tuple[int, str]]:
        """The ports as numbers, each with its transport."""
        return [(int(port), word) for port, _, word in (each.partition("/") for each in self.ports)]

    def start(self, namespace: Namespace, data: Path) -> Running:
        """Starts it; whoever calls waits until it listens."""
        need_program(self.executable)
        if not data.exists():
            self.make(data)
        return namespace.start(self.argv(data))


def _at_home(server: Server) -> Member:
    """A server of ``servers.py``, on its own port."""
    ports = tuple(f"{server.port}/{transport}" for transport in server.transports)

    def argv(data: Path) -> list[str]:
        return server.argv(data, server.port)

    return Member(server.name, server.executable, ports, argv, server.make)


FLEET = (
    *map(_at_home, SERVERS.values()),
    Member("apache2", "/usr/sbin/apache2", ("80/tcp",), _apache),
    Member("bind9", "/usr/sbin/named", ("53/tcp", "53/udp"), _named, _make_named),
    Member("chrony", "/usr/sbin/chronyd", ("123/udp",), _chronyd),
    Member("dictd", "/usr/sbin/dictd", ("2628/tcp",), _dictd),
    Member("distcc", "/usr/bin/distccd", ("3632/tcp",), _distccd),
    Member("dropbear", "/usr/sbin/dropbear", ("22/tcp",), _dropbear, _make_dropbear),
    Member("epmd", _EPMD, ("4369/tcp",), _epmd),
    Member("etcd", "/usr/bin/etcd", ("2379/tcp", "2380/tcp"), _etcd),
    Member("exim", "/usr/sbin/exim4", ("25/tcp",), _exim, _make_exim),
    Member("gpsd", "/usr/sbin/gpsd", ("2947/tcp",), _gpsd),
    Member("haproxy", "/usr/sbin/haproxy", ("80/tcp",), _haproxy),
    Member("lighttpd", "/usr/sbin/lighttpd", ("80/tcp",), _lighttpd),
    Member("nbd-server", "/usr/bin/nbd-server", ("10809/tcp",), _nbd),
    Member("ngircd", "/usr/sbin/ngircd", ("6667/tcp",), _ngircd),
    Member("oidentd", "/usr/sbin/oidentd", ("113/tcp",), _oidentd),
    Member("owserver", "/usr/bin/owserver", ("4304/tcp",), _owserver),
    Member("rpcbind", "/usr/sbin/rpcbind", ("111/tcp", "111/udp"), _rpcbind),
    Member("rsync", "/usr/bin/rsync", ("873/tcp",), _rsync),
    Member("slapd", "/usr/sbin/slapd", ("389/tcp",), _slapd),
    Member("snmpd", "/usr/sbin/snmpd", ("161/udp",), _snmpd),
    Member("tftpd-hpa", "/usr/sbin/in.tftpd", ("69/udp",), _tftpd),
    Member("vsftpd", "/usr/sbin/vsftpd", ("21/tcp",), _vsftpd),
)


def deal(members: Iterable[Member]) -> list[list[Member]]:
    """As few machines as will do, with no port wanted by two servers of the same one."""
    machines: list[list[Member]] = []
    for member in members:
        for machine in machines:
            if not any(set(member.ports) & set(other.ports) for other in machine):
                machine.append(member)
                break
        else:
            machines.append([member])
    return machines
