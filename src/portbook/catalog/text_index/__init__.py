"""Finding entries by their words: whole, begun, in part, or of a similar spelling.

An *entry* is whatever is searched for (a service, a product) and is known here by a number.
:class:`~portbook.catalog.text_index.vocabulary.Terms` are what entries are called, of one kind
(names, words, descriptions), and answer which entries a text fits:
:class:`~portbook.catalog.text_index.vocabulary.Scan` at once,
:class:`~portbook.catalog.text_index.vocabulary.Vocabulary` fast, once it is made. What an answer is
worth is up to who asks: :mod:`portbook.catalog.search` ranks the answers of several.
"""

from __future__ import annotations

from portbook.catalog.text_index.vocabulary import (
    ALIKE,
    Scan,
    Terms,
    Vocabulary,
    fold,
    fold_each,
    words_in_each,
    words_of,
)

__all__ = [
    "ALIKE", "Scan", "Terms", "Vocabulary", "fold", "fold_each", "words_in_each", "words_of",
]  # fmt: skip
