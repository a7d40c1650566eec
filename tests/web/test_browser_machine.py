"""This machine in Chromium: the panel, the list, the token, and names that mean harm."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.real.needs import need, need_program
from tests.web.browsing import HOSTILE, chromium, grave, nothing_was_made, patient, reader
from tests.web.hostile import evil_process, spoiled_site
from tests.web.process import REAL, Running, environ, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The servers, the browser and what is opened share a network in which nothing else listens, so
# none of them may be another module's.
pytestmark = [pytest.mark.real, pytest.mark.usefixtures("network_of_module")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def as_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    need(os.geteuid() == 0, "the token is root's")
    with serving(tmp_path_factory.mktemp("root"), program=REAL) as running:
        assert running.token
        yield running


@pytest.fixture(scope="module")
def as_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server of a user who isn't root, whoever runs the tests."""
    program: tuple[str, ...] = REAL
    if os.geteuid() == 0:
        need_program("setpriv")
        program = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *REAL)
    folder = tmp_path_factory.mktemp("user")
    folder.chmod(0o777)
    with serving(folder, program=program) as running:
        assert running.token is None
        yield running


@contextlib.contextmanager
def _listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def _free_port() -> int:
    with _listening() as port:
        return port


def _wait_until_followed(page: Any) -> None:
    """News of another socket may take the place of the words that say so, at once."""
    said = re.compile(r"^Live|:\d+ (was opened|was closed|has changed)\.$")
    page.locator("#here-news", has_text=said).wait_for()


# -- as a user --------------------------------------------------------------------------------


def test_the_panel_shows_what_listens_and_follows_it(browser: Any, as_user: Running) -> None:
    with reader(browser) as (opened, _), socket.socket() as later:
        later.bind(("127.0.0.1", 0))
        port = later.getsockname()[1]
        opened.goto(f"{as_user.url}/{port}")
        live = opened.locator("#machine .live")
        command = opened.locator("#machine code")
        live.get_by_text(f"{port}/tcp is bound on 127.0.0.1, but nothing listens").or_(
            live.get_by_text("Free on this machine")
        ).wait_for()
        later.listen()
        live.get_by_text(f"{port}/tcp is in use on 127.0.0.1, by ").wait_for()
        live.get_by_text("Reachable from this machine only.").wait_for()
        assert command.inner_text() in (f"portbook stop {port}", f"sudo portbook {port}")
        verdict = opened.locator("#verdict")
        verdict.locator("summary").click()
        verdict.get_by_text(f"tcp 127.0.0.1:{port} listens, this machine only").wait_for()
        verdict.get_by_text("loopback-only").wait_for()
        later.close()
        live.get_by_text("Free on this machine").wait_for()
        assert command.inner_text() == f"portbook {port}"


def test_portbook_knows_its_own_port(browser: Any, as_user: Running) -> None:
    with reader(browser) as (opened, _):
        opened.goto(f"{as_user.url}/{as_user.port}")
        opened.get_by_text("This is portbook:").wait_for()
        assert opened.locator("#machine code").inner_text() == f"portbook {as_user.port}"


def test_the_map_shows_what_listens_here(browser: Any, as_user: Running) -> None:
    with reader(browser) as (opened, _), _listening() as port:
        opened.goto(f"{as_user.url}/map")
        shown = opened.locator("#map-here")
        shown.get_by_role("link", name=str(port), exact=True).wait_for()
        assert opened.locator("#map .rings circle").count() == shown.locator("li").count()
        x, y = opened.locator("#map .rings circle").evaluate_all(
            "(all, port) => all.map((one) => [one.cx.baseVal.value, one.cy.baseVal.value])"
            ".find(([x, y]) => (y - 0.5) * 256 + x - 0.5 === port)",
            port,
        )
        assert (y - 0.5) * 256 + x - 0.5 == port
        assert not grave(opened)


