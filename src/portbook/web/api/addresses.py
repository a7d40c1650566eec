"""What the page of the API says beside what the description of it does."""

from __future__ import annotations

RULES = (
    (
        "What to rely on",
        (
            ("ETag, 304", "an answer changes only with the registry; ask with If-None-Match"),
            ("Access-Control-Allow-Origin: *", "scripts of any site may read the book"),
            ("application/problem+json", "what an error is, and what would help (RFC 9457)"),
            ("null", "not recorded by any source; never none"),
        ),
    ),
)
FILES = (
    (
        "Files",
        (
            ("305.json", "portbook/port/1: everything on record about the port"),
            ("305.txt", "the page as text"),
            ("static/search-index.js", "names, descriptions and products with their ports"),
        ),
    ),
)
