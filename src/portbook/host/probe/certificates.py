r"""The names in an X.509 certificate: RFC 5280, in the encoding DER (X.690).

Only what names a server is read: the alternative names of DNS and IP addresses, or, where there
are none, the common name of the subject.

>>> names_of(b"no certificate")
()
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 20  # names that are kept
_LONGEST = 255  # RFC 1035 §2.3.4: characters of a name
_COMMON_NAME = b"\x55\x04\x03"  # 2.5.4.3
_ALTERNATIVE = b"\x55\x1d\x11"  # 2.5.29.17
_SEQUENCE, _SET, _OID, _OCTETS = 0x30, 0x31, 0x06, 0x04
_EXTENSIONS = 0xA3  # [3] of TBSCertificate
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87  # [2] and [7] of GeneralName


def names_of(certificate: bytes) -> tuple[str, ...]:
    """The names of *certificate*, in its own order; none where it can't be read.

    They are as hostile as whoever made it.
    """
    try:
        (whole,) = _children(certificate, _SEQUENCE)
        body = next(value for tag, value in _walk(whole) if tag == _SEQUENCE)
        parts = list(_walk(body))
    except (ValueError, StopIteration):
        return ()
    names = dict.fromkeys(_alternative(parts)) or dict.fromkeys(_common(parts))
    return tuple(names)[:MOST]


def _walk(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The values that *data* holds one after the other, each with its tag. Raises ValueError."""
    place = 0
    while place < len(data):
        if len(data) < place + 2:
            raise ValueError("cut short")
        tag, length = data[place], data[place + 1]
        place += 2
        if length & 0x80:
            size = length & 0x7F
            if not 1 <= size <= 4 or len(data) < place + size:
                raise ValueError("no length")
            length = int.from_bytes(data[place : place + size], "big")
            place += size
        if len(data) < place + length:
            raise ValueError("cut short")
        yield tag, data[place : place + length]
        place += length


def _children(data: bytes, tag: int) -> list[bytes]:
    return [value for each, value in _walk(data) if each == tag]


def _alternative(parts: list[tuple[int, bytes]]) -> Iterator[str]:
    try:
        for tag, value in parts:
            if tag != _EXTENSIONS:
                continue
            for extension in _children(value, _SEQUENCE)[0:1]:
                for each in _children(extension, _SEQUENCE):
                    fields = list(_walk(each))
                    if fields[0] == (_OID, _ALTERNATIVE) and fields[-1][0] == _OCTETS:
                        for names in _children(fields[-1][1], _SEQUENCE):
                            yield from _general(names)
    except (ValueError, IndexError):
        return


def _general(names: bytes) -> Iterator[str]:
    for tag, value in _walk(names):
        if tag == _DNS_NAME:
            yield _text(value)
        elif tag == _IP_ADDRESS and len(value) in (4, 16):
            import ipaddress

            yield str(ipaddress.ip_address(value))


def _common(parts: list[tuple[int, bytes]]) -> Iterator[str]:
    # TBSCertificate: of its sequences (algorithm, issuer, validity, subject …) the fourth.
    sequences = [value for tag, value in parts if tag == _SEQUENCE]
    try:
        for attribute in _children(sequences[3], _SET):
            for pair in _children(attribute, _SEQUENCE):
                fields = list(_walk(pair))
                if fields[0] == (_OID, _COMMON_NAME) and len(fields) == 2:
                    yield _text(fields[1][1])
    except (ValueError, IndexError):
        return


def _text(value: bytes) -> str:
    return value[:_LONGEST].decode("utf-8", "replace")
