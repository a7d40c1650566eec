"""The site as files: complete, linked among themselves, written only where they changed."""

from __future__ import annotations

import json
import os
import posixpath
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, unquote
from xml.etree import ElementTree as ET

import pytest

from portbook.app.port_lookup import answer_port
from portbook.catalog import Catalog
from portbook.catalog.registry.lookup import Registry
from portbook.catalog.registry.tsv_reader import SHIPPED, Store
from portbook.errors import NotExported
from portbook.formats.errors.query import (
    Query,
    QueryKind,
)
from portbook.model import LAST_PORT
from portbook.present.render import port_json
from portbook.web.export.notes import NOTES
from portbook.web.export.output_folder import open_output
from portbook.web.export.scope import Scope, scope_of, service_names
from portbook.web.export.site import Plan, export
from portbook.web.pages.links import file_name
from tests.command_line import run
from tests.counts import PROOF
from tests.values import CATALOG
from tests.web.parsed_page import Page

FIRST, LAST = 250, 330  # parts of two rows

OURS = "a label of our own"


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


def _dead_links(folder: Path) -> list[tuple[str, str]]:
    """The links of the pages of *folder* that lead to no file, as page and address."""
    files = {path.relative_to(folder).as_posix() for path in _files(folder)}
    pages = [path for path in files if path.endswith(".html")]
    dead, followed = [], 0
    for path in pages:
        page = Page((folder / path).read_text(encoding="utf-8"))
        for attribute in ("href", "src", "action", "data-index"):
            for address in page.values(attribute):
                if address.startswith(("https://", "http://", "#")):
                    continue
                bare = unquote(address.partition("#")[0])
                target = posixpath.normpath(posixpath.join(posixpath.dirname(path), bare))
                if address.startswith("/") or target not in files:
                    dead.append((path, address))
                followed += 1
    assert followed > 10 * len(pages) > 100
    return dead


def test_every_link_is_relative_and_leads_to_a_file(folder: Path) -> None:
    assert _dead_links(folder) == []


def test_only_some_ports_are_written_and_what_they_need(tmp_path: Path) -> None:
    """Of the thousands of services those on these ports; and no port is linked to that isn't."""
    export(Plan(str(tmp_path), 300, 310, "https://ports.example/"), CATALOG, lambda _: None)
    stems = {path.stem for path in tmp_path.iterdir()}
    assert {int(stem) for stem in stems if stem.isdigit()} == set(range(300, 311))
    services = {path.stem for path in (tmp_path / "services").iterdir()}
    assert services == {"tacacss", "novastorbakcup", "entrusttime", "bhmds"}
    assert _dead_links(tmp_path) == []
    assert len(_files(tmp_path)) < 100
    # Neither is one in the feed, which is read elsewhere.
    feed = ET.parse(tmp_path / "changes.atom").getroot()
    linked = [each.get("href") or "" for each in feed.iter("{http://www.w3.org/2005/Atom}link")]
    assert len(linked) > 50
    there = {f"https://ports.example/{path.name}" for path in tmp_path.iterdir()}
    assert set(linked) <= there
    # The ends of the row have no arrow to go on; the front page leads to what is there.
    lowest = Page((tmp_path / "300.html").read_text(encoding="utf-8"))
    assert "299.html" not in lowest.values("href")
    assert "301.html" in lowest.values("href")
    front = Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert {f"{port}.html" for port in range(300, 311)} <= set(front.values("href"))
    assert "This copy has the pages of ports 300–310 only." in front.text


def test_the_ports_of_an_earlier_export_stay_and_are_linked_to(tmp_path: Path) -> None:
    for first, last in ((300, 301), (304, 305), (302, 303)):
        export(Plan(str(tmp_path), first, last), CATALOG, lambda _: None)
    front = Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert "This copy has the pages of ports 300–305 only." in front.text
    assert {f"{port}.html" for port in range(300, 306)} <= set(front.values("href"))
    page = Page((tmp_path / "303.html").read_text(encoding="utf-8"))
    assert "304.html" in page.values("href")
    assert _dead_links(tmp_path) == []
    before = _times(tmp_path)
    done = export(Plan(str(tmp_path), 302, 303), CATALOG, lambda _: None)
    assert done.written == 0
    assert _times(tmp_path) == before
    # What was taken away isn't linked to any more.
    (tmp_path / "305.html").unlink()
    export(Plan(str(tmp_path), 302, 303), CATALOG, lambda _: None)
    front = Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert not {"304.html", "305.html"} & set(front.values("href"))


def test_the_whole_site_has_every_service_and_every_link() -> None:
    scope = scope_of([(0, 1023), (1024, 65535)], CATALOG)
    assert scope == Scope()
    names = service_names(scope, CATALOG)
    assert len(names) > 7000
    assert {"ssh", "http", "914c~2fg"} <= {file_name(name) for name in names}
    html = '<a href="443.html">443</a>'
    assert scope.without_dead_links(html) == html


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
    assert set(named) == there - {f"{base}not-found.html"}
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


def test_other_data_makes_everything_be_looked_at_again(tmp_path: Path) -> None:
    """A page that differs but is as long and as old as the one that was written isn't looked at."""
    plan = Plan(str(tmp_path / "site"), 300, 310)
    export(plan, CATALOG, lambda _: None)
    page = tmp_path / "site" / "305.html"
    before, whole = page.stat(), page.read_bytes()
    page.write_bytes(whole.replace(b"Port", b"Part"))
    os.utime(page, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert export(plan, CATALOG, lambda _: None).written == 0
    shutil.copytree(SHIPPED, tmp_path / "data")
    (tmp_path / "data" / "more.tsv").write_text("of which no page is made\n")
    other = Catalog(Registry(Store(str(tmp_path / "data"))), CATALOG.practice)
    assert export(plan, other, lambda _: None).written == 1
    assert page.read_bytes() == whole


def test_two_processes_make_the_same_files(folder: Path, tmp_path: Path) -> None:
    export(
        Plan(str(tmp_path), FIRST, LAST, "https://ports.example/book/", 2), CATALOG, lambda _: None
    )
    ours = {path.relative_to(tmp_path): path.read_bytes() for path in _files(tmp_path)}
    theirs = {path.relative_to(folder): path.read_bytes() for path in _files(folder)}
    assert ours == theirs


@pytest.mark.proof
def test_an_export_ends_with_every_page_and_none_is_empty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, last = (0, LAST_PORT) if PROOF else (8070, 8090)
    only = [] if PROOF else ["--only", f"{first}-{last}"]
    assert run(["export", str(tmp_path), *only, "--jobs", "2"]) == 0
    capsys.readouterr()
    ports = 0
    for port in range(first, last + 1):
        html = (tmp_path / f"{port}.html").read_text()
        assert f"Port </span>{port}</h1>" in html
        assert html.endswith("</html>")
        assert json.loads((tmp_path / f"{port}.json").read_text())["port"] == port
        text = (tmp_path / f"{port}.txt").read_text()
        assert text.startswith(f"Port {port} ")
        assert text.endswith("\n")
        ports += 1
    assert ports == last - first + 1
    scope = scope_of([(first, last)], CATALOG)
    services = {f"{file_name(name)}.html" for name in service_names(scope, CATALOG)}
    assert {path.name for path in (tmp_path / "services").iterdir()} == services
    assert services
    for path in (tmp_path / "services").iterdir():
        assert "<h1" in path.read_text(), path


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
    assert "is no folder: name one to write into" in capsys.readouterr().err


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
