"""Chromium, driven as a reader would: what the browser tests have in common."""

from __future__ import annotations

import contextlib
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.counts import PROOF
from tests.real.needs import need_any_program, need_file, need_module

if TYPE_CHECKING:
    from collections.abc import Iterator

AXE = Path(__file__).resolve().parents[2] / "build" / "axe" / "package" / "axe.min.js"
# No sandbox, because tests run as root; and nothing that a browser does of its own accord.
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
# What a page must never do, whatever is put into it.
_RAN = "portbookRan"
HOSTILE = (
    f"<img src=x onerror=self.{_RAN}=1>",
    f"<script>self.{_RAN}=1</script>",
    f"</title></textarea></script><svg onload=self.{_RAN}=1>",
    f"\"'><a href=javascript:self.{_RAN}=1 autofocus onfocus=self.{_RAN}=1>x</a>",
    "{{76543*98765}} ${76543*98765} <%= 76543*98765 %>",
    "\u202eevil\u2066 \x1b[31m",
)
# What a template would make of it: more digits than a port, a process or a time has.
RECKONED = str(76543 * 98765)
# In milliseconds. What a page never says costs this twice, so it is less than others wait.
_PATIENCE = 120_000


class Seen(NamedTuple):
    """What went on in a browser while a test looked on."""

    wrong: list[str]
    requests: list[str]


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """Debian's Chromium, by preference the one without a desktop browser's profiles.

    Its pages are the same, and a context costs a quarter of the processor time.
    """
    program = need_any_program("chromium-headless-shell", "chromium")
    need_module("playwright")
    with import_module("playwright.sync_api").sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_FLAGS))
        yield browser
        browser.close()


def patient(context: Any) -> Any:
    """*context*, which waits longer than a busy machine takes."""
    context.set_default_timeout(_PATIENCE)
    return context


@contextlib.contextmanager
def reader(
    browser: Any, *, refused: bool = False, width: int = 1280, **options: Any
) -> Iterator[tuple[Any, Seen]]:
    """A page in a profile of its own, and what is seen of it.

    In the end nothing may have gone wrong on it: no error of a script, no step of the policy, no
    dialog, no cookie, and nothing asked of another host. *refused* expects answers that say no.
    """
    context = patient(browser.new_context(viewport={"width": width, "height": 900}, **options))
    opened = context.new_page()
    seen = watch(context, opened, refused=refused)
    yield opened, seen
    if options.get("java_script_enabled", True):
        assert opened.evaluate(f"typeof self.{_RAN}") == "undefined"
    cookies = context.cookies()
    context.close()
    assert not seen.wrong, seen.wrong
    assert not cookies, cookies
    origins = {"/".join(each.split("/")[:3]) for each in seen.requests}
    assert len(origins) <= 1, origins


def watch(context: Any, opened: Any, *, refused: bool = False) -> Seen:
    """Begins to note what goes wrong on a page, and what it asks for."""
    seen = Seen([], [])

    def said(message: Any) -> None:
        refusal = refused and message.text.startswith("Failed to load resource: the server resp")
        if message.type in ("error", "warning") and not refusal:
            seen.wrong.append(message.text)

    def dialog(shown: Any) -> None:
        seen.wrong.append(f"a dialog: {shown.message}")
        shown.dismiss()

    opened.on("pageerror", lambda error: seen.wrong.append(str(error)))
    opened.on("console", said)
    opened.on("dialog", dialog)
    context.on("request", lambda request: seen.requests.append(request.url))
    return seen


def nothing_was_made(opened: Any) -> bool:
    """Whether no text became an element, and no template was filled in twice."""
    # Linked data is a script that no browser runs.
    script = "script:not([src]):not([type='application/ld+json'])"
    made = f"img, {script}, [onload], [onerror], [onfocus], a[href^='javascript']"
    assert opened.locator(made).count() == 0
    assert RECKONED not in opened.content()
    assert "\u202e" not in opened.locator("main").inner_text()
    return True


def shorten(opened: Any) -> None:
    """Leaves of each list and table the first dozen rows, except under make proof.

    The others are made as these are, and axe looks at each with each.
    """
    if not PROOF:
        opened.evaluate(
            "for (const rows of document.querySelectorAll('main ul, main ol, main tbody'))"
            " while (rows.children.length > 12) rows.lastElementChild.remove()"
        )


def grave(opened: Any, only: tuple[str, ...] = ()) -> list[tuple[str, list[str]]]:
    """What axe finds serious or critical on a page: its name, and the first places.

    *only* names the rules to apply; all of them, where it is empty.
    """
    axe = need_file(AXE, "axe-core is not in build/axe: .ci/run puts it there")
    # Evaluated by the debugger, which the page's policy has no say in.
    opened.evaluate(axe.read_text(encoding="utf-8"))
    return [
        (each["id"], [node["html"][:200] for node in each["nodes"]][:3])
        for each in opened.evaluate(
            "async (options) => (await axe.run(options)).violations",
            {
                "resultTypes": ["violations"],
                "preload": False,
                **({"runOnly": list(only)} if only else {}),
            },
        )
        if each["impact"] in ("serious", "critical")
    ]
