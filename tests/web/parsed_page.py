"""Reading pages in tests: their elements, their links, and whether they are well-formed."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import NamedTuple

VOID = {
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
}  # fmt: skip


class Element(NamedTuple):
    """One element as it was opened."""

    tag: str
    attributes: dict[str, str | None]


class Page(HTMLParser):
    """A page that was read; raises AssertionError where an element is closed out of turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == [], f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"an attribute twice in {tag}: {names}"
        self.elements.append(Element(tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"{tag} was never opened"
        assert self._open[-1] == tag, f"{tag} closed inside of {self._open[-1]}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[Element]:
        """The elements called *tag*."""
        return [element for element in self.elements if element.tag == tag]

    def values(self, attribute: str) -> list[str]:
        """Every value of *attribute*."""
        return [value for each in self.elements if (value := each.attributes.get(attribute))]

    @property
    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """The elements with the names of their attributes: what text must not change."""
        return [(tag, tuple(sorted(attributes))) for tag, attributes in self.elements]
