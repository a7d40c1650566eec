"""Finding entries by their words: whole, begun, in part, or of a similar spelling.

An *entry* is whatever is searched for (a service, a product) and is known here by a number.
:class:`~portbook.catalog.text_index.vocabulary.Vocabulary` holds what entries are called and
answers for one kind of term: names, words, descriptions. What an answer is worth is up to who asks:
:mod:`portbook.catalog.search` ranks the answers of several.
"""

from __future__ import annotations

from portbook.catalog.text_index.vocabulary import (
    ALIKE,
    Vocabulary,
    fold,
    postings,
    words_of,
    words_of_each,
)

__all__ = ["ALIKE", "Vocabulary", "fold", "postings", "words_of", "words_of_each"]
