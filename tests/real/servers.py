"""Real servers from Debian's packages, each started on any port with data of its own.

A server is a line of :data:`SERVERS`: how its data is made, how it is started, and what must be
seen of it. It runs in the foreground, in a test's own network namespace, as the user that its
package made for it, or else as nobody.
"""

from __future__ import annotations

import glob
import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from tests.real.needs import need_program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.real.namespace import Namespace, Running


def as_user(user: str, *argv: object) -> list[str]:
    """The command that runs *argv* as *user*."""
    identity = [f"--reuid={user}", f"--regid={user}", "--init-groups"]
    return ["setpriv", *identity, "--", *map(str, argv)]


def in_own_run(folder: str) -> list[str]:
    """What goes before a command that wants *folder* in ``/run``: a /run of its own with it."""
    run = f'mount -t tmpfs none /run && mkdir -m 755 /run/{folder} && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", run, "sh"]


def make_nothing(data: Path) -> None:
    """Makes an empty folder, of which the server makes what it needs."""
    data.mkdir()


# -- OpenSSH ----------------------------------------------------------------------------------


def _make_sshd(data: Path) -> None:
    data.mkdir()
    call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", data / "key")
    (data / "key").chmod(0o600)


def _sshd(data: Path, port: int) -> list[str]:
    config = data / "sshd_config"
    config.write_text(f"Port {port}\nHostKey {data}/key\nPidFile none\n")
    return [*in_own_run("sshd"), "/usr/sbin/sshd", "-D", "-e", "-f", str(config)]


# -- nginx ------------------------------------------------------------------------------------


