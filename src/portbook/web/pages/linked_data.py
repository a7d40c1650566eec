"""What a page says to search engines beside its words: where it stands, and what it answers.

It is JSON-LD with the terms of https://schema.org, in a script element that no browser runs.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from portbook.present import document as doc
from portbook.present.render.html_text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portbook.present.document import Page

Crumb = tuple[str, str]  # a page's title and its address


def linked_data(
    crumbs: Sequence[Crumb], document: Page | None = None, of: doc.Numbered | None = None
) -> str:
    """The way to a page, and the questions that *document* answers, as a script element.

    *of* is *document*, where it is the page of a port.

    >>> linked_data([("Ports", "/")])[:35]
    '<script type="application/ld+json">'
    """
    asked = "" if document is None else _questions(document, of)
    faq = f',{{"@type":"FAQPage","mainEntity":[{asked}]}}' if asked else ""
    return (
        '<script type="application/ld+json">{"@context":"https://schema.org","@graph":['
        f"{_trail(tuple(crumbs))}{faq}]}}</script>\n"
    )


def _trail(crumbs: Sequence[Crumb]) -> str:
    # The last one is the page itself, which needs no address.
    addresses = [*(f',"item":{_text(address)}' for _, address in crumbs[:-1]), ""]
    steps = ",".join([
        f'{{"@type":"ListItem","position":{at},"name":{_text(name)}{address}}}'
        for at, ((name, _), address) in enumerate(zip(crumbs, addresses, strict=True), 1)
    ])  # fmt: skip
    return f'{{"@type":"BreadcrumbList","itemListElement":[{steps}]}}'


def _questions(document: Page, of: doc.Numbered | None) -> str:
    """The questions of *document*, joined; of a page that has many like it, as they are kept."""
    asked = _questions_among(section.items for section in document.sections)
    general = () if of is None else _questions_among(of.items)
    if of is None or len(general) < len(asked):
        return _kept_questions(asked)
    return of.own(_kept_questions(general))


def _questions_among(parts: Iterable[Iterable[doc.Item | None]]) -> tuple[doc.Question, ...]:
    return tuple([each for part in parts for each in part if type(each) is doc.Question])


@lru_cache(maxsize=1024)
def _kept_questions(asked: tuple[doc.Question, ...]) -> str:
    return ",".join([_question(*each) for each in asked])


def _question(question: str, answer: str) -> str:
    return (
        f'{{"@type":"Question","name":{_text(question)},'
        f'"acceptedAnswer":{{"@type":"Answer","text":{_text(answer)}}}}}'
    )


@lru_cache(maxsize=1024)
def _text(text: str) -> str:
    """*text* in JSON, without the marks of a command; nothing in it can end the element."""
    return json.dumps(visible(text).replace("`", ""), ensure_ascii=False).replace("<", "\\u003c")
