"""Text that means harm, and portbook with a registry, processes and notes made of it."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from portbook.storage.sorted_tsv import escape_cell
from tests.web.browsing import HOSTILE
from tests.web.process import REAL, ROOT, Running, serving

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping

RAN = "self.portbookRan=1"
# Out of where a text may have been put: an element, an attribute, a script, a comment, a style.
_OUT = (
    "", "'", '"', "`", "'>", '">', "-->", "]]>", "</title>", "</textarea>", "</script>",
    "</style>", "</template>", "</noscript>", "*/", "\\", "&quot;>", "%22%3E", "\u2028", "${",
)  # fmt: skip
# What would then run or be loaded.
_RUNS = (
    f"<script>{RAN}</script>", f"<script src=data:,{RAN}>", f"<img src=x onerror={RAN}>",
    f"<svg onload={RAN}>", f"<svg><script href=data:,{RAN}>", f"<body onload={RAN}>",
    f"<a href=javascript:{RAN} autofocus onfocus={RAN}>x</a>",
    f"<iframe srcdoc='<script>{RAN}'>", f"<iframe src=javascript:{RAN}>",
    f"<object data=data:text/html,<script>{RAN}>", f"<details open ontoggle={RAN}>",
    f"<input autofocus onfocus={RAN}>", f"<video><source onerror={RAN}>",
    f"<form action=javascript:{RAN}><button autofocus>", "<base href=//evil.example/>",
    f"<meta http-equiv=refresh content='0;url=javascript:{RAN}'>",
    "<link rel=stylesheet href=//evil.example/>", f"<math><mtext><style><img src onerror={RAN}>",
    "<style>@import '//evil.example'</style>", f"<template><img src=x onerror={RAN}></template>",
    f"onmouseover={RAN} x=", f"javascript:{RAN}", f";{RAN}//", f"\\x3cscript\\x3e{RAN}",
    f"&lt;script&gt;{RAN}", f"&#60;script&#62;{RAN}", "{{76543*98765}}", "${76543*98765}",
    "<%= 76543*98765 %>", "#{76543*98765}", "{% include 'x' %}",
    f"<x style=animation-name:x onanimationstart={RAN}>", "<plaintext>", "<!--", "<xmp>",
    "<noscript>",
)  # fmt: skip
# And what a terminal or a reader would be misled by.
_MISLEADS = (
    "", "\x1b[31m", "\x1b]0;title\x07", "\x9b2J", "\x08\x08\x08", "\x7f", "\x85", "\u202e",
    "\u2066", "\u200f", "\ufeff", "\x0c", "\x1b_x\x1b\\", "\U000e0041",
)  # fmt: skip


def hostile_texts(count: int, chance: random.Random) -> list[str]:
    """*count* different texts; the first 27 have every part above between them."""
    combinations = ["".join(parts) for parts in itertools.product(_OUT, _RUNS, _MISLEADS)]
    every_part = (
        [out + _RUNS[0] for out in _OUT] + [*_RUNS] + [text + _RUNS[2] for text in _MISLEADS]
    )
    together = "".join(_MISLEADS) + _RUNS[2]
    in_turn = [
        out + _RUNS[at] + _MISLEADS[at % len(_MISLEADS)] + _RUNS[(at + len(_OUT)) % len(_RUNS)]
        for at, out in enumerate(_OUT)
    ]
    alone = chance.sample(every_part, len(every_part))
    chosen = dict.fromkeys([*HOSTILE, together, *in_turn, *alone])
    chosen.update(dict.fromkeys(chance.sample(combinations, count)))
    return list(chosen)[:count]


_TEXTS = ("description", "assignee", "notes", "unauthorized_use", "product", "summary", "source")


def spoil(folder: Path, texts: Mapping[str, str]) -> Path:
    """A copy of portbook in *folder* in which the rows of each port of *texts* hold its text.

    Returns what has to be on Python's path.
    """
    source = folder / "src"
    shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("catalog/registry/data/registry.tsv", "catalog/practice/data/uses.tsv"):
        path = source / "portbook" / name
        lines = path.read_text(encoding="utf-8").split("\n")
        head = next(line for line in lines if line.startswith("#columns")).split("\t")[1:]
        columns = [at for at, column in enumerate(head) if column in _TEXTS]
        path.write_text(
            "\n".join(_spoiled(line, columns, texts) for line in lines), encoding="utf-8"
        )
    return source


def _spoiled(line: str, columns: list[int], texts: Mapping[str, str]) -> str:
    cells = line.split("\t")
    text = texts.get(cells[0])
    if text is None:
        return line
    for at in columns:
        if at < len(cells):
            cells[at] = escape_cell(text)
    return "\t".join(cells)


@contextlib.contextmanager
def spoiled_site(folder: Path, texts: Mapping[str, str], *options: str) -> Iterator[Running]:
    """A server whose registry is :func:`spoil`'s."""
    source = spoil(folder, texts)
    data = folder / "data"
    data.mkdir()
    with serving(data, *options, program=REAL, PYTHONPATH=str(source)) as running:
        yield running


@contextlib.contextmanager
def evil_process(folder: Path) -> Iterator[int]:
    """A process that listens; its program, its arguments and its folder are named to do harm."""
    home = folder / HOSTILE[0]
    home.mkdir()
    program = home / HOSTILE[0]
    shutil.copy(Path(sys.executable).resolve(), program)
    script = (
        "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); "
        "open('/proc/self/comm', 'w').write('<svg onload=x>'); "
        "print(s.getsockname()[1], flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [str(program), "-I", "-S", "-c", script, *HOSTILE],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONHOME": sys.base_prefix},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()
