"""In which order the tests start: what takes long first, in every process at the same time.

pytest-xdist gives each process one stretch of the tests, and at its end takes some from those that
still have many. A test of half a minute that starts last would be waited for by all.
"""

from __future__ import annotations

# Files first that have a test of ten seconds or more; then those that share servers, browsers and
# engines, and often wait.
LONG = (
    "tests/web/test_load.py",
    "tests/web/api/test_endpoints.py",
    "tests/real/test_audit.py",
    "tests/test_benchmarks.py",
    "tests/real/test_foreign_surroundings.py",
    "tests/web/test_browser.py",
    "tests/real/test_disk_faults.py",
    "tests/app/audit/test_writing.py",
    "tests/app/audit/test_hostile.py",
    "tests/web/test_browser_machine.py",
    "tests/real/test_explain.py",
    "tests/hostile/test_fuzz.py",
    "tests/web/test_browser_hostile.py",
    "tests/hostile/test_linear.py",
)
FIRST = (*LONG, "tests/real/", "tests/web/", "tests/app/audit/")


def in_order(names: list[str], processes: int) -> list[int]:
    """The places of *names*, ids of tests in the order of their files, in the order to start them.

    The files of :data:`FIRST` are dealt out to the *processes*, each of which begins with its own;
    a file stays together.
    """
    files: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        files.setdefault(name.partition("::")[0], []).append(place)
    dealt: list[list[int]] = [[] for _ in range(processes)]
    others = []
    for turn, file in enumerate(sorted(files, key=_rank)):
        if _rank(file) < len(FIRST):
            dealt[turn % processes] += files[file]
        else:
            others += files[file]
    order: list[int] = []
    for at, share in enumerate(dealt):
        size = (len(names) - len(order)) // (processes - at)  # as pytest-xdist divides them
        fill = max(0, size - len(share))
        order += share + others[:fill]
        del others[:fill]
    return order + others


def _rank(file: str) -> int:
    return next((at for at, first in enumerate(FIRST) if file.startswith(first)), len(FIRST))