def test_a_pasted_token_opens_this_machine(browser: Any, as_root: Running) -> None:
    with reader(browser) as (opened, _):
        opened.goto(f"{as_root.url}/305")
        opened.get_by_label("Token").fill(str(as_root.token))
        opened.get_by_role("button", name="Open").click()
        opened.wait_for_url("**/here")
        opened.locator("#here-count").wait_for()
        opened.goto(f"{as_root.url}/305")
        opened.locator("#machine .live").get_by_text("Free on this machine").wait_for()


@pytest.fixture
def limited() -> Iterator[int]:
    """A port in a network that a rule lets in only so often; the namespace is the tests' own."""
    need_program("nft", "ip")
    rules = "table inet drawn {\nchain in { type filter hook input priority 0; policy accept;\n"
    with socket.create_server(("0.0.0.0", 0)) as listener:
        port = listener.getsockname()[1]
        rules += f"tcp dport {port} limit rate over 3/second drop\n}}\n}}\n"
        add = "ip link add drawn0 type veth peer name drawn1"
        subprocess.run(add.split(), check=True)
        try:
            for words in (
                "addr add 192.0.2.7/24 dev drawn0", "link set drawn0 up", "link set drawn1 up",
            ):  # fmt: skip
                subprocess.run(["ip", *words.split()], check=True)
            subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
            yield port
        finally:
            subprocess.run(["nft", "delete", "table", "inet", "drawn"], check=False)
            subprocess.run(["ip", "link", "del", "drawn0"], check=True)


def test_the_panel_says_where_it_can_not_tell(browser: Any, as_root: Running, limited: int) -> None:
    with reader(browser, refused=True) as (opened, _):
        opened.goto(f"{as_root.url}/here?token={as_root.token}")
        opened.wait_for_url("**/here")
        opened.goto(f"{as_root.url}/{limited}")
        live = opened.locator("#machine .live")
        live.get_by_text(
            "Can't tell from where it can be reached: it depends on a firewall rule (tcp dport "
            f"{limited} limit"
        ).wait_for()


