"""Who owns a file, by dpkg's and RPM's databases: made-up ones, and the machine's own."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from portbook.host.linux.packages import (
    Ownership,
    Package,
    aliases,
    owning_package,
    parse_rpm,
    version_in,
)
from tests.cases import for_each
from tests.real.needs import need_program, need_root

if TYPE_CHECKING:
    from pathlib import Path

STATUS = b"""\
Package: nginx-core
Status: install ok installed
Architecture: amd64
Version: 1.22.1-9

Package: libc6
Status: install ok installed
Architecture: i386
Version: 2.36-9

Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-10
Description: Package: dash
 Version: 9

Package: dash
Version: 0.5.12-2
"""


@pytest.fixture
def debian(tmp_path: Path) -> Path:
    info = tmp_path / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (info / "nginx-core.list").write_text("/.\n/usr\n/usr/sbin\n/usr/sbin/nginx\n")
    (info / "nginx-core.md5sums").write_text("/usr/sbin/other\n")
    (info / "libc6:amd64.list").write_text("/.\n/lib\n/lib/ld.so\n")
    (info / "dash.list").write_text("/.\n/bin\n/bin/dash\n/bin/sh\n")
    (tmp_path / "var/lib/dpkg/status").write_bytes(STATUS)
    os.utime(info / "nginx-core.list", (1000.0, 1000.0))
    for name in ("bin", "sbin", "lib"):
        (tmp_path / name).symlink_to(f"usr/{name}")
    return tmp_path


@pytest.mark.parametrize(
    "path, expected",
    [
        ("/usr/sbin/nginx", ("nginx-core", "1.22.1-9", None)),
        ("/sbin/nginx", ("nginx-core", "1.22.1-9", None)),  # /usr is merged
        ("/usr/bin/dash", ("dash", "0.5.12-2", None)),
        ("/bin/dash", ("dash", "0.5.12-2", None)),
        ("/usr/lib/ld.so", ("libc6", "2.36-10", "amd64")),
        ("/usr/sbin/../sbin/nginx", ("nginx-core", "1.22.1-9", None)),
    ],
)
def test_a_packaged_file(debian: Path, path: str, expected: tuple[str | None, ...]) -> None:
    package = owning_package(path, str(debian)).package
    assert package is not None
    assert (package.name, package.version, package.architecture) == expected
    assert package.manager == "dpkg"


@pytest.mark.parametrize(
    "path", ["/usr/sbin/ngin", "/sbin", "/nginx", "/usr/sbin/other", "/usr/sbin/nginx\n", "/tmp/x"]
)
def test_a_file_that_no_package_owns(debian: Path, path: str) -> None:
    assert owning_package(path, str(debian)).package is None
    assert owning_package(path, str(debian)).reason is None


def test_where_usr_is_not_merged_the_names_are_two_files(debian: Path) -> None:
    (debian / "bin").unlink()
    (debian / "bin").mkdir()
    assert owning_package("/usr/bin/dash", str(debian)) == Ownership(None)
    assert owning_package("/bin/dash", str(debian)).package is not None


def test_an_upgrade_after_the_start_is_told(debian: Path) -> None:
    package = owning_package("/usr/sbin/nginx", str(debian)).package
    assert package is not None
    assert package.unpacked == 1000.0
    assert package.newer_than(999.0) is True
    assert package.newer_than(1000.0) is False
    assert package._replace(unpacked=None).newer_than(1.0) is None


@pytest.mark.parametrize("name", ["diversions", "status"])
@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_what_is_no_file_in_a_container_is_not_waited_for(
    debian: Path, name: str, kind: str
) -> None:
    """The root may be a container's, whose maker can put anything there."""
    path = debian / "var/lib/dpkg" / name
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")  # which has no end
    package = owning_package("/usr/sbin/nginx", str(debian)).package
    assert package is not None
    assert (package.name, package.version) == (
        "nginx-core",
        None if name == "status" else "1.22.1-9",
    )


def test_a_diverted_file_belongs_to_the_one_it_was_taken_from(debian: Path) -> None:
    info = debian / "var/lib/dpkg"
    (info / "diversions").write_text("/bin/sh\n/bin/sh.distrib\nbusybox-sh\n")
    (info / "info/busybox-sh.list").write_text("/.\n/bin/sh\n")
    found = owning_package("/bin/sh.distrib", str(debian)).package
    assert found is not None
    assert found.name == "dash"


