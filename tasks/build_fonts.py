"""Makes the two fonts of the site: a text face in two weights, and numerals.

``python -m tasks.build_fonts`` takes the packages of :data:`FONTS` with npm, checks them, and
writes subsets of their files beside the style sheet, which names them. Needs npm, fonttools and
brotli. A subset has what portbook's own sentences are written with; other letters come from the
reader's system. The licence of both is in ``NOTICE``.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "src" / "portbook" / "web" / "assets" / "static"
_TEXT = (
    "U+20-7E,U+A0,U+B7,U+D7,U+2013,U+2014,U+2018,U+2019,U+201C,U+201D,U+2026,U+203A,"
    "U+2190-2193,U+2197"
)
_DIGITS = "U+30-39"


class Font(NamedTuple):
    """A file to make: from which file of which package, and with which characters."""

    name: str
    package: str
    digest: str  # SHA-256 of the package
    path: str
    characters: str


_SERIF = "@fontsource/source-serif-4@5.3.1"
_SERIF_DIGEST = "54b7898afa20cf4b2d807bbf2b5a2f865e28a83db8a5fcc563dafce5ecb5e7c8"
FONTS = (
    Font("text-400.woff2", _SERIF, _SERIF_DIGEST, "source-serif-4-latin-400-normal.woff2", _TEXT),
    Font("text-600.woff2", _SERIF, _SERIF_DIGEST, "source-serif-4-latin-600-normal.woff2", _TEXT),
    Font(
        "numerals.woff2",
        "@fontsource/fraunces@5.3.0",
        "c4d77f0157ec3128e53ee83aafa0f1ef0ab0ae5a23708f611e49584821c1f6ce",
        "fraunces-latin-400-normal.woff2",
        _DIGITS,
    ),
)


def fetch(font: Font, folder: Path) -> Path:
    """The whole file of *font*, taken into *folder*. Raises ValueError where it is another one."""
    packed = subprocess.run(
        ["npm", "pack", "--silent", font.package, "--pack-destination", str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    package = folder / packed.stdout.split()[-1]
    if hashlib.sha256(package.read_bytes()).hexdigest() != font.digest:
        raise ValueError(f"{font.package} is not the package that was read")
    with tarfile.open(package) as archive:
        member = archive.extractfile(f"package/files/{font.path}")
        if member is None:
            raise ValueError(f"{font.package} has no {font.path}")
        whole = folder / font.path
        whole.write_bytes(member.read())
    return whole


def subset(font: Font, whole: Path) -> None:
    """Writes the characters of *font* from *whole*, under no name that its authors reserved."""
    subprocess.run(
        [
            sys.executable, "-m", "fontTools.subset", str(whole), f"--unicodes={font.characters}",
            "--flavor=woff2", "--layout-features=kern,lnum,tnum", "--name-IDs=0,13,14",
            f"--output-file={STATIC / font.name}",
        ],
        check=True,
    )  # fmt: skip


def main() -> None:
    """Makes all of them."""
    with tempfile.TemporaryDirectory() as folder:
        for font in FONTS:
            subset(font, fetch(font, Path(folder)))


if __name__ == "__main__":
    main()
