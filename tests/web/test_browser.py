"""The site in Chromium: its looks at every width, and what its scripts add."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from portbook.web.feedback.sqlite import SQLiteStore
from tests.counts import PROOF
from tests.web.browsing import HOSTILE, RECKONED, chromium, grave, reader, shorten
from tests.web.process import REAL, Running, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real

WIDTHS = (320, 768, 1280, 2560)
KINDS = (
    "/300-310",
    "/", "/305", "/80", "/300", "/8080", "/8080/practice", "/50000",
    "/services/http", "/services/xrpl",
    "/ranges/system", "/blocks", "/stats", "/changes", "/changes-2025", "/map", "/map#305",
    "/search?q=graf", "/search", "/glossary", "/glossary/reserved", "/about", "/api",
    "/feedback/thanks?port=305", "/explain", "/ports", "/services", "/services-s", "/products",
    "/common", "/topics", "/topics/refused", "/compare?ports=443,3000,8080",
)  # fmt: skip
# Between them they have every colour.
DARK = ("/", "/80", "/8080", "/services/http", "/stats", "/map#305", "/search?q=graf", "/explain")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A public site: what it shows is the book alone."""
    folder = tmp_path_factory.mktemp("site")
    with serving(folder, "--public", program=REAL) as running:
        yield running


@pytest.fixture
def page(browser: Any, site: Running) -> Iterator[Any]:
    with reader(browser) as (opened, _):
        yield opened


# -- every page -------------------------------------------------------------------------------


@pytest.mark.parametrize("width", WIDTHS if PROOF else WIDTHS[:1])
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_every_kind_of_page_fits(browser: Any, site: Running, width: int, scripts: bool) -> None:
    """Nothing makes a page scroll sideways; what is wider scrolls inside of it.

    Under make proof it is loaded at each width, else widened to each; and without scripts every
    other one.
    """
    kinds = KINDS if scripts or PROOF else KINDS[::2]
    assert kinds
    with reader(browser, width=width, java_script_enabled=scripts) as (opened, seen):
        for path in kinds:
            opened.goto(site.url + path)
            assert opened.locator("h1").is_visible()
            for present in (width,) if PROOF else WIDTHS:
                opened.set_viewport_size({"width": present, "height": 900})
                main = opened.locator("main").bounding_box()
                assert main["x"] >= 0, (path, present)
                assert main["x"] + main["width"] <= present, (path, present)
                scrolls = opened.evaluate("document.documentElement.scrollWidth")
                assert scrolls <= present, (path, present)
            opened.set_viewport_size({"width": width, "height": 900})
    assert seen.requests


@pytest.mark.parametrize("share", range(4))
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Any, site: Running, theme: str, share: int) -> None:
    paths = (*KINDS, "/99999") if PROOF or theme == "light" else DARK
    # The theme changes colours, and nothing else that axe looks at.
    only = ("color-contrast",) if theme == "dark" else ()
    some = paths[share::4]
    assert some
    with reader(browser, refused="/99999" in some, color_scheme=theme) as (opened, seen):
        for path in some:
            opened.goto(site.url + path)
            shorten(opened)
            assert not grave(opened, only=only), path
    assert seen.requests


def test_axe_finds_nothing_serious_on_a_phone(browser: Any, site: Running) -> None:
    paths = (
        "/80",
        "/map",
        "/stats",
        "/explain",
        *(("/changes", "/services/xrpl") if PROOF else ()),
    )
    with reader(browser, width=320) as (opened, _):
        for path in paths:
            opened.goto(site.url + path)
            shorten(opened)
            assert not grave(opened), path


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_an_explained_capture(
    browser: Any, site: Running, theme: str
) -> None:
    lines = (
        'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=7,fd=3))',
        'tcp LISTEN 0 128 0.0.0.0:31337 0.0.0.0:* users:(("x",pid=8,fd=3))',
        'udp UNCONN 0 0 127.0.0.1:323 0.0.0.0:* users:(("chronyd",pid=9,fd=5))',
        "nothing that ss prints",
    )
    with reader(browser, color_scheme=theme) as (opened, _):
        opened.goto(f"{site.url}/explain")
        opened.get_by_label("What the tool printed").fill("\n".join(lines))
        opened.get_by_role("button", name="Explain").click()
        opened.get_by_role("link", name="31337", exact=True).wait_for()
        assert not grave(opened)


