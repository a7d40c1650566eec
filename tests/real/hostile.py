"""A working directory that somebody else has filled: each thing in it writes down that it ran."""

from __future__ import annotations

import sys
from pathlib import Path

SCRIPT = Path(sys.executable).with_name("portbook")
# Modules of others that portbook and its libraries load, or look for.
_OTHERS = (
    "portbook", "sitecustomize", "usercustomize", "rich", "jinja2", "markupsafe", "starlette",
    "uvicorn", "uvloop", "httptools", "anyio", "sniffio", "h11", "click", "psycopg", "ibis",
    "duckdb", "pyarrow", "pandas", "numpy", "sqlglot", "pyspark", "py4j", "psutil", "pygments",
)  # fmt: skip
_PACKAGES = ("portbook", "concurrent", "multiprocessing", "json")
# Programs that portbook or its libraries run, or could come to run.
TOOLS = (
    "nft", "iptables-save", "iptables-nft-save", "ip6tables-nft-save", "iptables-legacy-save",
    "rpm", "dpkg-query", "ss", "docker", "podman", "systemctl", "java", "python3", "bash", "ps",
    "xdg-open", "less", "pager", "uname", "getent", "ldconfig", "gcc", "cc", "ld", "objdump",
)  # fmt: skip
FLOWS = "proto,src,dst,dst_port\ntcp,192.0.2.1,192.0.2.2,305\n"


def fill_folder(work: Path, ran: Path) -> None:
    """Makes the folder *work* in one that looks like a Spark. What runs adds its name to *ran*."""
    work.mkdir(parents=True)
    for name in {*sys.stdlib_module_names, *_OTHERS}:
        _module(work / f"{name}.py", name, ran)
    for name in _PACKAGES:
        (work / name).mkdir()
        _module(work / name / "__init__.py", name, ran)
    (work.parent / "jars").mkdir()
    (work.parent / "bin").mkdir()
    make_program(work.parent / "bin" / "spark-submit", ran)
    for tool in TOOLS:
        make_program(work / tool, ran)
    (work / "flows.csv").write_text(FLOWS)


def make_program(path: Path, ran: Path) -> None:
    """Makes an executable that adds its name to *ran*."""
    path.write_text(f'#!/bin/sh\necho {path.name} >>"{ran}"\nexit 1\n')
    path.chmod(0o755)


def _module(path: Path, name: str, ran: Path) -> None:
    path.write_text(
        f"open({str(ran)!r}, 'a').write({name + chr(10)!r})\nraise ImportError({name!r})\n"
    )
