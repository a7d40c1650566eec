"""The uses of a product by its name are the same from a search and from the index."""

from __future__ import annotations

from portbook.catalog.practice.lookup import Practice


def test_the_index_finds_what_a_search_finds() -> None:
    names = ["hydra", "Nomad", "GRAFANA TEMPO", "sonar", "next.js", "connect", "no such name"]
    searched = [Practice().uses_of(name) for name in names]
    assert [bool(uses) for uses in searched] == [True] * 6 + [False]
    practice = Practice()
    for name in [*names, *names, *names]:
        assert practice.uses_of(name) == searched[names.index(name)], name
    assert {use.product for use in searched[0]} >= {"Ory Hydra"}