def _nginx(data: Path, port: int) -> list[str]:
    folders = "".join(
        f"{kind}_temp_path {data}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = data / "nginx.conf"
    config.write_text(
        f"daemon off; worker_processes 2; pid {data}/pid; error_log stderr;\n"
        f"events {{}} http {{ access_log off; {folders}\n"
        f"server {{ listen {port}; listen [::]:{port}; }} }}\n"
    )
    return ["/usr/sbin/nginx", "-e", "stderr", "-p", str(data), "-c", str(config)]


# -- databases --------------------------------------------------------------------------------


def _postgres_folder() -> str:
    return max(glob.glob("/usr/lib/postgresql/*/bin"))


def _make_postgres(data: Path) -> None:
    data.mkdir()
    shutil.chown(data, "postgres", "postgres")
    initdb = f"{_postgres_folder()}/initdb"
    call(*as_user("postgres", initdb, "--auth=trust", "--no-sync", "-D", data / "db"))


def _postgres(data: Path, port: int) -> list[str]:
    command = [f"{_postgres_folder()}/postgres", "-D", data / "db", "-p", str(port)]
    return as_user("postgres", *command, "-c", "unix_socket_directories=")


def _make_redis(data: Path) -> None:
    data.mkdir()
    shutil.chown(data, "redis", "redis")


def _redis(data: Path, port: int) -> list[str]:
    command = ["/usr/bin/redis-server", "--port", str(port), "--dir", data, "--save", ""]
    return as_user("redis", *command)


def _make_mariadb(data: Path) -> None:
    data.mkdir()
    shutil.chown(data, "mysql", "mysql")
    call(
        "mariadb-install-db",
        "--no-defaults",
        "--user=mysql",
        "--skip-test-db",
        "--skip-name-resolve",
        "--auth-root-authentication-method=normal",
        f"--datadir={data}/db",
        f"--tmpdir={data}",  # TMPDIR may be closed to mysql
    )


def _mariadb(data: Path, port: int) -> list[str]:
    return [
        "/usr/sbin/mariadbd",
        "--no-defaults",
        "--user=mysql",
        f"--port={port}",
        "--bind-address=127.0.0.1",  # as Debian's configuration has it
        f"--datadir={data}/db",
        f"--tmpdir={data}",
        f"--socket={data}/socket",
        f"--pid-file={data}/pid",
        "--innodb-flush-method=nosync",
    ]


# -- the others -------------------------------------------------------------------------------


def _memcached(data: Path, port: int) -> list[str]:
    return ["/usr/bin/memcached", "-u", "memcache", "-p", str(port), "-U", str(port)]


def _mosquitto(data: Path, port: int) -> list[str]:
    config = data / "mosquitto.conf"
    config.write_text(f"listener {port}\nallow_anonymous true\nuser mosquitto\n")
    return ["/usr/sbin/mosquitto", "-c", str(config)]


def _dnsmasq(data: Path, port: int) -> list[str]:
    options = ["--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file", "--user=nobody"]
    return ["/usr/sbin/dnsmasq", "--keep-in-foreground", f"--port={port}", *options]


def _unbound(data: Path, port: int) -> list[str]:
    config = data / "unbound.conf"
    config.write_text(
        f'server:\n  port: {port}\n  do-daemonize: no\n  username: ""\n  chroot: ""\n'
        f'  directory: "{data}"\n  pidfile: ""\n  use-syslog: no\n'
        "remote-control:\n  control-enable: no\n"
    )
    return ["/usr/sbin/unbound", "-d", "-p", "-c", str(config)]


def call(*argv: str | Path) -> None:
    """Runs *argv* to its end; fails with what it says where it fails."""
    done = subprocess.run(argv, check=False, capture_output=True, text=True, cwd="/")
    assert not done.returncode, f"{argv[0]}: {done.stderr}{done.stdout}"


class Server(NamedTuple):
    """One server program.

    ``executable`` is the path in which the kernel shows it, with ``*`` for a version; ``port``
    its own port, ``foreign`` one that is registered for something else, ``everywhere`` whether
    it binds every address here. ``make`` makes its data in a folder that isn't there yet,
    ``argv`` gives what starts it on a port with that data.
    """

    name: str
    executable: str
    user: str
    port: int
    foreign: int
    everywhere: bool
    argv: Callable[[Path, int], list[str]]
    make: Callable[[Path], None] = make_nothing
    transports: tuple[str, ...] = ("tcp",)
    started_as: str | None = None

    @property
    def program(self) -> str:
        """The name its process goes by."""
        return self.started_as or self.executable.rpartition("/")[2]

    def start(self, namespace: Namespace, data: Path, port: int | None = None) -> Running:
        """Starts it on *port*, or its own one, and waits until the kernel says it listens."""
        need_program(self.executable)
        port = self.port if port is None else port
        if not data.exists():
            try:
                self.make(data)
            except BaseException:
                shutil.rmtree(data, ignore_errors=True)
                raise
        running = namespace.start(self.argv(data, port))
        namespace.wait_for(running, port, self.transports)
        return running


BOTH = ("tcp", "udp")
SERVERS = {
    server.name: server
    for server in (
        Server("sshd", "/usr/sbin/sshd", "root", 22, 2222, True, _sshd, _make_sshd),
        Server("nginx", "/usr/sbin/nginx", "root", 80, 5432, True, _nginx),
        Server(
            "postgresql", "/usr/lib/postgresql/*/bin/postgres", "postgres", 5432, 6379, False,
            _postgres, _make_postgres,
        ),
        # Debian's redis-server is a link.
        Server(
            "redis", "/usr/bin/redis-check-rdb", "redis", 6379, 3306, True, _redis, _make_redis,
            started_as="redis-server",
        ),
        Server(
            "mariadb", "/usr/sbin/mariadbd", "mysql", 3306, 1883, False, _mariadb, _make_mariadb
        ),
        Server(
            "memcached", "/usr/bin/memcached", "memcache", 11211, 5432, True, _memcached,
            transports=BOTH,
        ),
        Server("mosquitto", "/usr/sbin/mosquitto", "mosquitto", 1883, 11211, True, _mosquitto),
        Server(
            "dnsmasq", "/usr/sbin/dnsmasq", "nobody", 53, 5353, True, _dnsmasq, transports=BOTH
        ),
        Server(
            "unbound", "/usr/sbin/unbound", "root", 53, 5353, False, _unbound, transports=BOTH
        ),
    )
}  # fmt: skip
