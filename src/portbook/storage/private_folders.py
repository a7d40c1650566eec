"""The folders that libraries take from the environment, where that may be another user's.

Root can be started with somebody else's ``HOME`` and ``TMPDIR`` (su, sudo -E). Whoever owns those
can put a library's plug-ins there, or a link in the place of what it writes.
"""

from __future__ import annotations

import os
import tempfile

from portbook.errors import Untrusted
from portbook.storage.file_trust import check_path, trusted_users


def own_home() -> str:
    """The home folder of the user this process acts for: ``HOME``, unless it is another user's."""
    home = os.path.expanduser("~")
    if _is_own(home):
        return home
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return os.sep


def scratch_folder() -> str:
    """Where temporary files go: ``TMPDIR`` and the like, unless they are another user's.

    From then on, all that this process makes with :mod:`tempfile` goes there.
    """
    # Asked where they go, tempfile tries to write to all that are named.
    named = [os.environ[name] for name in ("TMPDIR", "TEMP", "TMP") if os.environ.get(name)]
    if tempfile.tempdir is None and not all(map(_is_own, named)):
        usual = ("/tmp", "/var/tmp")  # noqa: S108 - sticky folders of root's
        tempfile.tempdir = next(filter(_is_own, usual), own_home())
    return tempfile.gettempdir()


def _is_own(path: str) -> bool:
    try:
        check_path(os.path.abspath(path), trusted_users())
    except (Untrusted, OSError):
        return False
    return True
