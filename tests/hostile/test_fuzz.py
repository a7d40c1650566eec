"""No input breaks a reader: samples changed by chance, and a fuzzer that is led by coverage.

Both are brief here and long under ``make proof``. What breaks one is printed with its seed, or
left in a file by the fuzzer.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.counts import PROOF
from tests.hostile.mutation import changed
from tests.hostile.readers import READERS
from tests.real.needs import need_module

if TYPE_CHECKING:
    import random

ROOT = Path(__file__).resolve().parents[2]
FUZZER = Path(__file__).with_name("fuzzer.py")
# Readers that share their time leave those alone that take longer to get into.
EACH = [*READERS] if PROOF else ["all"]
# For each reader, under make proof; what others wrote is read by those of formats.
_SECONDS, _SECONDS_OF_FORMATS = 40, 120
_COUNT = 20_000 if PROOF else 12


@pytest.mark.proof
@pytest.mark.parametrize("name", READERS)
def test_no_change_of_a_sample_breaks_a_reader(name: str, chance: random.Random) -> None:
    reader = READERS[name]
    samples = (*reader.samples, *(kind.make(300) for kind in reader.inputs))
    count = 0
    for text in changed(samples, _COUNT, chance):
        count += 1
        try:
            reader.read(text)
        except Exception as error:
            error.add_note(f"number {count}: {text[:2000]!r}")
            raise
    assert count == _COUNT


@pytest.mark.skipif(
    not (sys.platform == "linux" and platform.machine() == "x86_64"),
    reason="atheris is built for Linux on x86-64 alone",
)
@pytest.mark.real
@pytest.mark.proof
@pytest.mark.parametrize("only", EACH)
def test_no_reader_breaks(tmp_path: Path, only: str) -> None:
    need_module("atheris")
    folder = tmp_path / "seeds"
    folder.mkdir()
    seconds = _SECONDS_OF_FORMATS if only.startswith("portbook.formats.") else _SECONDS
    runs = [only, f"-max_total_time={seconds}"] if PROOF else ["-runs=1000", "-seed=1"]
    done = subprocess.run(
        [sys.executable, str(FUZZER), str(folder), *runs, "-max_len=4096", "-timeout=20"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert "Done" in done.stderr
