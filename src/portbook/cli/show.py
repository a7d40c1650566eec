"""``portbook show``, and ``portbook`` with a bare query."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.app.lookup import answer, queries_of
from portbook.app.port_lookup import PortAnswer
from portbook.cli import complain
from portbook.cli.terminal import brief_style, print_json, reaches, show, style
from portbook.errors import InvalidQuery, UsageError
from portbook.formats.errors.query import QueryKind, split_queries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from portbook.app.list_lookup import RangeAnswer, ServiceAnswer
    from portbook.app.listen import ScanOptions
    from portbook.app.lookup import Answer
    from portbook.catalog import Catalog
    from portbook.formats.errors.query import Query
    from portbook.host.host_reader import HostReader
    from portbook.model import Host
    from portbook.present.render.text import Style


def answer_text(text: str, catalog: Catalog, *, as_json: bool, as_lines: bool) -> int:
    """Answers *text*, an error message, as a query; returns the exit status."""
    return _Show(Options((text,), json=as_json, jsonl=as_lines), catalog, None, (text,)).run()


class Options(NamedTuple):
    """What the command line asked for."""

    queries: tuple[str, ...]
    json: bool = False
    jsonl: bool = False
    host: bool = True
    all_owners: bool = False
    detail: bool = False
    all_namespaces: bool = False
    probe: bool = False
    full: bool = False
    deep: bool = False
    strict: bool = False
    fail_on: str = "never"
    notes: bool = True
    clients: bool = False


def run(argv: Sequence[str], catalog: Catalog, host: HostReader | None = None) -> int:
    """Answers every query of *argv*, one after the other, and returns the exit status.

    Raises UsageError.
    """
    options = parse_quick(argv) or parse_whole(argv)
    if not options.queries:
        raise UsageError("no query given: give a port, a service name or text, or --help")
    if options.json and options.jsonl:
        raise UsageError("--json and --jsonl exclude each other: give one of them")
    return _Show(options, catalog, host).run()


def parse_quick(argv: Sequence[str]) -> Options | None:
    """*argv* read without argparse, whose import takes longer than a lookup.

    None where anything is in it that takes more than plain flags: argparse reads it then.
    """
    queries: list[str] = []
    flags: dict[str, Any] = {}
    for at, word in enumerate(argv):
        if word in _FLAGS:
            name, value = _FLAGS[word]
            flags[name] = value
        elif word == "--":  # what follows are queries, whatever they look like
            queries += argv[at + 1 :]
            break
        elif word.startswith("-") and word != "-" and not _is_negative(word):
            return None
        else:
            queries.append(word)
    return Options(tuple(queries), **flags)


def _is_negative(word: str) -> bool:
    return word[:1] == "-" and word[1:2].isdigit()


_FLAGS = {
    "--json": ("json", True),
    "-j": ("json", True),
    "-f": ("full", True),
    "--jsonl": ("jsonl", True),
    "--no-host": ("host", False),
    "--no-notes": ("notes", False),
    "--all-owners": ("all_owners", True),
    "--detail": ("detail", True),
    "--all-namespaces": ("all_namespaces", True),
    "--probe": ("probe", True),
    "--clients": ("clients", True),
    "--full": ("full", True),
    "--deep": ("deep", True),
    "--strict": ("strict", True),
}


def parse_whole(argv: Sequence[str]) -> Options:
    """*argv* read by argparse. Raises UsageError; ``--help`` prints and exits."""
    from portbook.cli.help import Parser, add_depth, add_fail_on, add_json, add_notes, add_probe

    parser = Parser(
        "show",
        "Show a port: this machine, the verdict, the registry and its use in practice; --full "
        "adds the rest, with sources.",
    )
    parser.add_argument(
        "queries",
        nargs="*",
        metavar="QUERY",
        help="a port (305, :305, 443/udp), an address or URL, a pasted error, a range "
        "(6000-6063), a service or a product, or text; - reads standard input: one text, or one "
        "query per line",
    )
    add_json(parser, rows=True)
    parser.add_argument(
        "-f",
        "--full",
        action="store_true",
        help="the whole page of a port: everything on record, with its sources",
    )
    parser.add_argument(
        "--deep",
        action="store_true",
        help="look as hard as possible: all owners, network namespaces, packages",
    )
    parser.add_argument(
        "--clients", action="store_true", help="also list who is connected to the port"
    )
    parser.add_argument(
        "--no-host", dest="host", action="store_false", help="leave this machine out"
    )
    parser.add_argument(
        "--all-owners",
        action="store_true",
        help="look at every process, instead of stopping at the first program that holds a socket",
    )
    add_depth(parser)
    add_probe(parser)
    add_notes(parser)
    add_fail_on(parser, default="never")
    words = list(argv)
    end = words.index("--") if "--" in words else len(words)
    # -5 and -5-10 are wrong ports, not flags; argparse is to take all of them as they are.
    masked = [f"\0{word}" if _is_negative(word) else word for word in words[:end]]
    found = parser.parse_intermixed_args(masked)
    return Options(
        queries=(*(word.removeprefix("\0") for word in found.queries), *words[end + 1 :]),
        json=found.json,
        jsonl=found.jsonl,
        host=found.host,
        all_owners=found.all_owners,
        detail=found.detail,
        all_namespaces=found.all_namespaces,
        probe=found.probe,
        full=found.full,
        deep=found.deep,
        strict=found.strict,
        fail_on=found.fail_on,
        notes=found.notes,
        clients=found.clients,
    )


class _Show:
    """One run: it prints answers and remembers what they mean for the exit status."""

    def __init__(
        self,
        options: Options,
        catalog: Catalog,
        host: HostReader | None,
        texts: tuple[str, ...] | None = None,
    ) -> None:
        self.options, self.texts = options, texts
        self.catalog, self.host = catalog, host
        self.style = style()
        self.depth = self._depth()
        self.shown = 0
        self.invalid = self.missed = self.found = self.partial = False

    def run(self) -> int:
        collected: list[Any] = []
        asked = False
        for text in self._texts():
            asked = True
            try:
                queries = queries_of(text)
            except InvalidQuery as error:
                complain(str(error))
                self.invalid = True
                continue
            for query in queries:
                if self.options.jsonl and query.kind is QueryKind.RANGE:
                    self._stream(query)
                else:
                    self._show(query, collected)
        if not asked:
            raise UsageError("standard input has no query: give one a line, as 305 or 443/udp")
        if self.options.json and collected:
            if len(collected) == 1:
                print_json(collected[0])
            else:
                from portbook.schema.answers import ANSWERS

                print_json(ANSWERS.encode(collected))
        if self.invalid:
            return 2
        if self.missed or self.found:
            return 1
        return 3 if self.options.strict and self.partial else 0

    def _depth(self) -> ScanOptions | None:
        options = self.options
        if not options.host:
            return None
        from portbook.app.listen import ScanOptions
        from portbook.model import OwnerSearch

        if options.notes:
            from portbook.catalog.expectations.lookup import check_named

            check_named(self.catalog.expectations)
        owners = OwnerSearch.ALL if options.all_owners or options.deep else OwnerSearch.FIRST
        depth = ScanOptions(
            owners,
            options.detail or options.deep,
            options.all_namespaces or options.deep,
            notes=options.notes,
            clients=options.clients,
        )
        return depth.probing() if options.probe else depth

    def _texts(self) -> Iterator[str]:
        if self.texts is not None:
            yield from self.texts
            return
        queries = self.options.queries
        if len(queries) == 1 and queries[0] != "-":
            yield from split_queries(queries[0])
            return
        from portbook.cli.given import joined, one_text, standard_input

        if len(queries) > 1 and one_text(queries, self.catalog):
            yield " ".join(queries)
            return
        for word in joined(queries):
            yield from standard_input() if word == "-" else split_queries(word)

    def _show(self, query: Query, collected: list[Any]) -> None:
        whole, as_json = self.options.full, self.options.json or self.options.jsonl
        short = not (whole or as_json)
        host = self.host
        if host is None and self.depth is not None:
            from portbook.host.host_reader import CommandsHost

            host = CommandsHost(briefly=short)
        found = answer(query, self.catalog, self.depth, short=short, whole=whole, host=host)
        self._weigh(found)
        if self.options.json or self.options.jsonl:
            from portbook.present.owners import viewer
            from portbook.present.render import port_json

            if self.options.jsonl:
                print_json(port_json.of(found, viewer()), line=True)
            else:
                collected.append(port_json.of(found, viewer()))
        else:
            if self.shown:
                print(f"\n{'─' * self.style.width}\n")
            show(self._render(found))
        self.shown += 1

    def _render(self, found: Answer) -> str:
        if isinstance(found, PortAnswer) and not self.options.full:
            from portbook.present.brief import compose_brief
            from portbook.present.owners import viewer
            from portbook.present.render.brief_text import render_brief

            brief = render_brief(compose_brief(found, viewer()), brief_style())
            return brief + (self._clients(found) if self.options.clients else "")
        if isinstance(found, PortAnswer):
            from portbook.present.port.page import compose
            from portbook.present.render.document_text import render_answer, render_page

            if found.host is None:
                page = render_page(compose(found), self.style)
                return f"{lead_of(found, self.style)}{page}"
            from portbook.present.brief import compose_brief
            from portbook.present.owners import viewer

            lead = lead_of(found, self.style)
            headline = "" if lead else compose_brief(found, viewer()).headline
            return lead + render_answer(compose(found), headline, self.style).removeprefix("\n")
        from portbook.app.list_lookup import RangeAnswer, ServiceAnswer

        if isinstance(found, ServiceAnswer | RangeAnswer) and not self.options.full:
            from portbook.present.list_briefs import brief_of
            from portbook.present.owners import viewer
            from portbook.present.render.brief_text import render_brief

            return render_brief(brief_of(found, viewer()), brief_style())
        if isinstance(found, ServiceAnswer):
            from portbook.present.render.document_text import render_page
            from portbook.present.views.service import compose_service

            return render_page(compose_service(found), self.style)
        from portbook.app.topics import TopicAnswer

        if isinstance(found, TopicAnswer):
            from portbook.present.topics import render_topic

            return render_topic(found, self.style)
        if isinstance(found, RangeAnswer):
            from portbook.present.render.document_text import render_page
            from portbook.present.views.ranges import Length, compose_range

            return render_page(compose_range(found, Length(rest="--json has them all")), self.style)
        from portbook.present.views import lists

        return lists.render_search(found, self.style)

    def _clients(self, found: PortAnswer) -> str:
        """Who is connected, below the short answer."""
        from portbook.present.port.this_machine import clients
        from portbook.present.render.document_text import render_item

        if found.clients is None:
            return "\nWho is connected can't be listed here.\n" if self.options.host else ""
        lines = [line for item in clients(found.clients) for line in render_item(item, self.style)]
        return "".join(f"{line}\n" for line in ("", self.style.bold("Clients"), *lines))

    def _stream(self, query: Query) -> None:
        """A range as one object a port, without this machine."""
        from portbook.app.port_lookup import answer_port
        from portbook.present.render import port_json

        for port in range(query.first, query.last + 1):
            one = query._replace(kind=QueryKind.PORT, first=port, last=port, notes=())
            print_json(port_json.of(answer_port(one, self.catalog)), line=True)

    def _weigh(self, found: Answer) -> None:
        if isinstance(found, PortAnswer):
            self._weigh_host(found)
            self.found |= fails(found)
            return
        from portbook.app.list_lookup import RangeAnswer, ServiceAnswer
        from portbook.app.topics import TopicAnswer

        if isinstance(found, RangeAnswer | ServiceAnswer):
            self._weigh_host(found)
        elif isinstance(found, TopicAnswer):
            self.found |= found.tells_failure
        else:
            self.missed |= not found.found

    def _weigh_host(self, found: PortAnswer | RangeAnswer | ServiceAnswer) -> None:
        self.found |= reaches(found.findings, self.options.fail_on)
        self.partial |= _partial(found.host)


def fails(found: PortAnswer) -> bool:
    """Whether what a text said failed would fail again, as far as this machine can tell."""
    failed = found.failed
    if failed is None or found.host is None:
        return False
    return failed.again is not False


def lead_of(found: PortAnswer, look: Style) -> str:
    """What stands before the page: the answer to what failed, or to what was asked of the port."""
    if found.failed is None and found.query.topic is None:
        return ""
    from portbook.present.failed import compose_failed, compose_request
    from portbook.present.owners import viewer
    from portbook.present.render.text import render_lead

    compose = compose_request if found.failed is None else compose_failed
    lead = compose(found, viewer())
    return f"{render_lead(lead.headline, lead.sentences, lead.next, look)}\n"


def _partial(host: Host | None) -> bool:
    if host is None:
        return False
    from portbook.model import Visibility

    return host.visibility is Visibility.PARTIAL
