"""Names in certificates: made by hand here, by OpenSSL, and by chance."""

from __future__ import annotations

import ipaddress
import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.host.probe.tls_client import MOST, names_of
from tests.real.needs import need_program

if TYPE_CHECKING:
    from pathlib import Path


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def certificate(names: list[tuple[int, bytes]], common: bytes | None = b"cn.example.org") -> bytes:
    empty = der(0x30)
    subject = der(0x30)
    if common is not None:
        pair = der(0x30, der(0x06, b"\x55\x04\x03"), der(0x0C, common))
        subject = der(0x30, der(0x31, pair))
    parts = [
        der(0xA0, der(2, b"\x02")), der(2, b"\x01"), empty, empty,
        der(0x30, der(0x17, b"260101000000Z"), der(0x17, b"270101000000Z")), subject, empty,
    ]  # fmt: skip
    if names:
        general = der(0x30, *(der(tag, value) for tag, value in names))
        extension = der(0x30, der(0x06, b"\x55\x1d\x11"), der(0x01, b"\xff"), der(0x04, general))
        other = der(0x30, der(0x06, b"\x55\x1d\x13"), der(0x04, empty))
        parts.append(der(0xA3, der(0x30, other, extension)))
    return der(0x30, der(0x30, *parts), empty, der(3, b"\0"))


def test_alternative_names_come_first() -> None:
    names = [(0x82, b"a.example.org"), (0x82, b"*.example.org"), (0x87, bytes([192, 0, 2, 1]))]
    assert names_of(certificate(names)) == ("a.example.org", "*.example.org", "192.0.2.1")
    six = ipaddress.ip_address("2001:db8::1").packed
    assert names_of(certificate([(0x87, six), (0x81, b"mail@example.org")])) == ("2001:db8::1",)


def test_the_common_name_stands_in() -> None:
    assert names_of(certificate([])) == ("cn.example.org",)
    assert names_of(certificate([], None)) == ()


def test_they_are_bounded() -> None:
    many = [(0x82, b"n%d.example.org" % number) for number in range(100)]
    assert len(names_of(certificate(many))) == MOST
    assert len(names_of(certificate([(0x82, b"x" * 10_000)]))[0]) == 255


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_not(data: bytes) -> None:
    assert isinstance(names_of(data), tuple)


@given(st.data())
def test_a_damaged_one_is_read_or_not(data: st.DataObject) -> None:
    whole = bytearray(certificate([(0x82, b"a.example.org"), (0x87, bytes(4))]))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    assert isinstance(names_of(bytes(whole[: data.draw(st.integers(0, len(whole)))])), tuple)


@pytest.mark.real
@pytest.mark.parametrize("key", [["rsa:2048"], ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]])
def test_what_openssl_makes(tmp_path: Path, key: list[str]) -> None:
    need_program("openssl")
    path = tmp_path / "cert.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", *key, "-nodes", "-days", "1",
            "-keyout", tmp_path / "key.pem", "-out", path, "-subj", "/O=Example/CN=cn.example.org",
            "-addext", "subjectAltName=DNS:a.example.org,IP:2001:db8::7,DNS:b.example.org",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    found = names_of(ssl.PEM_cert_to_DER_cert(path.read_text()))
    assert found == ("a.example.org", "2001:db8::7", "b.example.org")
