"""The site as files: complete, linked among themselves, written only where they changed."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote
from xml.etree import ElementTree as ET

import pytest

from portbook.app.lookup import answer_port
from portbook.errors import NotExported
from portbook.formats.errors.query import (
    Query,
    QueryKind,
)
from portbook.present.render import port_json
from portbook.web.export import site as module
from portbook.web.export.notes import NOTES
from portbook.web.export.output_folder import OutputFolder, open_output
from portbook.web.export.site import Plan, export
from portbook.web.pages.links import file_name
from tests.command_line import run
from tests.counts import PROOF
from tests.values import CATALOG
from tests.web.pages import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST, LAST = 250, 330  # parts of two rows

OURS = "a label of our own"
_every_name = functools.partial(functools.cache(module._service_names), CATALOG)


@pytest.fixture(scope="module", autouse=True)
def _some_services() -> Iterator[None]:
    """Pages for a part of the services; all of them under make proof."""
    names = _every_name() if PROOF else ("ssh", "HTTP", "914c/g", *_every_name()[::40])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_service_names", lambda _: tuple(dict.fromkeys(names)))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small export, made once, by somebody who has notes."""
    made = tmp_path_factory.mktemp("export")
    own = tmp_path_factory.mktemp("own") / "ports.toml"
    own.write_text(f'[[port]]\nport = "{FIRST}-{LAST}"\nlabel = "{OURS}"\n')
    told: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PORTBOOK_NOTES", str(own))
        done = export(
            Plan(str(made), FIRST, LAST, "https://ports.example/book/"), CATALOG, told.append
        )
    assert done.written == done.files == sum(1 for each in _files(made))
    assert told == sorted(told)
    assert told[-1] == LAST - FIRST + 1
    return made


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages for some services only: what they hold is seen elsewhere."""
    monkeypatch.setattr(module, "_service_names", lambda _: ("ssh", "HTTP", "914c/g"))


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != NOTES]


def test_every_port_has_a_page_with_json_and_text(folder: Path) -> None:
    for port in range(FIRST, LAST + 1):
        page = Page((folder / f"{port}.html").read_text(encoding="utf-8"))
        assert f"Port {port}" in page.text
        query = Query(QueryKind.PORT, str(port), port, port)
        found = answer_port(query, CATALOG, whole=True)
        assert json.loads((folder / f"{port}.json").read_text()) == port_json.of(found)
        assert (folder / f"{port}.txt").read_text(encoding="utf-8").startswith(f"Port {port} ")
    assert not (folder / f"{LAST + 1}.html").exists()


def test_every_link_is_relative_and_leads_to_a_file(folder: Path) -> None:
    there = {str(path.relative_to(folder)) for path in _files(folder)}
    pages = [path for path in _files(folder) if path.suffix == ".html"]
    assert len(pages) > (7000 if PROOF else 250)
    left_out = {f"services/{file_name(name)}.html" for name in _every_name()}
    left_out -= {f"services/{file_name(name)}.html" for name in module._service_names(CATALOG)}
    some = [path for path in pages if path.parent.name != "services"]
    some += [path for path in pages if path.parent.name == "services"][::60]
    assert some
    followed = 0
    for path in some:
        page = Page(path.read_text(encoding="utf-8"))
        for attribute in ("href", "src", "action", "data-index"):
            for address in page.values(attribute):
                if address.startswith(("https://", "http://", "#")):
                    continue
                assert not address.startswith("/"), (path, address)
                bare = unquote(address.partition("#")[0])
                target = os.path.relpath(path.parent / bare, folder)
                stem = Path(target).stem
                if stem.isdigit() and not FIRST <= int(stem) <= LAST:
                    continue  # a port that this small export leaves out
                if target in left_out:
                    continue
                assert target in there, (path, address)
                followed += 1
    assert followed > len(some)


def test_there_is_no_form_for_feedback_and_nothing_of_this_machine(folder: Path) -> None:
    files = _files(folder)
    assert {path.suffix for path in files} >= {".html", ".json"}
    for path in files:
        if path.suffix == ".html":
            text = path.read_text(encoding="utf-8")
            assert "<form" not in text.replace('<form class="find"', "")
            assert "here.js" not in text
        elif path.suffix == ".json":
            found = json.loads(path.read_text())
            assert (found["host"], found["own_notes"]) == (None, None)
        assert OURS not in path.read_text(encoding="utf-8", errors="replace")


def test_the_sitemap_names_every_page_that_is_there_and_no_other(folder: Path) -> None:
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    base = "https://ports.example/book/"
    index = ET.parse(folder / "sitemap.xml").getroot()
    parts = [loc.text or "" for loc in index.iter(f"{space}loc")]
    named: list[str] = []
    for part in parts:
        assert part.startswith(f"{base}sitemap-")
        found = ET.parse(folder / part.rpartition("/")[2]).getroot()
        addresses = [loc.text or "" for loc in found.iter(f"{space}loc")]
        assert len(addresses) <= 50_000
        named += addresses
    there = {f"{base}{_address(path, folder)}" for path in folder.rglob("*.html")}
    assert len(set(named)) == len(named)
    assert set(named) == there
    assert {f"{base}{FIRST}.html", f"{base}ranges/user.html"} <= there


def _address(path: Path, folder: Path) -> str:
    return quote(path.relative_to(folder).as_posix(), safe="/~+")


def test_what_files_cannot_do_is_not_offered(folder: Path) -> None:
    """A form that explains a capture takes a server: no page of it, and no link to one."""
    assert not (folder / "explain.html").exists()
    for name in ("index.html", f"{FIRST}.html", "about.html", "api.html", "ranges/user.html"):
        page = Page((folder / name).read_text(encoding="utf-8"))
        assert not [link for link in page.values("href") if "explain" in link]
        assert not [link for link in page.values("href") if link.startswith("/")]


@pytest.mark.usefixtures("few")
def test_port_404_is_not_taken_for_an_error(tmp_path: Path) -> None:
    export(Plan(str(tmp_path), 404, 404), CATALOG, lambda _: None)
    assert "Port 404" in Page((tmp_path / "404.html").read_text(encoding="utf-8")).text


def _times(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in _files(folder)}


def test_a_second_run_writes_nothing(folder: Path) -> None:
    before = _times(folder)
    done = export(
        Plan(str(folder), FIRST, LAST, "https://ports.example/book/"), CATALOG, lambda _: None
    )
    assert (done.files, done.written) == (len(before), 0)
    assert _times(folder) == before


@pytest.mark.usefixtures("few")
def test_only_what_differs_is_written_again(tmp_path: Path) -> None:
    plan = Plan(str(tmp_path), 300, 310)
    export(plan, CATALOG, lambda _: None)
    before = _times(tmp_path)
    (tmp_path / "305.html").write_text("somebody else's")
    (tmp_path / "306.json").unlink()
    (tmp_path / "static" / "site.css").write_text("")
    done = export(plan, CATALOG, lambda _: None)
    assert done.written == 3
    changed = {Path(name).name for name, when in _times(tmp_path).items() if before[name] != when}
    assert changed == {"305.html", "306.json", "site.css"}
    assert "Port 305" in (tmp_path / "305.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("few")
def test_other_code_or_data_makes_everything_be_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan(str(tmp_path), 300, 310)
    export(plan, CATALOG, lambda _: None)
    looked: list[str] = []

    def look(_folder: OutputFolder, path: str, _: bytes) -> bool:
        looked.append(path)
        return False

    monkeypatch.setattr(module, "digest_of_inputs", lambda *_: "another")
    monkeypatch.setattr(OutputFolder, "write", look)
    export(plan, CATALOG, lambda _: None)
    assert len([path for path in looked if path.endswith("305.html")]) == 1


def test_two_processes_make_the_same_files(folder: Path, tmp_path: Path) -> None:
    export(
        Plan(str(tmp_path), FIRST, LAST, "https://ports.example/book/", 2), CATALOG, lambda _: None
    )
    ours = {path.relative_to(tmp_path): path.read_bytes() for path in _files(tmp_path)}
    theirs = {path.relative_to(folder): path.read_bytes() for path in _files(folder)}
    assert ours == theirs


def test_a_file_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = open_output(str(tmp_path / "site"))
    with folder:
        assert folder.write("305.html", b"old")
        assert not folder.write("305.html", b"old")

        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "rename", full)
        with pytest.raises(NotExported, match=r"305\.html' can't be written: No space left"):
            folder.write("305.html", b"new")
    assert (tmp_path / "site" / "305.html").read_bytes() == b"old"
    assert [each.name for each in (tmp_path / "site").iterdir() if each.is_file()] == ["305.html"]


# -- the command ------------------------------------------------------------------------------


@pytest.mark.usefixtures("few")
def test_the_command_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = str(tmp_path / "new")
    argv = ["export", where, "--only", "305", "--jobs", "1"]
    assert run(argv) == 0
    out, err = capsys.readouterr()
    assert f"files in {where}: " in out
    assert " 0 unchanged" in out
    assert not err
    assert run([*argv, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--only", "ssh"], "'ssh' is no range of ports"),
        (["--only", "443/udp"], "no range of ports"),
        (["--only", "9-3"], "9-3"),
        (["--base-url", "ftp://ports.example"], "no http or https address"),
        (["--jobs", "-1"], "--jobs -1 is below 0"),
    ],
)
def test_wrong_options_are_one_line(
    argv: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", str(tmp_path), *argv]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert said in err
    assert err.count("\n") == 1


def test_a_place_that_takes_no_files_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert run(["export", str(tmp_path / "file"), "--only", "305", "--jobs", "1"]) == 2
    assert "can't be written" in capsys.readouterr().err


def test_without_the_extra_the_command_names_it(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['jinja2'] = None\n"
        f"from portbook.cli import run; sys.exit(run(['export', {str(tmp_path)!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "portbook[web]" in done.stderr
    assert done.stderr.count("\n") == 1
