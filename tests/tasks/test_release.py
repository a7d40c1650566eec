"""A release is built from a clean tree with a dated changelog, and tried before it is kept."""

from __future__ import annotations

import subprocess
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from tasks import release
from tasks.release import NotReady
from tests.real.needs import need_program

if TYPE_CHECKING:
    from pathlib import Path

DATED = "# Changelog\n\n## 0.3.0 (2026-11-26)\n\n- `portbook 305` answers.\n"


def _git(root: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    need_program("git")
    root = tmp_path / "repository"
    (root / "src" / "portbook").mkdir(parents=True)
    (root / "src" / "portbook" / "__init__.py").write_text('__version__ = "0.3.0"\n')
    (root / "CHANGELOG.md").write_text(DATED)
    _git(tmp_path, "init", "-q", str(root))
    _git(root, "add", ".")
    _git(root, "commit", "-qm", "First")
    return root


def test_the_version_is_the_package_s() -> None:
    import portbook

    assert release.version_of(release.ROOT) == portbook.__version__


def test_a_package_without_a_version_is_not_ready(repository: Path) -> None:
    (repository / "src" / "portbook" / "__init__.py").write_text("")
    with pytest.raises(NotReady, match="no line __version__"):
        release.version_of(repository)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("# Changelog\n", 'begins with "nothing"'),
        (DATED.replace(" (2026-11-26)", ""), 'begins with "0.3.0"'),
        (DATED.replace("0.3.0", "0.2.0"), 'begins with "0.2.0'),
        ("# Changelog\n\n## 0.3.0 (2026-11-26)\n\n## 0.2.0 (2026-01-01)\n\n- Old.\n", "no change"),
    ],
)
def test_a_changelog_that_does_not_tell_of_it_is_in_the_way(text: str, reason: str) -> None:
    with pytest.raises(NotReady, match=reason):
        release.check_changelog(text, "0.3.0")


def test_uncommitted_changes_and_a_used_tag_are_in_the_way(repository: Path) -> None:
    release.check_repository(repository, "0.3.0")
    (repository / "new.txt").write_text("new")
    with pytest.raises(NotReady, match="uncommitted"):
        release.check_repository(repository, "0.3.0")
    _git(repository, "add", ".")
    _git(repository, "commit", "-qm", "Second")
    _git(repository, "tag", "v0.3.0")
    with pytest.raises(NotReady, match=r"v0\.3\.0 exists"):
        release.check_repository(repository, "0.3.0")


def test_a_wheel_without_its_data_is_in_the_way(tmp_path: Path) -> None:
    wheel = tmp_path / "portbook-0.3.0-py3-none-any.whl"
    archive = tmp_path / "portbook-0.3.0.tar.gz"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("portbook/__init__.py", "")
    with tarfile.open(archive, "w:gz"):
        pass
    with pytest.raises(NotReady, match=r"lacks registry\.tsv"):
        release.check_files(archive, wheel, "0.3.0")
    with pytest.raises(NotReady, match=r"not of version 0\.4\.0"):
        release.check_files(archive, wheel, "0.4.0")


def test_a_build_that_fails_is_one_line(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="the build failed") as caught:
        release.build(repository, tmp_path)
    assert "\n" not in str(caught.value)


def test_what_is_in_the_way_is_told_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> list[str]:
        raise NotReady("there are uncommitted changes: commit them first")

    assert release.main(refuse) == 1
    said = capsys.readouterr()
    assert said.err == "release: there are uncommitted changes: commit them first\n"
    assert not said.out
