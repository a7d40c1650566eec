"""A product has one spelling: whoever counts or joins by name counts it once."""

from __future__ import annotations

import re
from collections import defaultdict

from portbook.catalog.practice.lookup import Practice

PRACTICE = Practice()


def folded(name: str) -> str:
    """*name* without case, blanks and punctuation; "whois++" stays another than "whois".

    >>> folded("iPerf 3") == folded("iperf3")
    True
    """
    return re.sub(r"[^\w+]|_", "", name.casefold())


def test_no_two_spellings_name_one_product() -> None:
    spellings: defaultdict[str, set[str]] = defaultdict(set)
    for name in (
        *(use.product for use in PRACTICE.uses()),
        *(program.product for program in PRACTICE.programs()),
        *(service.name for service in PRACTICE.services()),
    ):
        spellings[folded(name)].add(name)
    assert len(spellings) > 2000
    assert [sorted(names) for names in spellings.values() if len(names) > 1] == []