def test_axe_finds_what_is_wrong(page: Any, site: Running) -> None:
    page.goto(f"{site.url}/305")
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert [name for name, _ in grave(page)] == ["button-name"]


def test_a_page_takes_less_than_60_kb_as_it_is_sent(browser: Any, site: Running) -> None:
    """What comes over the wire for a reader who has nothing yet, headers included."""
    for path in (
        "/", "/80", "/services/http", "/blocks", "/stats", "/changes", "/map", "/search?q=graf",
        "/explain", "/about", "/api",
    ):  # fmt: skip
        with reader(browser) as (opened, _):
            session = opened.context.new_cdp_session(opened)
            session.send("Network.enable")
            sizes: list[float] = []
            session.on(
                "Network.loadingFinished",
                lambda event, sizes=sizes: sizes.append(event["encodedDataLength"]),
            )
            opened.goto(site.url + path, wait_until="networkidle")  # all of it has loaded
            for _ in range(600):
                if len(sizes) < 3:  # it is told in a moment
                    opened.wait_for_timeout(50)
            assert len(sizes) >= 3, path
            assert sum(sizes) < 60_000, path


def test_themes_differ_and_both_can_be_read(browser: Any, site: Running) -> None:
    grounds = []
    for theme in ("light", "dark"):
        with reader(browser, color_scheme=theme) as (opened, _):
            opened.goto(f"{site.url}/305")
            grounds.append(opened.evaluate("getComputedStyle(document.body).backgroundColor"))
    light, dark = ([int(part) for part in re.findall(r"\d+", each)] for each in grounds)
    assert min(light[:3]) > 200
    assert max(dark[:3]) < 60


def test_what_has_the_focus_shows_it(page: Any, site: Running) -> None:
    """Every stop of the Tab key on the page of a port has an outline, its own or its label's."""
    page.goto(f"{site.url}/305")
    stops = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        stop, outline = page.evaluate(
            """() => {
                const at = document.activeElement;
                const style = (each) => each ? parseFloat(getComputedStyle(each).outlineWidth) : 0;
                const shown = [at, at.closest("label"), at.nextElementSibling];
                return [at.tagName + (at.id || at.textContent), Math.max(...shown.map(style))];
            }"""
        )
        if stop.startswith("BODY"):
            break
        stops.add(stop)
        assert outline >= 1, stop
    assert len(stops) > 30


def test_motion_is_reduced_where_asked(browser: Any, site: Running) -> None:
    for wanted, behaviour in (("reduce", "auto"), ("no-preference", "smooth")):
        with reader(browser, reduced_motion=wanted) as (opened, _):
            opened.goto(f"{site.url}/305")
            found = opened.evaluate("getComputedStyle(document.documentElement).scrollBehavior")
            assert found == behaviour


def test_print_shows_every_tab_and_no_forms(page: Any, site: Running) -> None:
    page.goto(f"{site.url}/305")
    assert page.locator("#check .tab:visible").count() == 1
    page.emulate_media(media="print")
    assert page.locator("#check .tab:visible").count() == 3
    for gone in (".find", "#feedback", ".copy", ".contents"):
        assert not page.locator(gone).first.is_visible()


# -- a port -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height", "most"), [(1280, 900, 520), (390, 844, 844)])
def test_the_head_of_a_page_fits_the_first_screen(
    browser: Any, site: Running, width: int, height: int, most: int
) -> None:
    """The number, the answer and the card, with what to run first and a button to copy it."""
    with reader(browser, width=width) as (opened, _):
        opened.set_viewport_size({"width": width, "height": height})
        for port in (0, 305, 443, 1023, 3000, 8080, 27374, 50000):
            opened.goto(f"{site.url}/{port}")
            card = opened.locator(".card").bounding_box()
            assert card["y"] + card["height"] <= most, port
            number = opened.evaluate(
                "parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)"
            )
            assert number >= (110 if width > 1000 else 70)
            if port:
                assert opened.locator(".card .copy:visible").count() == 1


