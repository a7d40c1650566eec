"""What the ports at the ends of the ranges mean to a programmer.

Sources: RFC 6335 §6 for the ranges and their reserved ends, RFC 768 and RFC 9293 §3.1 for the
field in the header, ip(7) and bindresvport(3) for Linux, the kernel's ip-sysctl for its defaults.
"""

from __future__ import annotations

_KERNEL = "Linux kernel documentation, ip-sysctl"
_RANGES = "RFC 6335 §6 (ranges and their ends)"

# By port: what it is, in a headline; what to know; where that is from.
_PORTS: dict[int, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    0: (
        "any free port",
        (
            'Port 0 means "any free port": bind it, and the system chooses one for you.',
            "Ask getsockname() which port you got; binding 0 needs no privilege.",
            "Nothing can listen on 0: there is nothing to find or to stop.",
            "In a UDP header, source port 0 means that no reply is expected.",
        ),
        ("ip(7)", "RFC 768 (source port 0)", _RANGES),
    ),
    1023: (
        "the last System Port",
        (
            "Port 1023 is the last System Port. By default, Linux asks for a privilege up to here.",
            "bindresvport(3) hands out 512–1023 to privileged programs, such as NFS clients.",
            "IANA keeps both ends of the range, so that it could be extended.",
        ),
        ("bindresvport(3)", _KERNEL, _RANGES),
    ),
    1024: (
        "the first User Port",
        (
            "Port 1024 is the first User Port. By default, Linux asks for no privilege from here.",
            "IANA keeps both ends of the range, so that it could be extended.",
        ),
        (_KERNEL, _RANGES),
    ),
    49151: (
        "the last User Port",
        (
            "Port 49151 is the last User Port: IANA assigns no number above it.",
            "IANA keeps both ends of the range, so that it could be extended.",
        ),
        (_RANGES,),
    ),
    49152: (
        "the first Dynamic Port",
        (
            "Port 49152 is the first Dynamic Port: from here on, IANA assigns nothing.",
            "macOS and Windows hand out ephemeral ports from here on; Linux uses 32768–60999.",
        ),
        (_KERNEL, _RANGES),
    ),
    65535: (
        "the highest port",
        (
            "Port 65535 is the highest port: the number has 16 bits, and all are set.",
            "It is -1 as an unsigned 16-bit number: a port that a program left at -1 ends here.",
        ),
        ("RFC 9293 §3.1 (16-bit port numbers)", _RANGES),
    ),
}


def title_of_special(port: int) -> str | None:
    """What *port* is as an end of a range, in a headline; None of any other.

    >>> title_of_special(1024), title_of_special(305)
    ('the first User Port', None)
    """
    return _PORTS[port][0] if port in _PORTS else None


def lead_of_special(port: int) -> tuple[str, ...]:
    """What a programmer wants to know of *port* as an end of a range; nothing of any other."""
    return _PORTS[port][1] if port in _PORTS else ()


def sources_of_special(port: int) -> tuple[str, ...]:
    """Where :func:`lead_of_special` is from."""
    return _PORTS[port][2] if port in _PORTS else ()
