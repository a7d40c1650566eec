"""``portbook topic``."""

from __future__ import annotations

from portbook.app.topics import Topic, TopicAnswer, answer_topic, topic_named
from portbook.cli.help import Parser, add_json
from portbook.cli.terminal import print_json, show, style
from portbook.formats.errors.query import Query, QueryKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.catalog import Catalog


def run(argv: Sequence[str], catalog: Catalog) -> int:
    """Prints the page of one topic, or the names of all."""
    parser = Parser(
        "topic",
        "Show a page on what people ask: refused, localhost, ephemeral, excluded, register, "
        "time-wait and more; without a name, list them.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help=", ".join(map(str, Topic)))
    add_json(parser)
    options = parser.parse_args(list(argv))
    if options.name is None:
        return _list(as_json=options.json)
    from portbook.app.listen import ScanOptions

    topic = topic_named(options.name)
    answer = answer_topic(topic, Query(QueryKind.TEXT, topic), catalog, ScanOptions())
    if options.json:
        from portbook.present.render import port_json

        print_json(port_json.of(answer))
    else:
        from portbook.present.topics import render_topic

        show(render_topic(answer, style()))
    return 0


def _list(*, as_json: bool) -> int:
    from portbook.present.topics import PAGES

    if as_json:
        from portbook.present.render import port_json
        from portbook.schema.answers import ANSWERS

        answers = [TopicAnswer(Query(QueryKind.TEXT, topic), topic) for topic in Topic]
        print_json(ANSWERS.encode([*map(port_json.of, answers)]))
        return 0
    from portbook.present.render.text import table

    rows = [(str(topic), page.title) for topic, page in PAGES.items()]
    show("\n".join(table(rows, style(), "")) + "\n")
    return 0
