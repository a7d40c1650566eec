"""A search: its processor time whatever it asks, against difflib asked about every name."""

from __future__ import annotations

import difflib
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial

from benchmarks.timing import PROOF, alternate, portbook, table
from portbook.catalog import Catalog
from portbook.catalog.registry.lookup import Registry
from portbook.catalog.search import Index, index

_CATALOG = Catalog()

TITLE = "search: any text among all names"

# Near to as many spellings as any text is; in thousands of names; of many words; of nothing.
COSTLY = (
    "erstaino", "ntopercmai", "cteialms-rne", "aserver", "s", "pro", "ion",
    " ".join("spacdeimntrolfg"), "x" * 200, "e-" * 100, "(a+)+$ [^x]* .{9}", "\u4e00" * 200,
)  # fmt: skip


def run(*, quick: bool = False) -> str:
    """Measures, and returns the results as Markdown."""
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "portbook search ssh": [*portbook(), "search", "ssh"],
        "portbook search postgress": [*portbook(), "search", "postgress"],
    }
    times = alternate(commands, 1 if quick else 30)
    registry = Registry()
    names = sorted({row.service_name for row in registry.store.all() if row.service_name})
    entries = index(_CATALOG).entries
    built = statistics.median(_time(lambda: Index(entries), 1 if quick else 15))
    prepared = _time(index(_CATALOG).prepare, 1)[0]
    chance = random.Random(1)
    some = chance.choices(names, k=20 if quick else 2000)
    texts = {
        "a name": some,
        "a name with a slip": [_slip(name, chance) for name in some],
        "the beginning of a name": [name[:3] for name in some],
        "texts that cost most": list(COSTLY),
    }
    whole = statistics.median(
        _time(lambda: difflib.get_close_matches("postgress", names, 20, 0.75), 1 if quick else 9)
    )
    rows = []
    tries = 1 if quick and not PROOF else 5
    for kind, those in texts.items():
        taken = _costs(lambda text: index(_CATALOG).search(text)[:20], those, tries)
        rows.append(
            f"| {kind} | {statistics.median(taken):.2f} ms | {max(taken):.2f} ms "
            f"| {whole / max(taken):.0f} |"
        )
    index_said = (
        f"The index takes {built:.0f} ms of processor time to build, and {prepared:.0f} ms more to "
        "prepare for every question, which a server does when it starts."
    )
    search_said = (
        f"`difflib.get_close_matches` takes {whole:.0f} ms for {len(names):,} names alone. "
        "Processor time of a search of all services and products, the best of 5 tries of each text:"
    )
    head = ["| texts | median | worst | difflib to the worst |", "|---|---|---|---|"]
    measured = table(times, "python -c pass")
    return "\n".join([measured, "", index_said, "", search_said, "", *head, *rows])


def _costs(call: Callable[[str], object], texts: Iterable[str], tries: int) -> list[float]:
    return [min(_time(partial(call, text), tries)) for text in texts]


def _time(call: Callable[[], object], runs: int) -> list[float]:
    taken = []
    for _ in range(runs):
        began = time.process_time()
        call()
        taken.append((time.process_time() - began) * 1000)
    return taken


def _slip(name: str, chance: random.Random) -> str:
    at = chance.randrange(len(name))
    return name[:at] + chance.choice("etaoinsr") + name[at + chance.randrange(2) :]


if __name__ == "__main__":
    print(run())
