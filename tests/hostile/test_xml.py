"""XML that attacks whoever reads it, at each of the three ways in: update, explain, audit.

A document type is refused whatever it says, but for the one line that nmap itself writes, which
declares nothing: so no entity is ever declared, expanded or fetched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.command_line import run

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "no-document-may-show-this"
_HEADS = {
    "nmaprun": '<?xml version="1.0" encoding="UTF-8"?>\n',
    "registry": "<?xml version='1.0' encoding='UTF-8'?>\n",
}
_IANA = "http://www.iana.org/assignments"
_PORT = '<port protocol="tcp" portid="22"><state state="open"/></port>'
_RECORD = "<record><name>ssh</name><number>22</number><protocol>tcp</protocol></record>"
_ROOTS = {
    "nmaprun": (
        '<nmaprun>\n<host><address addr="192.0.2.7" addrtype="ipv4"/>\n',
        f"<ports>{_PORT}</ports></host>\n</nmaprun>\n",
    ),
    "registry": (
        f'<registry xmlns="{_IANA}" id="service-names-port-numbers">\n',
        f"<updated>2026-10-01</updated>\n{_RECORD}\n</registry>\n",
    ),
}
_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
_A = '<!ENTITY a "a">'

# What stands between the declaration and the root, with ROOT for its name, and what is in it.
DOCTYPES = {
    "a laugh": (f'<!DOCTYPE ROOT [<!ENTITY l0 "ha">{_LAUGHS}]>', "&l11;"),
    "a quadratic blow-up": (f'<!DOCTYPE ROOT [<!ENTITY a "{"a" * 10**5}">]>', "&a;" * 10**4),
    "a file": ('<!DOCTYPE ROOT [<!ENTITY x SYSTEM "file://FILE">]>', "&x;"),
    "an address": ('<!DOCTYPE ROOT [<!ENTITY x SYSTEM "http://192.0.2.1/x">]>', "&x;"),
    "a DTD elsewhere": ('<!DOCTYPE ROOT SYSTEM "https://host.example/x.dtd">', ""),
    "a public DTD": ('<!DOCTYPE ROOT PUBLIC "-//x//y" "https://host.example/x.dtd">', ""),
    "a parameter entity": (f"<!DOCTYPE ROOT [<!ENTITY % p '{_A}'>%p;]>", "&a;"),
    "an attribute's default": ('<!DOCTYPE ROOT [<!ATTLIST host a CDATA "b">]>', ""),
    "one over several lines": ("<!DOCTYPE\nROOT\n[\n<!ENTITY a 'a'>\n]>", "&a;"),
    "one of another name": ("<!DOCTYPE html>", ""),
    "two": ("<!DOCTYPE ROOT>\n<!DOCTYPE ROOT [<!ENTITY a 'a'>]>", "&a;"),
    "one behind blanks": ("\n\n   <!DOCTYPE ROOT [<!ENTITY a 'a'>]>", "&a;"),
    "one behind a comment": ("<!-- a --><!DOCTYPE ROOT [<!ENTITY a 'a'>]>", "&a;"),
    "one that never ends": ("<!DOCTYPE ROOT [" + _A * 1000, ""),
    "a notation": ("<!DOCTYPE ROOT [<!NOTATION n SYSTEM 'FILE'>]>", ""),
}  # fmt: skip
# Nothing is declared by these; they are large, deep or odd.
OTHERS = {
    "elements in each other": "<a>" * 50_000,
    "elements in each other, closed": "<a>" * 50_000 + "</a>" * 50_000,
    "one attribute": f'<a b="{"c" * (3 << 20)}"/>',
    "many attributes": "<a " + "".join(f'b{n}="" ' for n in range(100_000)) + "/>",
    "an attribute twice": '<a b="1" b="2"/>',
    "many elements": "<a/>" * 200_000,
    "a long name": f"<{'a' * (1 << 20)}/>",
    "a tag of many lines": "<a\n" + 'b="c"\n' * 3000,
    "a comment without end": "<!-- " + "-" * (1 << 20),
    "a section without end": "<![CDATA[" + "]" * (1 << 20),
    "a doctype that is text": "<![CDATA[<!DOCTYPE a>]]>",
    "an entity that nobody declared": "&a;",
    "an instruction": '<?xml-stylesheet href="file://FILE" type="text/xsl"?>',
    "an inclusion": '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file://FILE"/>',
    "namespaces": "".join(f'<a xmlns:b{n}="c{n}"/>' for n in range(10_000)),
    "a zero": "\0",
    "control characters": "\x01\x1b[2J",
    "numbers of characters": "&#0;&#x1b;&#xffffffff;",
    "the end of another": "</b>",
}  # fmt: skip
WAYS = {
    "explain": ("nmaprun", ["explain"]),
    "audit": ("nmaprun", ["audit"]),
    "update": ("registry", ["update", "--dry-run", "--from"]),
}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(SECRET)
    return path


def _written(tmp_path: Path, root: str, before: str, inside: str, secret: Path) -> Path:
    begin, end = _ROOTS[root]
    text = f"{_HEADS[root]}{before}\n{begin}{inside}{end}"
    path = tmp_path / "hostile.xml"
    path.write_text(text.replace("ROOT", root).replace("FILE", str(secret)))
    return path


def _ran(capsys: pytest.CaptureFixture[str], argv: list[str]) -> tuple[int, str]:
    status = run(argv)
    out, err = capsys.readouterr()
    assert SECRET not in out + err
    assert "Traceback" not in err
    assert not {char for char in out + err if not char.isprintable()} - {"\n"}
    return status, out + err


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", DOCTYPES)
def test_a_doctype_is_refused(
    way: str, name: str, tmp_path: Path, secret: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, argv = WAYS[way]
    path = _written(tmp_path, root, *DOCTYPES[name], secret)
    status, said = _ran(capsys, [*argv, str(path)])
    assert status == 2, said
    assert "DOCTYPE" in said or "document type" in said, said


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", OTHERS)
def test_what_declares_nothing_is_read_or_refused_in_a_line(
    way: str, name: str, tmp_path: Path, secret: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, argv = WAYS[way]
    path = _written(tmp_path, root, "", OTHERS[name], secret)
    status, said = _ran(capsys, [*argv, str(path)])
    assert status in (0, 1, 2), said
    assert status != 2 or said.count("\n") < 40, said


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig", "utf-7", "cp037"])
def test_a_doctype_can_not_hide_in_an_encoding(
    way: str, encoding: str, tmp_path: Path, secret: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, argv = WAYS[way]
    path = _written(tmp_path, root, *DOCTYPES["a file"], secret)
    text = path.read_text().replace("UTF-8", encoding)
    path.write_bytes(text.encode(encoding))
    status, said = _ran(capsys, [*argv, str(path)])
    assert status == 2, said


@pytest.mark.parametrize("way", ["explain", "audit"])
def test_the_line_that_nmap_writes_is_read(
    way: str, tmp_path: Path, secret: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _written(tmp_path, "nmaprun", "<!DOCTYPE nmaprun>", "", secret)
    status, said = _ran(capsys, [way, str(path)])
    assert status == 0, said
    assert "22" in said
