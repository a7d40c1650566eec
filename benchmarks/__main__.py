"""Runs all benchmarks, or those that are named, and writes ``RESULTS.md``.

With ``--quick`` each runs once, on as little as it can; its figures say nothing and are only
printed.
"""

from __future__ import annotations

import datetime as dt
import importlib
import sys

from benchmarks.timing import ROOT, machine

SCRIPTS = (
    "answers",
    "audit",
    "explain",
    "export",
    "firewall",
    "hands",
    "host",
    "load",
    "lookup",
    "search",
    "update",
    "watch",
    "web",
)


def main() -> None:
    """Measures and writes; a script that isn't named keeps its last results."""
    wanted = [word for word in sys.argv[1:] if word != "--quick"] or list(SCRIPTS)
    if "--quick" in sys.argv[1:]:
        for name in wanted:
            print(importlib.import_module(f"benchmarks.{name}").run(quick=True))
        return
    path = ROOT / "benchmarks" / "RESULTS.md"
    old = path.read_text() if path.exists() else ""
    kept = {part.partition("\n")[0]: part for part in old.split("\n## ")[1:]}
    for name in wanted:
        module = importlib.import_module(f"benchmarks.{name}")
        today = dt.datetime.now(dt.UTC).date()
        head = f"Measured on {today} on {machine()}; by `python -m benchmarks {name}`."
        kept[module.TITLE] = f"{module.TITLE}\n\n{head}\n\n{module.run()}\n"
        print(f"## {kept[module.TITLE]}")
    parts = [kept[title].rstrip("\n") for title in sorted(kept)]
    intro = (
        "# Results\n\nThe last run of each script in this folder. Times are medians of runs that "
        "alternate; machines differ, so the ratios are what to look at.\n"
    )
    path.write_text(intro + "".join(f"\n## {part}\n" for part in parts))


if __name__ == "__main__":
    main()
