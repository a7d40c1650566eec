"""Which store keeps readers' votes: the one that the environment names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from portbook.errors import FeedbackUnavailable, shown
from portbook.storage.user_dirs import data_folder
from portbook.web.feedback.sqlite import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portbook.web.feedback.sqlite import FeedbackStore


def open_store(environ: Mapping[str, str] | None = None) -> FeedbackStore:
    """The store that the environment names: ``PORTBOOK_DATABASE_URL``, or a file of the user's.

    Raises MissingExtra where a PostgreSQL database is named and its driver isn't installed,
    FeedbackUnavailable where the URL is of no database that is known.
    """
    env = os.environ if environ is None else environ
    url = env.get("PORTBOOK_DATABASE_URL", "")
    if url.startswith(("postgresql://", "postgres://")):
        from portbook.web.feedback.postgres import PostgresStore

        return PostgresStore(url)
    if url.startswith("sqlite:///"):
        return SQLiteStore(os.path.abspath(url.removeprefix("sqlite:///")), named=True)
    if url:
        # The URL may hold a password: only its scheme is shown.
        raise FeedbackUnavailable(
            f"PORTBOOK_DATABASE_URL has the scheme {shown(url.partition(':')[0])}: "
            "give postgresql://… or sqlite:///PATH"
        )
    return SQLiteStore(os.path.join(data_folder(env), "feedback.sqlite3"))
