"""Every odd wording that the registry is known to hold, and what it means."""

from __future__ import annotations

from portbook.catalog.registry.normalise import (
    is_well_formed,
    replaced_name,
    state_of_row,
    tidy_description,
)
from portbook.model import State
from tests.cases import for_each

ASSIGNED, RESERVED, UNASSIGNED = State.ASSIGNED, State.RESERVED, State.UNASSIGNED


@for_each(
    "description, state",
    [
        ("Unassigned", UNASSIGNED),
        ("Unassigned [was netstat]", UNASSIGNED),
        ("(unassigned) Possibly assigned", UNASSIGNED),
        ("Unassigned (FRP-Released 12/7/00)", UNASSIGNED),
        ("Reserved", RESERVED),
        ("Reserved - IANA", RESERVED),
        ("De-registered", RESERVED),
        ("De-Registered (2013 Jun 7)", RESERVED),
        ("Removed", RESERVED),
        ("Deprecated", RESERVED),
        ("Decomissioned Port 04/14/00, ms", RESERVED),
        ("De-Commissioned Port", RESERVED),
        ("any private mail system", ASSIGNED),
        ("Possibly used by Sun Solaris????", ASSIGNED),
        ("Unassignedness as a service", ASSIGNED),
        ("", UNASSIGNED),
        (None, UNASSIGNED),
    ],
)
def test_a_row_without_a_name_has_the_state_its_words_give(
    description: str | None, state: State
) -> None:
    assert state_of_row(None, description) is state
    assert state_of_row("", description) is state


@for_each(
    "name, description, state",
    [
        ("stun-behaviors", "Reserved for a future enhancement of STUN-BEHAVIOR", ASSIGNED),
        ("remoteware-un", "RemoteWare Unassigned", ASSIGNED),
        ("sua", "De-Registered", RESERVED),
        ("sua", "De-Registered (2013 Jun 7)", RESERVED),
        ("old", "Deprecated by another service", ASSIGNED),
        ("free", "Unassigned", ASSIGNED),
        ("name-only", None, ASSIGNED),
    ],
)
def test_a_name_assigns_unless_the_row_only_says_that_it_was_taken_back(
    name: str, description: str | None, state: State
) -> None:
    assert state_of_row(name, description) is state


def test_the_sentence_about_a_replacement_keeps_its_own_line() -> None:
    sentence = 'IANA assigned this well-formed service name as a replacement for "sql*net".'
    printed = f"Oracle SQL*NET\n\n\n{sentence}"
    assert tidy_description(printed) == f"Oracle SQL*NET\n{sentence}"
    assert tidy_description(tidy_description(printed)) == tidy_description(printed)
    assert tidy_description(sentence) == sentence
    assert replaced_name(printed) == "sql*net"
    assert replaced_name('This entry is an alias to "sql-net".') is None
    assert replaced_name(None) is None


@for_each(
    "name, well_formed",
    [
        ("http", True),
        ("z39-50", True),
        ("914c-g", True),
        ("a", True),
        ("", False),
        ("12345", False),
        ("a--b", False),
        ("a-", False),
        ("under_score", False),
        ("cl/1", False),
        ("sixteen-letters-", False),
        ("exactlyfifteen1", True),
        ("exactlysixteen12", False),
        ("http\n", False),
    ],
)
def test_well_formed_is_what_rfc_6335_says(name: str, well_formed: bool) -> None:
    assert is_well_formed(name) is well_formed
