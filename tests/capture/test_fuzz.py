"""The readers against a coverage-led fuzzer: briefly here, long under ``make proof``."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from portbook.capture import FORMATS
from tests.real.needs import need_module

ROOT = Path(__file__).resolve().parents[2]
FUZZER = Path(__file__).with_name("fuzzer.py")
# Readers that share their time leave those alone that take longer to get into.
EACH = [*FORMATS, "found"] if os.environ.get("PORTBOOK_PROOF") == "1" else ["all"]


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
    runs = [only, "-max_total_time=120"] if only != "all" else ["-runs=8000", "-seed=1"]
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
