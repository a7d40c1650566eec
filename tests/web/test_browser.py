"""The site in Chromium: with and without scripts, at three widths, from a server and from files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from portbook.answer import answer_port
from portbook.model import (
    Assignment,
    Finding,
    Level,
    Listener,
    OwnersSeen,
    Process,
    Standing,
    State,
    Transport,
)
from portbook.query import Query
from portbook.registry import registry
from portbook.web import export as module
from portbook.web import views
from portbook.web.export import Plan, export
from tests.real.needs import need, need_program
from tests.web.shown import SITE, Server, served

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real

WIDTHS = (320, 1024, 2560)
# Ten kinds of page.
KINDS = (
    "/", "/305", "/443", "/50000", "/services/ssh", "/ranges/system", "/blocks", "/stats", "/map",
    "/search?q=time", "/glossary/reserved", "/about", "/here",
)  # fmt: skip
AXE = Path(__file__).resolve().parents[2] / "build" / "axe" / "package" / "axe.min.js"
LISTENER = Listener(
    Transport.TCP,
    "ipv4",
    "127.0.0.1",
    305,
    "listen",
    owners=(Process(7, "demo", None, "/usr/bin/demo"),),
    owners_seen=OwnersSeen.ALL,
    findings=(Finding("unregistered-port", Level.CHECK, "305 is unassigned"),),
)
EVIL = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with served() as running:
        yield running


@pytest.fixture(autouse=True)
def quiet(server: Server) -> None:
    """Nothing listens, and pages are the book's, unless a test says otherwise."""
    server.listeners, server.port_page = (), None
    server.votes.clear()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    program = need_program("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        need(False, "Playwright for Python is not installed")
        raise
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page of its own; the test fails if anything on it did, or the policy had to step in."""
    context = chromium.new_context(viewport={"width": 1024, "height": 800})
    opened = context.new_page()
    wrong = _listen(opened)
    yield opened
    context.close()
    assert not wrong


def _listen(opened: Any) -> list[str]:
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on(
        "console",
        lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None,
    )
    return wrong


# -- every page -------------------------------------------------------------------------------


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_kind_of_page_fits_and_breaks_nothing(
    chromium: Any, server: Server, width: int, scripts: bool
) -> None:
    server.listeners = (LISTENER,)
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, java_script_enabled=scripts
    )
    opened = context.new_page()
    wrong = _listen(opened)
    for path in KINDS:
        opened.goto(server.address + path)
        assert opened.locator("h1").is_visible()
        # What is wider than the screen scrolls by itself, inside of the page.
        wide = opened.locator("main").bounding_box()
        assert wide["x"] >= 0
        assert wide["x"] + wide["width"] <= width
        if scripts:
            assert opened.evaluate("document.documentElement.scrollWidth") <= width, path
    context.close()
    assert not wrong


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", KINDS)
def test_axe_finds_nothing_serious(chromium: Any, server: Server, path: str, theme: str) -> None:
    need(AXE.is_file(), "axe-core is not in build/axe")
    server.listeners = (LISTENER,)
    context = chromium.new_context(color_scheme=theme)
    opened = context.new_page()
    opened.goto(server.address + path)
    grave = _grave(opened)
    context.close()
    assert not grave


def test_axe_finds_what_is_wrong(page: Any, server: Server) -> None:
    need(AXE.is_file(), "axe-core is not in build/axe")
    page.goto(f"{server.address}/305")
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert [name for name, _ in _grave(page)] == ["button-name"]


def _grave(opened: Any) -> list[tuple[str, list[str]]]:
    """What axe finds serious or critical: its name, and the first places."""
    opened.wait_for_function("self.portbook !== undefined")
    opened.evaluate(AXE.read_text(encoding="utf-8"))
    return [
        (each["id"], [node["html"][:200] for node in each["nodes"]][:3])
        for each in opened.evaluate("async () => (await axe.run()).violations")
        if each["impact"] in ("serious", "critical")
    ]


# -- a port -----------------------------------------------------------------------------------


def test_tabs_work_by_mouse_and_keyboard(page: Any, server: Server) -> None:
    page.goto(f"{server.address}/305")
    commands = page.locator(".tab:visible code")
    assert "ss -Hltunp 'sport = :305'" in commands.all_inner_texts()[1]
    page.get_by_text("Windows", exact=True).first.click()
    assert any("Get-NetTCPConnection" in text for text in commands.all_inner_texts())
    assert not any("lsof" in text for text in commands.all_inner_texts())
    page.keyboard.press("ArrowLeft")
    assert any("lsof" in text for text in commands.all_inner_texts())


def test_tabs_work_without_a_script(chromium: Any, server: Server) -> None:
    context = chromium.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(f"{server.address}/305")
    opened.get_by_text("macOS", exact=True).first.click()
    assert opened.locator(".tab:visible").count() == 1
    assert opened.locator(".tab:visible code", has_text="lsof").count() == 2
    context.close()


def test_a_command_is_copied(chromium: Any, server: Server) -> None:
    context = chromium.new_context()
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.address)
    opened = context.new_page()
    opened.goto(f"{server.address}/305")
    opened.locator(".tab:visible .copy").first.click()
    opened.wait_for_function("document.querySelector('.tab .copy').textContent === 'Copied'")
    assert opened.evaluate("navigator.clipboard.readText()") == "portbook 305"
    context.close()


def test_the_shelf_and_the_arrows_lead_to_other_ports(page: Any, server: Server) -> None:
    page.goto(f"{server.address}/305")
    box = page.locator(".strip").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 35.5 / 64, box["y"] + 10)
    page.wait_for_url("**/308")
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**/309")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**/308")


def test_the_panel_shows_what_listens_and_follows_it(page: Any, server: Server) -> None:
    page.goto(f"{server.address}/305")
    live = page.locator("#machine .live")
    live.get_by_text("Nothing is bound to 305 here at this moment.").wait_for()
    server.listeners = (LISTENER,)
    server.changed.set()
    live.get_by_text("held by demo (pid 7)").wait_for()
    assert "unregistered-port" in live.inner_text()


def test_a_vote_is_given(chromium: Any, server: Server) -> None:
    for scripts in (True, False):
        context = chromium.new_context(java_script_enabled=scripts)
        opened = context.new_page()
        opened.goto(f"{server.address}/305")
        opened.get_by_label("Partly").check()
        opened.get_by_label("What is missing").fill("more on 305")
        opened.get_by_role("button", name="Send").click()
        assert opened.locator("h1").inner_text() == "Thank you"
        assert server.votes.pop() == {"port": ["305"], "vote": ["partly"], "text": ["more on 305"]}
        context.close()


# -- search -----------------------------------------------------------------------------------


def test_search_as_you_type(page: Any, server: Server) -> None:
    page.goto(f"{server.address}/305")
    page.keyboard.press("/")
    page.keyboard.type("postgres")
    page.locator("#hits li").first.wait_for()
    page.keyboard.press("ArrowDown")
    assert page.locator("#hits [aria-selected=true]").count() == 1
    assert page.locator("#q").get_attribute("aria-activedescendant") == "hit-0"
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/(services/postgresql|5432)$"))


@pytest.mark.parametrize(("typed", "where"), [("8080", "8080"), (":443", "443"), ("53/udp", "53")])
def test_a_number_goes_straight_to_its_page(
    page: Any, server: Server, typed: str, where: str
) -> None:
    page.goto(f"{server.address}/map")
    page.locator("#q").fill(typed)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{where}")


def test_words_are_searched_by_the_server(chromium: Any, server: Server) -> None:
    for scripts in (True, False):
        context = chromium.new_context(java_script_enabled=scripts)
        opened = context.new_page()
        opened.goto(server.address)
        opened.locator("#q").fill("network time")
        opened.keyboard.press("Enter")
        opened.wait_for_url("**/search?q=network+time")
        assert opened.locator(".results").get_by_text("ntp", exact=True).count()
        context.close()


def test_hits_name_products_and_descriptions(page: Any, server: Server) -> None:
    page.goto(server.address)
    page.locator("#q").fill("openssh")
    page.locator("#hits li").first.wait_for()
    assert "OpenSSH" in page.locator("#hits").inner_text()
    page.locator("#hits li").first.click()
    page.wait_for_url("**/22")


# -- the map ----------------------------------------------------------------------------------


def test_the_map_by_keyboard(page: Any, server: Server) -> None:
    page.goto(f"{server.address}/map#305")
    page.locator("#map svg").focus()
    now = page.locator("#map-now")
    assert now.locator("b").inner_text() == "305"
    now.get_by_text("unassigned").wait_for()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    now.get_by_text("assigned: novastorbakcup").wait_for()
    page.keyboard.press("ArrowDown")
    assert now.locator("b").inner_text() == "564"
    view = page.locator("#map svg").get_attribute("viewBox")
    page.keyboard.press("+")
    assert page.locator("#map svg").get_attribute("viewBox") != view
    page.keyboard.press("Enter")
    page.wait_for_url("**/564")


def test_the_map_by_mouse(page: Any, server: Server) -> None:
    page.goto(f"{server.address}/map")
    box = page.locator("#map svg").bounding_box()
    x = box["x"] + box["width"] * 22.5 / 256
    y = box["y"] + box["height"] * 0.5 / 256
    page.mouse.move(x, y)
    page.locator("#map-now").get_by_text("assigned: ssh").wait_for()
    page.get_by_role("button", name="Closer").click()
    assert page.locator("#map svg").get_attribute("viewBox").split()[2] == "128"
    page.get_by_role("button", name="All of it").click()
    page.mouse.click(x, y)
    page.wait_for_url("**/22")


# -- hostile text -----------------------------------------------------------------------------


def test_hostile_text_runs_nothing(page: Any, server: Server) -> None:
    row = Assignment(EVIL, EVIL, 305, 305, Transport.TCP, True, State.ASSIGNED, (EVIL,), (EVIL,))
    held = Standing(State.ASSIGNED, True, EVIL, (row,), (EVIL,), (305, 305))
    found = answer_port(Query("port", "305", 305, 305), registry())
    found = found._replace(standings={**found.standings, Transport.TCP: held}, state=held.state)
    server.port_page = lambda _: views.port(found, SITE)
    owner = Process(7, EVIL, (EVIL,), EVIL, unit=EVIL)
    server.listeners = (
        LISTENER._replace(
            owners=(owner,), user=EVIL, findings=(Finding("unknown", Level.NOTE, EVIL),)
        ),
    )
    for path in ("/305", "/here", f"/search?q={EVIL}"):
        page.goto(server.address + path)
        page.wait_for_timeout(300)
        assert page.title() != "run"
        assert page.locator("main img").count() == 0
        assert page.locator("script:not([src])").count() == 0
    page.goto(f"{server.address}/305")
    page.locator("#machine .live").get_by_text("pid 7").wait_for()
    assert page.locator("#machine img").count() == 0


# -- from files -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("files")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_service_names", lambda: ("ssh", "914c/g"))
        export(Plan(str(made), 0, 511), lambda _: None)
    return made


def test_an_export_works_from_a_folder(chromium: Any, folder: Path) -> None:
    context = chromium.new_context()
    opened = context.new_page()
    wrong = _listen(opened)
    opened.goto((folder / "index.html").as_uri())
    opened.locator("#q").fill("ssh")
    opened.locator("#hits li").first.wait_for()
    opened.keyboard.press("ArrowDown")
    opened.keyboard.press("Enter")
    opened.wait_for_url("**/services/ssh.html")
    opened.get_by_role("link", name="22", exact=True).first.click()
    opened.wait_for_url("**/22.html")
    opened.locator("a[rel=next]").first.click()
    opened.wait_for_url("**/23.html")
    opened.goto((folder / "search.html").as_uri() + "?q=secure+shell")
    opened.locator("#results li").first.wait_for()
    assert "ssh" in opened.locator("#results").inner_text()
    opened.goto((folder / "map.html").as_uri())
    opened.locator("#map svg").focus()
    opened.keyboard.press("ArrowRight")
    opened.locator("#map-now b").wait_for()
    opened.goto((folder / "services" / "914c~2fg.html").as_uri())
    assert opened.locator("h1").inner_text() == "914c/g"
    context.close()
    assert not wrong


def test_nothing_is_asked_of_another_host(chromium: Any, server: Server) -> None:
    context = chromium.new_context()
    opened = context.new_page()
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    for path in KINDS:
        opened.goto(server.address + path)
        opened.locator("#q").fill("ssh")
    assert asked
    assert all(address.startswith(f"{server.address}/") for address in asked)
    assert context.cookies() == []
    context.close()


def test_print_shows_every_tab(chromium: Any, server: Server) -> None:
    context = chromium.new_context()
    opened = context.new_page()
    opened.goto(f"{server.address}/305")
    assert opened.locator(".tab:visible").count() == 1
    opened.emulate_media(media="print")
    assert opened.locator(".tab:visible").count() == 3
    assert not opened.locator(".find").is_visible()
    context.close()