def test_tabs_work_by_mouse_and_keyboard(page: Any, site: Running) -> None:
    page.goto(f"{site.url}/305")
    commands = page.locator("#check .tab:visible code")
    assert "ss -Hltunp 'sport = :305'" in commands.all_inner_texts()[0]
    page.locator("#check").get_by_text("Windows", exact=True).first.click()
    assert any("Get-NetTCPConnection" in text for text in commands.all_inner_texts())
    assert not any("lsof" in text for text in commands.all_inner_texts())
    page.keyboard.press("ArrowLeft")
    assert any("lsof" in text for text in commands.all_inner_texts())


@pytest.mark.parametrize(
    ("agent", "system"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", "macOS"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "Linux"),
    ],
)
def test_tabs_open_at_the_readers_system(
    browser: Any, site: Running, agent: str, system: str
) -> None:
    with reader(browser, user_agent=agent) as (opened, _):
        opened.goto(f"{site.url}/305")
        assert opened.locator(f".tabs input[value={system}]:checked").count() == 2


def test_tabs_work_without_a_script(browser: Any, site: Running) -> None:
    with reader(browser, java_script_enabled=False) as (opened, _):
        opened.goto(f"{site.url}/305")
        opened.locator("#check").get_by_text("macOS", exact=True).first.click()
        assert opened.locator("#check .tab:visible").count() == 1
        assert opened.locator("#check .tab:visible code", has_text="lsof").count() == 2
        assert opened.locator(".copy").count() == 0  # it would do nothing


def test_a_command_is_copied(browser: Any, site: Running) -> None:
    with reader(browser, permissions=["clipboard-read", "clipboard-write"]) as (opened, _):
        opened.goto(f"{site.url}/305")
        opened.locator("#check .tab:visible .copy").nth(0).click()
        opened.get_by_text("Copied", exact=True).wait_for()
        copied = opened.evaluate("navigator.clipboard.readText()")
        assert copied == opened.locator("#check .tab:visible code").nth(0).inner_text()
        assert "'sport = :305'" in copied
        # Who can't see the button hears it.
        assert opened.get_by_role("status").inner_text() == f"Copied: {copied}"


def test_keys_and_colours_are_at_the_readers_hand(page: Any, site: Running) -> None:
    """The list of keys, the field by its second key, and colours that stay chosen."""
    page.goto(f"{site.url}/map")
    assert page.locator("header nav [aria-current=page]").inner_text() == "Map"
    page.keyboard.press("Control+k")
    assert page.evaluate("document.activeElement.id") == "q"
    page.locator("#main").focus()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    keys.get_by_text("/ or Ctrl K").wait_for()
    page.keyboard.press("Escape")
    keys.wait_for(state="hidden")
    shades = []
    for name in ("light", "dark"):
        page.locator("#theme button").first.click()
        page.get_by_role("button", name=f"Colours: {name}").wait_for()
        page.reload()
        assert page.locator("html").get_attribute("data-theme") == name
        shades.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(set(shades)) == 2
    page.locator("#theme button").first.click()
    page.reload()
    page.get_by_role("button", name="Colours: as the system").wait_for()
    assert page.locator("html").get_attribute("data-theme") is None


def test_the_shelf_and_the_arrows_lead_to_other_ports(page: Any, site: Running) -> None:
    page.goto(f"{site.url}/305")
    box = page.locator(".strip").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 35.5 / 64, box["y"] + 10)
    page.locator(".shelf .pointed").get_by_text("308 novastorbakcup").wait_for()
    page.mouse.click(box["x"] + box["width"] * 35.5 / 64, box["y"] + 10)
    page.wait_for_url("**/308")
    page.keyboard.press("p")
    page.wait_for_url("**/300")
    page.keyboard.press("n")
    page.wait_for_url("**/308")
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**/309")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**/308")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_vote_is_given_and_kept(browser: Any, site: Running, scripts: bool) -> None:
    said = f"more on this {HOSTILE[0]} {HOSTILE[1]}"
    with reader(browser, java_script_enabled=scripts) as (opened, _):
        opened.goto(f"{site.url}/305")
        opened.get_by_label("Anything missing or wrong?").fill(said)
        opened.get_by_role("button", name="Partly").click()  # one click sends it
        opened.wait_for_url("**/feedback/thanks?port=305")
        assert opened.locator("h1").inner_text() == "Thank you"
        opened.get_by_role("link", name="Back to port 305").click()
        opened.wait_for_url("**/305")
    store = SQLiteStore(str(site.folder / "portbook" / "feedback.sqlite3"))
    try:
        last = list(store.votes())[-1]
    finally:
        store.close()
    assert (last.page, last.vote, last.text) == ("305", "partly", said)


