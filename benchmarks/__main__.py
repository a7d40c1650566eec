"""Runs all benchmarks, or those that are named, and writes ``RESULTS.md``.

Each of several runs in a process of its own: what one holds would count as memory of the
commands that the next one starts. What is measured is written at once, so that a run which is
ended keeps what it has.

With ``--quick`` each runs once, on as little as it can; its figures say nothing and are only
printed.
"""

from __future__ import annotations

import datetime as dt
import importlib
import subprocess
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
RESULTS = ROOT / "benchmarks" / "RESULTS.md"
INTRO = (
    "# Results\n\nThe last run of each script in this folder. Times are medians of runs that "
    "alternate; machines differ, so the ratios are what to look at.\n"
)


def main() -> None:
    """Measures and writes; a script that isn't named keeps its last results.

    Raises SystemExit for a name that no script has, and for a script that fails.
    """
    quick = "--quick" in sys.argv[1:]
    wanted = [word for word in sys.argv[1:] if word != "--quick"]
    if other := [word for word in wanted if word not in SCRIPTS]:
        raise SystemExit(f"benchmarks: no {', '.join(other)}; there is {', '.join(SCRIPTS)}")
    if len(wanted) == 1:
        measure(wanted[0], quick=quick)
        return
    for name in wanted or SCRIPTS:
        command = [sys.executable, "-m", "benchmarks", name, *(["--quick"] if quick else [])]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            raise SystemExit(f"benchmarks: {name} failed; what came before it is written")


def measure(name: str, *, quick: bool = False) -> None:
    """Runs one script and puts its results in the place of its last ones, or only prints them."""
    module = importlib.import_module(f"benchmarks.{name}")
    if quick:
        print(module.run(quick=True))
        return
    today = dt.datetime.now(dt.UTC).date()
    head = f"Measured on {today} on {machine()}; by `python -m benchmarks {name}`."
    result = f"{module.TITLE}\n\n{head}\n\n{module.run()}\n"
    print(f"## {result}", flush=True)
    RESULTS.write_text(put(RESULTS.read_text() if RESULTS.exists() else "", result))


def put(old: str, result: str) -> str:
    """``RESULTS.md`` after *old*, with *result* in the place of the last one of its title."""
    kept = {part.partition("\n")[0]: part for part in old.split("\n## ")[1:]}
    kept[result.partition("\n")[0]] = result
    parts = [kept[title].rstrip("\n") for title in sorted(kept)]
    return INTRO + "".join(f"\n## {part}\n" for part in parts)


if __name__ == "__main__":
    main()
