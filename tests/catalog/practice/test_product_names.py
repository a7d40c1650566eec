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


def test_a_product_has_one_name_on_a_port() -> None:
    """No "Transmission" beside a "Transmission daemon" that is the same program."""
    names: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
    joined: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
    for use in PRACTICE.uses():
        if use.leads:
            for port in range(use.first, use.last + 1):
                names[port, use.transport].add(use.product)
                joined[port, use.transport].update(use.programs)
    for program in PRACTICE.programs():
        for at in program.ports:
            if program.name not in joined[at]:
                names[at].add(program.product)
    assert len(names) > 2000
    twice = [
        (at, name)
        for at, products in names.items()
        for name in products
        if {f"{name} server", f"{name} daemon", f"{name} client"} & products
    ]
    assert twice == []


def test_a_use_and_the_program_it_is_of_go_by_one_name() -> None:
    """No "OpenSSH" in the list of uses, and "OpenSSH server" in that of servers below it."""
    programs_of: defaultdict[str, set[str]] = defaultdict(set)
    products_of: defaultdict[str, set[str]] = defaultdict(set)
    for use in PRACTICE.uses():
        for name in use.programs:
            programs_of[use.product].add(name)
            products_of[name].add(use.product)
    assert len(programs_of) > 100
    called = {program.name: program.product for program in PRACTICE.programs()}
    two_names = [
        (product, called[name])
        for product, names in programs_of.items()
        for name in names
        # One that is a part of a product, or several products at once, is named for itself.
        if len(names) == 1 and len(products_of[name]) == 1 and called[name] != product
    ]
    assert two_names == []
