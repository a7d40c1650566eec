"""Finding entries by their words: whole, begun, in part, or spelled nearly so.

An *entry* is whatever is searched for (a service, a product) and is known here by a number.
:class:`~portbook.textsearch.vocabulary.Vocabulary` holds what entries are called and answers for
one kind of term: names, words, descriptions. What an answer is worth is up to who asks:
:mod:`portbook.registry.search` and :mod:`portbook.lore.search` rank the answers of several.
"""

from __future__ import annotations

from portbook.textsearch.vocabulary import Vocabulary, postings
from portbook.textsearch.words import ALIKE, fold, words_of, words_of_each

__all__ = ["ALIKE", "Vocabulary", "fold", "postings", "words_of", "words_of_each"]