def test_a_list_longer_than_one_read(debian: Path) -> None:
    info = debian / "var/lib/dpkg/info"
    lines = "".join(f"/usr/share/doc/file-{number:06}\n" for number in range(20_000))
    (info / "big.list").write_text(f"/.\n{lines}/usr/sbin/bigd\n")
    found = owning_package("/usr/sbin/bigd", str(debian)).package
    assert found is not None
    assert (found.name, found.version) == ("big", None)


def test_lists_that_are_links_or_pipes_are_not_followed(debian: Path) -> None:
    """The root may be a container's, and whoever made that is not trusted."""
    info = debian / "var/lib/dpkg/info"
    (info / "x.list").symlink_to("/etc/passwd")
    assert "can't be read" in str(owning_package("/nope", str(debian)).reason)
    (info / "x.list").unlink()
    os.mkfifo(info / "x.list")
    assert owning_package("/nope", str(debian)) == Ownership(None)


def test_an_unknown_database_is_not_an_unpackaged_file(tmp_path: Path) -> None:
    found = owning_package("/usr/sbin/nginx", str(tmp_path))
    assert found.package is None
    assert "neither dpkg's nor RPM's" in str(found.reason)
    assert "not an absolute path" in str(owning_package("nginx", str(tmp_path)).reason)


@for_each(
    "name, architecture, version",
    [
        ("nginx-core", "", "1.22.1-9"),
        ("libc6", "amd64", "2.36-10"),
        ("libc6", "i386", "2.36-9"),
        ("libc6", "arm64", None),
        ("dash", "", "0.5.12-2"),
        ("nginx", "", None),
    ],
)
def test_versions(name: str, architecture: str, version: str | None) -> None:
    assert version_in(STATUS, name, architecture) == version


def test_aliases_are_each_others() -> None:
    for path in ("/bin/x", "/usr/bin/x", "/usr/lib/a/b", "/lib64/ld.so"):
        one, other = aliases(path)
        assert one == path
        assert aliases(other) == (other, one)


@pytest.mark.parametrize("text", ["", "x\n", "a\tb\tc\td\n", "error: file x: no\n"])
def test_other_words_of_rpm_name_no_package(text: str) -> None:
    assert parse_rpm(text) is None


def test_of_two_packages_the_newest() -> None:
    text = "glibc\t2.34-1\ti686\t1000\nglibc\t2.34-1\tx86_64\t2000\n"
    assert parse_rpm(text) == Package("glibc", "2.34-1", "rpm", "x86_64", 2000.0)


# -- the real thing ---------------------------------------------------------------------------


@pytest.mark.real
def test_this_machines_shell() -> None:
    need_program("dpkg-query")
    path = os.path.realpath("/bin/sh")
    found = owning_package(path).package
    assert found is not None
    told = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", found.name],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found.version == told.stdout
    assert found.unpacked is not None
    assert owning_package("/usr/sbin/no-such-program") == Ownership(None)


SPEC = """\
Name: portbook-test
Epoch: 2
Version: 1.5
Release: 3
Summary: A package with one file
License: none
BuildArch: noarch
%description
%install
mkdir -p %{buildroot}/usr/sbin
echo > %{buildroot}/usr/sbin/testd
%files
/usr/sbin/testd
"""


@pytest.mark.real
def test_a_package_of_rpm(tmp_path: Path) -> None:
    need_root("this test installs a package of rpm's")
    need_program("rpm", "rpmbuild")
    spec, top, root = tmp_path / "test.spec", tmp_path / "top", tmp_path / "root"
    spec.write_text(SPEC)
    root.mkdir()
    where = ["rpm", "--root", str(root), "--dbpath", "/var/lib/rpm"]
    subprocess.run(
        ["rpmbuild", "-bb", "--define", f"_topdir {top}", str(spec)],
        check=True, capture_output=True,
    )  # fmt: skip
    (built,) = top.glob("RPMS/noarch/*.rpm")
    subprocess.run([*where, "--initdb"], check=True, capture_output=True)
    subprocess.run([*where, "-i", "--nodeps", str(built)], check=True, capture_output=True)
    for _ in ("there", "deleted"):
        package = owning_package("/usr/sbin/testd", str(root)).package
        assert package is not None
        assert package._replace(unpacked=None) == Package(
            "portbook-test", "2:1.5-3", "rpm", "noarch"
        )
        assert package.unpacked is not None
        assert package.newer_than(1.0)
        (root / "usr/sbin/testd").unlink(missing_ok=True)
    (root / "usr/sbin/own").touch()
    assert owning_package("/usr/sbin/own", str(root)) == Ownership(None)
    assert owning_package("/usr/sbin/gone", str(root)) == Ownership(None)