def test_the_search_shows_what_the_owners_notes_have(
    browser: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It comes from an address of this machine, and what is in it is only text."""
    folder = tmp_path_factory.mktemp("noted")
    path = folder / "ports.toml"
    said = HOSTILE[0].replace('"', "")
    path.write_text(f"[[port]]\nport = '8306-8309'\nlabel = 'shop API'\nnote = '{said}'\n")
    path.chmod(0o644)
    with serving(folder, program=REAL, PORTBOOK_NOTES=str(path)) as running:
        with reader(browser, width=320) as (opened, _):
            if running.token is not None:
                opened.goto(f"{running.url}/here?token={running.token}")
            opened.goto(f"{running.url}/search?q=shop+api")
            opened.get_by_role("heading", name="Notes on this machine").wait_for()
            assert said in opened.locator("#own").inner_text()
            opened.wait_for_timeout(300)  # nothing else changes what the server said
            assert opened.locator("h1").inner_text() == "Nothing is called “shop api”"
            assert opened.locator("#own li").count() == 1
            assert opened.locator("#own img").count() == 0
            assert opened.evaluate("document.documentElement.scrollWidth") <= 320
            assert not grave(opened)
            opened.get_by_role("link", name="8306–8309").click()
            opened.wait_for_url("**/8306")
        if running.token is not None:  # whoever has no token gets the book's answer alone
            with reader(browser) as (opened, seen):
                opened.goto(f"{running.url}/search?q=shop+api")
                opened.wait_for_load_state("networkidle")
                assert not [each for each in seen.requests if "/here/" in each]
                assert not opened.locator("#own").is_visible()


def test_the_panel_says_whose_a_note_is(
    browser: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("project")
    program = ("env", "-u", "PORTBOOK_NOTES", f"HOME={folder}", *REAL)
    with _listening() as port:
        path = folder / "portbook.toml"
        path.write_text(f"[[port]]\nport = {port}\nlabel = 'shop <b>API'\n")
        path.chmod(0o644)
        with serving(folder, program=program) as running, reader(browser) as (opened, _):
            if running.token is not None:
                opened.goto(f"{running.url}/here?token={running.token}")
            opened.goto(f"{running.url}/{port}")
            live = opened.locator("#machine .live")
            live.get_by_text("Project note, not trusted: shop <b>API").wait_for()
            subprocess.run(
                [*program, "notes", "trust", str(path)],
                env=environ(folder),
                cwd=folder,
                check=True,
                capture_output=True,
            )
            opened.reload()
            live.get_by_text("Project note: shop <b>API").wait_for()


def test_the_list_follows_what_opens_and_closes(browser: Any, as_user: Running) -> None:
    with reader(browser) as (opened, _):
        opened.goto(as_user.url)
        opened.get_by_role("link", name="This machine", exact=True).click()
        opened.wait_for_url("**/here")
        _wait_until_followed(opened)
        own = opened.locator("tr", has_text=f"127.0.0.1:{as_user.port}")
        own.get_by_text("this is portbook").click()
        assert not grave(opened)
        with _listening() as port:
            row = opened.locator("tr", has_text=f"tcp 127.0.0.1:{port}")
            opened.locator("tr.new", has_text=f"tcp 127.0.0.1:{port}").wait_for()  # for 10 s
            # Other sockets of the machine come and go meanwhile: the news may be of one of those.
            said = re.compile(r":\d+ (was opened|was closed|has changed)\.$")
            opened.locator("#here-news", has_text=said).wait_for()
            counted, shown = opened.evaluate(
                "[parseInt(document.getElementById('here-count').textContent),"
                " document.querySelectorAll('tr[data-socket]').length]"
            )
            assert counted == shown
            # What was opened stays open, and a choice of levels hides the others' rows alone.
            own.get_by_text("loopback-only").wait_for()
            opened.get_by_label("ok", exact=True).check()
            assert own.is_visible()
            opened.get_by_label("alert", exact=True).check()
            own.wait_for(state="hidden")
            opened.get_by_label("all", exact=True).check()
        row.wait_for(state="detached")
        assert opened.evaluate("document.documentElement.scrollWidth") <= 1280


# A stream that hears nothing, and a look whose answer never comes.
_DEAF = "self.EventSource = class extends EventTarget { readyState = 1; close() {} }"
_SHORT = "AbortSignal.timeout = (wait => () => wait.call(AbortSignal, 100))(AbortSignal.timeout)"


@pytest.mark.parametrize("script", [_DEAF, _DEAF + ";" + _SHORT])
def test_a_connection_that_died_in_silence_leaves_no_old_list(
    browser: Any, as_user: Running, script: str
) -> None:
    unanswered = _SHORT in script
    with reader(browser) as (opened, _):
        opened.clock.install()
        opened.add_init_script(script)
        opened.goto(f"{as_user.url}/here")
        if unanswered:
            held: list[Any] = []

            def hold(route: Any) -> None:
                held.append(route)

            opened.route(re.compile(r"/here$"), hold)
            opened.clock.fast_forward(76_000)
            opened.get_by_text("portbook doesn’t answer").wait_for()
            opened.unroute_all(behavior="ignoreErrors")
            assert held
        with _listening() as port:
            row = opened.locator("tr", has_text=f"tcp 127.0.0.1:{port}")
            assert row.count() == 0
            opened.clock.fast_forward(76_000)
            row.wait_for()
        opened.clock.fast_forward(76_000)
        row.wait_for(state="detached")


@pytest.mark.parametrize("where", ["here", "305"])
def test_what_a_busy_server_refused_is_asked_again(
    browser: Any, as_user: Running, where: str
) -> None:
    """Though nothing opens or closes meanwhile."""
    refusals: list[str] = []

    def refuse_once(route: Any) -> None:
        if route.request.resource_type != "fetch" or refusals:
            route.continue_()
        else:
            refusals.append(route.request.url)
            route.fulfill(status=503, body="busy")

    with reader(browser, refused=True) as (opened, _):
        opened.route(re.compile(r"/here(/305\.json)?$"), refuse_once)
        opened.goto(f"{as_user.url}/{where}")
        opened.get_by_text(re.compile("could not be read")).wait_for()
        with opened.expect_response(re.compile(r"/here(/305\.json)?$")) as again:
            pass
        assert again.value.ok
    assert refusals


def test_the_list_can_be_read_without_a_script(browser: Any, as_user: Running) -> None:
    with reader(browser, java_script_enabled=False, width=320) as (opened, _), _listening() as port:
        opened.goto(f"{as_user.url}/305")
        opened.get_by_role("link", name="The list of everything that listens").click()
        opened.wait_for_url("**/here")
        assert opened.locator("tr", has_text=f"tcp 127.0.0.1:{port}").count() == 1
        assert opened.locator("main").bounding_box()["width"] <= 320


def test_another_page_of_the_browser_sees_nothing(browser: Any, as_user: Running) -> None:
    """A page that somebody else serves on this machine asks for it in every way there is."""
    ways = """async (address) => {
        const said = [];
        for (const mode of ["cors", "no-cors"])
            said.push(await fetch(address + "/here.json", { mode })
                .then(async (answer) => answer.type + (await answer.text()), () => "refused"));
        said.push(await new Promise((resolve) => {
            const events = new EventSource(address + "/here/events");
            events.addEventListener("state", () => resolve("heard"));
            events.onerror = () => { events.close(); resolve("refused"); };
        }));
        const script = document.createElement("script");
        script.src = address + "/here.json";
        said.push(await new Promise((resolve) => {
            script.onload = () => resolve("loaded"); script.onerror = () => resolve("refused");
            document.head.append(script);
        }));
        return said;
    }"""
    served = subprocess.Popen(
        [sys.executable, "-m", "http.server", "0", "--bind", "127.0.0.1"],
        cwd=as_user.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        assert served.stdout is not None
        port = int(served.stdout.readline().partition(" port ")[2].split()[0])
        context = patient(browser.new_context())
        opened = context.new_page()
        opened.goto(f"http://127.0.0.1:{port}/")
        assert set(opened.evaluate(ways, as_user.url)) == {"refused"}
        context.close()
    finally:
        served.kill()
        served.communicate()


# -- as root ----------------------------------------------------------------------------------


def test_the_printed_address_opens_this_machine(browser: Any, as_root: Running) -> None:
    with reader(browser, refused=True) as (opened, seen), _listening() as port:
        opened.goto(f"{as_root.url}/here?token={as_root.token}")
        opened.wait_for_url("**/here")  # the token is out of the address bar
        row = opened.locator("tr", has_text=f"tcp 127.0.0.1:{port}")
        assert row.count() == 1
        _wait_until_followed(opened)
        with _listening() as later:
            opened.locator("tr", has_text=f"tcp 127.0.0.1:{later}").wait_for()
        # On to the page of a port, which asks with the token, and back by the site's own link.
        row.get_by_role("link").click()
        opened.wait_for_url(f"**/{port}")
        opened.locator("#machine .live").get_by_text(f"{port}/tcp is in use").wait_for()
        opened.get_by_role("link", name="This machine", exact=True).click()
        opened.wait_for_url("**/here")
        assert row.count() == 1
        # Loaded anew, and by the browser's own way back.
        opened.reload()
        row.wait_for()
        opened.goto(f"{as_root.url}/305")
        opened.go_back()
        row.wait_for()
        assert opened.url == f"{as_root.url}/here"
        assert not grave(opened)
    # It goes where it has to and nowhere else: never to a page of the book.
    with_token = [each for each in seen.requests if str(as_root.token) in each]
    assert with_token
    assert all(each.startswith(f"{as_root.url}/here") for each in with_token)


def test_the_printed_address_works_without_a_script(browser: Any, as_root: Running) -> None:
    with reader(browser, java_script_enabled=False) as (opened, _), _listening() as port:
        opened.goto(f"{as_root.url}/here?token={as_root.token}")
        assert opened.locator("tr", has_text=f"tcp 127.0.0.1:{port}").count() == 1


def test_without_the_token_nothing_is_shown(browser: Any, as_root: Running) -> None:
    with reader(browser, refused=True) as (opened, seen):
        opened.goto(f"{as_root.url}/305")
        opened.locator("#machine .live").get_by_text("with a token that it printed").wait_for()
        # The page says so of itself: nothing is asked that would only be refused.
        assert not [each for each in seen.requests if "/here/" in each]
        opened.get_by_role("link", name="This machine", exact=True).click()
        opened.get_by_text("Open the address that portbook serve printed").wait_for()
        assert opened.locator("table").count() == 0
        assert not grave(opened)


def test_an_old_token_is_told_from_none(browser: Any, as_root: Running) -> None:
    """As a tab has it that outlived a server; and it asks once, not for ever."""
    with reader(browser, refused=True) as (opened, seen):
        opened.goto(f"{as_root.url}/305?token=old")
        opened.wait_for_url("**/305")
        opened.locator("#machine .live").get_by_text("was started anew").wait_for()
        opened.goto(f"{as_root.url}/here?token=old")
        opened.get_by_text(re.compile("The one given isn.t this server.s")).wait_for()
        assert len([each for each in seen.requests if "/here?" in each]) == 1


def test_a_server_that_was_started_anew(browser: Any, tmp_path: Path) -> None:
    """What a tab says that was left open: first that nobody answers, then why it is refused."""
    need(os.geteuid() == 0, "the token is root's")
    context = patient(browser.new_context())
    listed, panel = context.new_page(), context.new_page()
    with serving(tmp_path, program=REAL) as first:
        listed.goto(f"{first.url}/here?token={first.token}")
        _wait_until_followed(listed)
        panel.goto(f"{first.url}/305?token={first.token}")
        panel.locator("#machine .live").get_by_text("Free on this machine").wait_for()
    silent = "portbook doesn’t answer"
    listed.locator("#here-news", has_text=silent).wait_for()
    panel.locator("#machine .live", has_text=silent).wait_for()
    with serving(tmp_path, "--port", str(first.port), program=REAL) as second:
        assert second.port == first.port
        for each in (listed, panel):
            each.get_by_text("portbook was started anew since this tab was opened").wait_for()
    context.close()


# -- hostile text -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A copy of portbook whose registry and lore were written by somebody who means harm."""
    evil = " ".join(HOSTILE).translate(dict.fromkeys(range(32)))
    folder = tmp_path_factory.mktemp("hostile")
    texts = dict.fromkeys(("22", "3000", "306"), evil)
    with spoiled_site(folder, texts, "--show-commands") as running:
        yield running


@pytest.fixture(scope="module")
def evil_listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with evil_process(tmp_path_factory.mktemp("named")) as port:
        yield port


def test_hostile_text_is_shown_and_runs_nothing(
    browser: Any, hostile: Running, evil_listener: int
) -> None:
    asked = f"?token={hostile.token}" if hostile.token else ""
    with reader(browser) as (opened, _):
        opened.goto(f"{hostile.url}/here{asked}")
        row = opened.locator("tr", has_text=f":{evil_listener}")
        row.wait_for()
        assert HOSTILE[0] in row.inner_text()  # shown for what it is
        assert HOSTILE[1] in row.inner_text()
        assert nothing_was_made(opened)
        with _listening() as later:  # read anew by the script
            opened.locator("tr", has_text=f":{later}").wait_for()
            assert nothing_was_made(opened)
        opened.goto(f"{hostile.url}/{evil_listener}")
        opened.locator("#machine .live", has_text="is in use").wait_for()
        opened.locator("#verdict summary").click()
        opened.locator("#verdict", has_text=HOSTILE[0]).wait_for()
        assert nothing_was_made(opened)
        for path in (
            "/22",
            "/3000",
            "/306",
            "/305",
            "/services/ssh",
            "/search?q=onerror",
            "/stats",
        ):
            opened.goto(hostile.url + path, wait_until="load")
            opened.wait_for_timeout(100)
            assert nothing_was_made(opened)
        opened.goto(f"{hostile.url}/22")
        assert HOSTILE[1] in opened.locator("main").inner_text()
        opened.locator("#q").fill("onerror")
        opened.locator("#hits li").first.wait_for()
        assert nothing_was_made(opened)
        opened.goto(f"{hostile.url}/map#22")
        opened.locator("#map svg").focus()
        opened.locator("#map-now", has_text="assigned").wait_for()
        assert nothing_was_made(opened)