# -- search -----------------------------------------------------------------------------------


def test_search_as_you_type(page: Any, site: Running) -> None:
    page.goto(f"{site.url}/305")
    page.keyboard.press("/")
    page.keyboard.type("postgres")
    page.locator("#hits li").first.wait_for()
    assert "5432" in page.locator("#hits li").first.inner_text()
    shown = page.locator("#hits li").count()
    assert page.get_by_role("status").inner_text().startswith(f"{shown} match")
    page.keyboard.press("ArrowDown")
    assert page.locator("#hits [aria-selected=true]").count() == 1
    assert page.locator("#q").get_attribute("aria-activedescendant") == "hit-0"
    page.keyboard.press("Escape")
    assert page.locator("#hits").is_hidden()
    assert page.locator("#q").input_value() == "postgres"
    page.keyboard.type("q")
    page.locator("#hits li").first.wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/(services/postgresql|5432)$"))


@pytest.mark.parametrize(("typed", "where"), [("8080", "8080"), (":443", "443"), ("53/udp", "53")])
def test_a_number_goes_straight_to_its_page(
    page: Any, site: Running, typed: str, where: str
) -> None:
    page.goto(f"{site.url}/map")
    page.locator("#q").fill(typed)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{where}")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_words_are_searched_by_the_server(browser: Any, site: Running, scripts: bool) -> None:
    with reader(browser, java_script_enabled=scripts) as (opened, _):
        opened.goto(site.url)
        opened.locator("#q").fill("network time")
        opened.keyboard.press("Enter")
        opened.wait_for_url("**/search?q=network+time")
        assert opened.locator(".results").get_by_text("ntp", exact=True).count()
        opened.locator("#q").fill("305")
        opened.get_by_role("button", name="Search").click()
        opened.wait_for_url("**/305")


def test_products_are_found(page: Any, site: Running) -> None:
    page.goto(site.url)
    page.locator("#q").fill("grafana")
    page.locator("#hits li", has_text="3000").first.click()
    page.wait_for_url("**/3000")


@pytest.mark.parametrize("said", HOSTILE)
def test_what_was_searched_for_is_only_text(page: Any, site: Running, said: str) -> None:
    page.goto(site.url)
    page.locator("#q").fill(said)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=*")
    page.wait_for_load_state("networkidle")
    assert page.locator("main img, main svg, main a[href^=javascript]").count() == 0
    assert RECKONED not in page.locator("main").inner_text()


# -- what another tool printed ----------------------------------------------------------------


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_capture_is_explained_and_hostile_names_in_it_run_nothing(
    browser: Any, site: Running, scripts: bool
) -> None:
    lines = [
        f'tcp LISTEN 0 128 0.0.0.0:{port} 0.0.0.0:* users:(("{name}",pid={port},fd=3))'
        for port, name in enumerate(HOSTILE[:3], 5430)
    ]
    with reader(browser, width=320, java_script_enabled=scripts) as (opened, _):
        opened.goto(f"{site.url}/explain")
        opened.get_by_label("What the tool printed").fill("\n".join([*lines, *HOSTILE]))
        opened.get_by_role("button", name="Explain").click()
        opened.get_by_role("link", name="5432", exact=True).wait_for()
        assert HOSTILE[1] in opened.locator("main").inner_text()
        assert opened.locator("main img, main svg, main [onload], main [onerror]").count() == 0
        assert opened.locator("main").bounding_box()["width"] <= 320


# -- the map ----------------------------------------------------------------------------------


def test_the_map_by_keyboard(page: Any, site: Running) -> None:
    page.goto(f"{site.url}/map#305")
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


