"""Ports whose files are alike but for numbers: what one says is filled in for the next.

Nine ports in ten are in a gap or among the Dynamic Ports, with nothing on record that isn't on
record of the port beside them. Their files differ in the number, in what is made of it (the ports
beside it, its bytes), and in the picture of the ports around it. The files of one such port are
taken apart where these stand. Those of the next are printed whole as well, and only where the
parts make the same of it, byte for byte, are they filled in for further ones.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from portbook.model import Neighbour, State
from portbook.present.port.on_record import is_own_site
from portbook.present.port.special import title_of_special

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping

    from portbook.app.port_lookup import PortAnswer

_TRIES = 4  # whose own numbers stand there for something else as well, is no specimen
_FIRST_USER = 1024
_NOBODY = Neighbour(0, (), None)
_PLAIN = (None, "Unassigned")  # the registry's words that say nothing of one port


class Forms(NamedTuple):
    """The files of a port, as text."""

    html: str
    json: str
    text: str


class Alike:
    """The files of the ports of a whole site, which *printed* prints, of one port after the other.

    *strip* is the picture of the ports around one, as its page has it.
    """

    def __init__(self, printed: Callable[[PortAnswer], Forms], strip: Callable[[int], str]) -> None:
        self._printed = printed
        self._strip = strip
        self._block: object = None
        self._kinds: dict[Hashable, _Kind] = {}

    def forms(self, answer: PortAnswer) -> Forms:
        """The files of *answer*, a whole answer without this machine."""
        if not _is_plain(answer):
            return self._printed(answer)
        if answer.block != self._block:  # the ports before it are done with
            self._block = answer.block
            self._kinds.clear()
        strip = self._strip(answer.port)
        key, facts = _key(answer, strip), _facts(answer)
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = _Kind(facts)
        elif kind.facts != facts:
            if kind.proved:
                return self._printed(answer)
            kind = self._kinds[key] = _Kind(facts)
        numbers = _numbers(answer, strip)
        if kind.proved and kind.parts is not None:
            return _filled(kind.parts, numbers)
        forms = self._printed(answer)
        if kind.parts is not None:
            kind.proved = _filled(kind.parts, numbers) == forms
        if not kind.proved:
            kind.parts = _taken_apart(forms, numbers) if kind.tries else None
            kind.tries -= bool(kind.tries)
        return forms


class _Kind:
    """Ports of the same *facts*: the parts of their files, and whether a second one has them."""

    def __init__(self, facts: object) -> None:
        self.facts = facts
        self.parts: tuple[tuple[str, ...], ...] | None = None
        self.proved = False
        self.tries = _TRIES


def _is_plain(answer: PortAnswer) -> bool:
    """Whether no sentence on the port is about its very number."""
    near = answer.related
    return (
        answer.state in (State.UNASSIGNED, State.DYNAMIC)
        and near is not None
        and answer.host is None
        and answer.port >= _FIRST_USER
        and not (near.ties or near.swapped.service_names or near.swapped.description)
        and near.swapped.port != answer.port
        and not (answer.programs or answer.services or answer.history)
        and all(one.text in _PLAIN and not one.notes for one in answer.standings.values())
        and not is_own_site(answer)
        and title_of_special(answer.port) is None
    )


def _key(answer: PortAnswer, strip: str) -> Hashable:
    """What of a port's number its files depend on, beside the number itself."""
    port, near = answer.port, answer.related
    assert near is not None
    return (
        len(str(port)),
        len(str(near.swapped.port)),  # lines are wrapped
        not strip,
        bool(answer.before) and answer.before[0].port == port - 1,
        bool(answer.after) and answer.after[0].port == port + 1,
        tuple([rule.hands_out(port) for rule in answer.systems]),
        near.swapped_state,
        # What else is told apart by its facts alone: the most of them print their own.
        tuple([(use.first, use.product) for use in answer.uses]),
        len(answer.abuse),
    )


def _facts(answer: PortAnswer) -> object:
    """All of *answer* but its number, and what is made of it."""
    near = answer.related
    assert near is not None
    # Of these two, nothing else of the answer is made.
    without: dict[str, Any] = {"query": None, "related": near._replace(swapped=_NOBODY)}
    return answer._replace(port=0, **without)


def _numbers(answer: PortAnswer, strip: str) -> Mapping[str, str]:
    """What stands in the files of a port alone, by what it is."""
    port, near = answer.port, answer.related
    assert near is not None
    return {
        "port": str(port),
        "before": str(port - 1),
        "after": str(port + 1),
        "bytes": f"0x{port:04x}",
        "swapped": str(near.swapped.port),
        "place": f'"place":{port - answer.range.first + 1}',
        "strip": strip,
    }


# What may be a number of a port's own; the mark stands for the picture while a page is taken apart.
_MARK = "\0"
_NUMBER = re.compile(r'("place":[0-9]+|\b0x[0-9a-f]{4}\b|\b[0-9]+\b|\0)')


def _taken_apart(forms: Forms, numbers: Mapping[str, str]) -> tuple[tuple[str, ...], ...] | None:
    """*forms* in parts: text, and in every other place the name of what stands there.

    None where one of *numbers* may stand for another.
    """
    strip = numbers["strip"]
    names = {text: name for name, text in numbers.items() if name != "strip"}
    if len(names) < len(numbers) - 1:
        return None
    names[_MARK] = "strip"
    html = forms.html.replace(strip, _MARK) if strip else forms.html
    return tuple([tuple(_parts(form, names)) for form in forms._replace(html=html)])


def _parts(form: str, names: Mapping[str, str]) -> Iterator[str]:
    text = ""
    pieces = _NUMBER.split(form)
    for before, found in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
        text += before
        if found in names:
            yield text
            yield names[found]
            text = ""
        else:
            text += found
    yield text


def _filled(parts: tuple[tuple[str, ...], ...], numbers: Mapping[str, str]) -> Forms:
    made = []
    for form in parts:
        out = [*form]
        out[1::2] = [numbers[name] for name in form[1::2]]
        made.append("".join(out))
    return Forms(*made)
