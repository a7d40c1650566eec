"""Build a release and check it: ``make release``. Nothing leaves this machine.

Builds the source archive and the wheel into ``dist/``, installs the wheel in an environment of its
own, and asks it for a port. What only a person can do (tag, push, upload) is printed at the end.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
_VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)


class NotReady(Exception):
    """Why no release can be built, in one line that names the fix."""


def version_of(root: Path) -> str:
    """The version that the package states.

    :raises NotReady: where it states none.
    """
    text = (root / "src" / "portbook" / "__init__.py").read_text(encoding="utf-8")
    match = _VERSION.search(text)
    if match is None:
        raise NotReady('src/portbook/__init__.py has no line __version__ = "…"')
    return match[1]


def check_changelog(text: str, version: str) -> None:
    r"""Check that *text*, the changelog, begins with *version* and the day of its release.

    >>> check_changelog("# Changelog\n\n## 1.2.0 (2026-11-26)\n\n- A change.\n", "1.2.0")
    >>> check_changelog("# Changelog\n\n## Unreleased\n\n- A change.\n", "1.2.0")
    Traceback (most recent call last):
    tasks.release.NotReady: CHANGELOG.md begins with "Unreleased": name it "1.2.0 (YYYY-MM-DD)"

    :raises NotReady: where the first section is another, has no day, or lists no change.
    """
    sections = re.findall(r"^## (.+)$", text, re.MULTILINE)
    first = sections[0] if sections else "nothing"
    if re.fullmatch(re.escape(version) + r" \(\d{4}-\d{2}-\d{2}\)", first) is None:
        raise NotReady(f'CHANGELOG.md begins with "{first}": name it "{version} (YYYY-MM-DD)"')
    section = text.split(f"## {first}\n", 1)[1].split("\n## ", 1)[0]
    if "- " not in section:
        raise NotReady(f'CHANGELOG.md lists no change under "{first}"')


def check_repository(root: Path, version: str) -> None:
    """Check that nothing is uncommitted and that the version's tag is free.

    :raises NotReady: where one of them isn't so.
    """
    if _output(root, "git", "status", "--porcelain"):
        raise NotReady("there are uncommitted changes: commit them first")
    if _output(root, "git", "tag", "--list", f"v{version}"):
        raise NotReady(f"the tag v{version} exists: raise __version__ in src/portbook/__init__.py")


def _output(root: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def build(root: Path, folder: Path) -> tuple[Path, Path]:
    """Build the source archive and, from it, the wheel; return both paths.

    :raises NotReady: where the build fails.
    """
    command = [sys.executable, "-P", "-m", "build", "--no-isolation", "--outdir", str(folder)]
    done = subprocess.run([*command, str(root)], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise NotReady(f"the build failed: {' '.join(reason)}")
    (archive,) = folder.glob("*.tar.gz")
    (wheel,) = folder.glob("*.whl")
    return archive, wheel


def check_files(archive: Path, wheel: Path, version: str) -> None:
    """Check that both are of *version* and hold the data, the licence and, as source, the tests.

    :raises NotReady: for the first file that is missing or named for another version.
    """
    for path in (archive, wheel):
        if f"portbook-{version}" not in path.name:
            raise NotReady(f"{path.name} is not of version {version}")
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    with tarfile.open(archive) as opened:
        sources = opened.getnames()
    for ending in ("registry.tsv", "uses.tsv", "py.typed", "LICENSE", "NOTICE"):
        if not any(name.endswith(ending) for name in names):
            raise NotReady(f"{wheel.name} lacks {ending}")
    for ending in ("/tests/test_package.py", "/Makefile", "/constraints.txt", "/CHANGELOG.md"):
        if not any(name.endswith(ending) for name in sources):
            raise NotReady(f"{archive.name} lacks {ending}")


def check_installed(wheel: Path, version: str) -> None:
    """Install *wheel* in an environment of its own and ask it for its version and for a port.

    :raises NotReady: where one of these fails.
    """
    with tempfile.TemporaryDirectory(prefix="portbook-release-") as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        scripts = Path(folder) / ("Scripts" if sys.platform == "win32" else "bin")
        install = [str(scripts / "python"), "-m", "pip", "install", "--quiet", str(wheel)]
        subprocess.run(install, check=True)
        for arguments, answer in (("--version", version), ("305 --no-host", "305")):
            command = [str(scripts / "portbook"), *arguments.split()]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode or answer not in done.stdout:
                raise NotReady(f"the installed portbook {arguments} failed: {done.stderr.strip()}")


def release(root: Path = ROOT) -> list[str]:
    """Build and check a release; return what is left to do by hand, a line each.

    :raises NotReady: for the first thing that is in its way.
    """
    version = version_of(root)
    check_changelog((root / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    check_repository(root, version)
    with tempfile.TemporaryDirectory(prefix="portbook-build-") as folder:
        archive, wheel = build(root, Path(folder))
        check_files(archive, wheel, version)
        check_installed(wheel, version)
        dist = root / "dist"
        dist.mkdir(exist_ok=True)
        for path in (archive, wheel):
            path.replace(dist / path.name)
    return [
        f"dist/{archive.name} and dist/{wheel.name} are built and checked. Left to do by hand:",
        f"  git tag -s v{version} -m 'portbook {version}'",
        f"  git push origin v{version}",
        "  upload both files from dist/ to the package index",
        "  open a section for the next version in CHANGELOG.md and raise __version__",
    ]


def main(make: Callable[[], list[str]] = release) -> int:
    """Run *make*; 0 where a release is built, 1 with one line where something is in its way."""
    try:
        lines = make()
    except NotReady as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
