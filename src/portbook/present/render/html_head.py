"""The head of a port's page as HTML: what stands in the cells of its card."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from portbook.present import document as doc
from portbook.present.render.html_text import escape, typeset

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portbook.model import Neighbour, State, Transport
    from portbook.present.port.head import Head
    from portbook.present.render.html_text import Links


_STATE = re.compile("(?:Una|A)ssigned\\b|Reserved\\b|Dynamic\\b")


@lru_cache(maxsize=256)
def states(of: tuple[tuple[Transport, State, bool], ...]) -> str:
    """A cell a transport: its state, and whether the registry has a row for it."""
    return "".join(
        f'<li class="s-{state}">{str(transport).upper()}<span class="unseen"> {state}'
        f"{'' if listed else ', not listed'}</span></li>"
        for transport, state, listed in of
    )


def head_cells(head: Head, names: Iterable[str], to: Links) -> tuple[str, str]:
    """What IANA says and what is done in practice; the first of *names* leads to its page."""
    registry = typeset(head.registry)
    for name in names:
        shown = typeset(name)
        if registry.startswith(shown):
            linked_name = f'<a href="{escape(to.service(name))}">{shown}</a>'
            registry = linked_name + registry.removeprefix(shown)
            break
    state = _STATE.match(registry)
    if state:  # what the word means
        page = to.page(f"glossary/{state[0].lower()}")
        registry = f'<a href="{page}">{state[0]}</a>{registry[state.end() :]}'
    practice = f"<p>{typeset(head.practice)}</p>" if head.practice else ""
    marks = "".join([
        f'<p class="mark-{label.lower()}"><b>{label}</b> {typeset(text)}</p>'
        for label, text in head.marks
    ])  # fmt: skip
    return f"<p>{registry}</p>", practice + marks


def farther(nearest: Sequence[Neighbour], beside: int, to: Links) -> str:
    """A link to the nearest assigned port, unless it is the one *beside* the page's own."""
    if not nearest or nearest[0].port == beside:
        return ""
    near = nearest[0]
    name = escape(near.service_names[0] if near.service_names else "assigned")
    rel, shown = "later", f"{near.port} {name} ⇥"
    if near.port < beside:
        rel, shown = "earlier", f"⇤ {near.port} {name}"
    title = "The nearest assigned port"
    return f'<a data-turn="{rel}" title="{title}" href="{to.port(near.port)}">{shown}</a>'


def quick_check(item: doc.Checks) -> str:
    """The first command of each system, a tab each, of the page's head."""
    return _quick(item.commands, tuple([system for system, _ in item.proofs])).replace(
        doc.PORT, str(item.port)
    )


@lru_cache(maxsize=8)
def _quick(commands: tuple[doc.Command, ...], systems: tuple[str, ...]) -> str:
    first = [
        (
            system,
            next(
                each.command
                for each in commands
                if system in each.systems and each.about.startswith("tcp")
            ),
        )
        for system in systems
    ]
    labels = "".join(
        f'<input type="radio" name="quick" id="at-{at}" value="{escape(system)}"'
        f'{" checked" if at == 1 else ""}><label for="at-{at}">{escape(system)}</label>\n'
        for at, (system, _) in enumerate(first, 1)
    )
    tabs = "".join(
        f'<div class="tab"><pre tabindex="0"><code>{escape(command)}</code></pre></div>\n'
        for _, command in first
    )
    return f'<div class="tabs quick">\n{labels}{tabs}</div>\n'