def test_the_map_by_mouse(page: Any, site: Running) -> None:
    page.goto(f"{site.url}/map")
    picture = page.locator("#map svg")
    box = picture.bounding_box()
    x = box["x"] + box["width"] * 22.5 / 256
    y = box["y"] + box["height"] * 0.5 / 256
    page.mouse.move(x, y)
    page.locator("#map-now").get_by_text("assigned: ssh").wait_for()
    assert page.locator("#map .pointed").inner_text() == "22 ssh"  # beside the pointer as well
    assert page.locator("#map .pins").get_by_text("27017 mongodb").is_visible()
    page.get_by_label("Used in practice").check()
    page.wait_for_function(
        "document.querySelector('path.practised').getAttribute('d')?.length > 9999"
    )
    page.mouse.move(x, y)
    page.mouse.wheel(0, -200)
    assert float(picture.get_attribute("viewBox").split()[2]) < 256
    page.get_by_role("button", name="All of it").click()
    page.get_by_role("button", name="Closer").click()
    assert picture.get_attribute("viewBox").split()[2] == "128"
    page.get_by_role("button", name="Farther").click()
    assert picture.get_attribute("viewBox") == "0 0 256 256"
    page.mouse.click(x, y)
    page.wait_for_url("**/22")


def test_the_map_by_finger(browser: Any, site: Running) -> None:
    """A tap tells what it points at; the number beside the map opens it."""
    with reader(browser, width=320, has_touch=True, is_mobile=True) as (opened, _):
        opened.goto(f"{site.url}/map")
        opened.locator("#map svg").scroll_into_view_if_needed()
        box = opened.locator("#map svg").bounding_box()
        opened.touchscreen.tap(
            box["x"] + box["width"] * 22.5 / 256, box["y"] + box["height"] * 0.5 / 256
        )
        opened.locator("#map-now").get_by_text("assigned: ssh").wait_for()
        assert opened.url == f"{site.url}/map"
        opened.get_by_role("link", name="Port 22", exact=True).click()
        opened.wait_for_url("**/22")


def test_a_port_in_the_address_is_told_at_once(page: Any, site: Running) -> None:
    """No touch is needed: on loading, and where only the fragment changes."""
    page.goto(f"{site.url}/map#305")
    now = page.locator("#map-now")
    now.get_by_text("unassigned").wait_for()
    assert now.locator("b").inner_text() == "305"
    assert page.locator("#map .cursor").get_attribute("visibility") == "visible"
    view = page.locator("#map svg").get_attribute("viewBox")
    page.evaluate("location.hash = '443'")
    now.get_by_text("assigned: https").wait_for()
    assert page.locator("#map svg").get_attribute("viewBox").split()[2] == view.split()[2]
    for nonsense in ("70000", "x", ""):
        page.evaluate(f"location.hash = {nonsense!r}")
    assert now.locator("b").inner_text() == "443"


def test_the_map_by_two_fingers(browser: Any, site: Running) -> None:
    """Fingers that part enlarge the map, and what was between them stays there."""
    with reader(browser, width=320, has_touch=True, is_mobile=True) as (opened, _):
        opened.goto(f"{site.url}/map")
        picture = opened.locator("#map svg")
        picture.scroll_into_view_if_needed()
        box = picture.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        session = opened.context.new_cdp_session(opened)

        def touch(kind: str, *apart: float) -> None:
            points = [{"x": x + way * each, "y": y, "id": way} for each in apart for way in (-1, 1)]
            session.send(
                "Input.dispatchTouchEvent",
                {"type": kind, "touchPoints": [{**each, "id": each["id"] + 1} for each in points]},
            )

        def view() -> list[float]:
            return [float(each) for each in picture.get_attribute("viewBox").split()]

        touch("touchStart", 20)
        for apart in (30, 45, 60):
            touch("touchMove", apart)
        assert view()[2] == pytest.approx(256 / 3, abs=2)
        assert view()[0] + view()[2] / 2 == pytest.approx(128, abs=2)
        touch("touchMove", 20)
        assert view() == [0, 0, 256, 256]
        touch("touchMove", 80)
        touch("touchEnd")
        closer = view()[2]
        assert closer == pytest.approx(64, abs=2)
        assert opened.url == f"{site.url}/map"
        assert opened.evaluate("visualViewport.scale") == 1
        # One finger moves what is near, and a tap tells again what it points at.
        opened.touchscreen.tap(x, y)
        opened.locator("#map-now b").wait_for()
        assert view()[2] == closer


def test_the_map_is_a_table_without_a_script(browser: Any, site: Running) -> None:
    with reader(browser, java_script_enabled=False) as (opened, _):
        opened.goto(f"{site.url}/map")
        assert opened.locator("#map image").is_visible()
        assert not opened.get_by_role("button", name="Closer").is_visible()
        assert opened.get_by_role("row").count() == 17
