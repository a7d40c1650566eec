"""The addresses of the API as its page lists them."""

from __future__ import annotations

ADDRESSES = (
    (
        "A port",
        (
            ("/305", "the page; JSON, text or Markdown if the Accept header asks for it"),
            ("/305.json", "portbook/port/1: everything on record about the port"),
            ("/305.txt, /305.md", "the page as text, as Markdown"),
            ("/api/ports?ports=22,80,6000-6063", "many ports at once"),
        ),
    ),
    (
        "Lists",
        (
            ("/services/ssh.json", "portbook/service/1: every row of a service name"),
            ("/api/blocks?state=unassigned&range=system", "portbook/blocks/1: runs of ports"),
            ("/api/stats", "portbook/stats/1: counts by range, transport, year and assignee"),
            ("/search.json?q=postgres", "portbook/search/1: names, descriptions, products"),
        ),
    ),
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
