"""Picking a port: its time against a bare interpreter's."""

from __future__ import annotations

import sys

from benchmarks.timing import alternate, portbook, table

TITLE = "hands: pick"


def run(*, quick: bool = False) -> str:
    """Measures, and returns the results as Markdown."""
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "portbook pick": [*portbook(), "pick"],
        "portbook pick --for web -q": [*portbook(), "pick", "--for", "web", "-q"],
    }
    times = alternate(commands, 1 if quick else 30)
    slowest = max(times[name].median for name in commands if name != "python -c pass")
    ratio = slowest / times["python -c pass"].median
    return "\n".join(
        [table(times, "python -c pass"), "", f"A pick takes at most {ratio:.1f} bare interpreters."]
    )


if __name__ == "__main__":
    print(run())
