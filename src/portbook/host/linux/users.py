"""The names of users."""

from __future__ import annotations


def read_user(uid: int) -> str | None:
    """The name of the user *uid*; None where the machine has none for it."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return None
