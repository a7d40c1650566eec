"""No form of a page states what another lacks, or denies what another states."""

from __future__ import annotations

import html as markup
import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from portbook.app.list_lookup import RangeAnswer, ServiceAnswer, answer_blocks
from portbook.app.lookup import answer
from portbook.app.port_lookup import answer_port
from portbook.formats.errors.query import Query, QueryKind, parse_query
from portbook.model import RANGES, Source, State
from portbook.present.brief import compose_brief
from portbook.present.list_briefs import brief_of
from portbook.present.owners import Viewer
from portbook.present.port.changes import between
from portbook.present.port.on_record import UNUSED
from portbook.present.port.page import compose
from portbook.present.render import html, markdown, port_json
from portbook.present.render.brief_text import render_brief
from portbook.present.render.document_text import render_page
from portbook.present.render.text import Style
from portbook.present.sources import source_content, source_name
from portbook.present.views.ranges import Length, compose_blocks, compose_range
from portbook.present.views.service import compose_service
from portbook.present.words import (
    assignee,
    day,
    document,
    month,
    period,
    plural,
    span,
)
from portbook.web.pages import views
from portbook.web.pages.links import Links
from portbook.web.pages.lists import MOST_ENTRIES, RangePages
from portbook.web.site_config import Site
from tests.cases import for_each
from tests.command_line import run
from tests.counts import PROOF, every_port
from tests.values import AS_OF, CATALOG
from tests.web.reading import read_html, read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.model import PortRange
    from portbook.present.document import Page

SITE = Site(AS_OF, public=True, feedback=True)
# Assigned, unassigned, reserved and dynamic ones; with practice, abuse, history, quotations.
TOLD_OF = (
    0, 1, 8, 22, 23, 24, 25, 80, 135, 300, 305, 443, 853, 1023, 1024, 1433, 2825, 3000, 4200, 4444,
    5432, 6010, 6667, 8080, 8888, 9100, 12345, 27015, 27017, 31337, 36412, 49151, 50000, 65535,
)  # fmt: skip
_DATE = re.compile(r"\b\d{4}-\d{2}(?:-\d{2})?\b")
_ADDRESS = re.compile(r"https?://[^\s<>\"']+")
# The name of a source's host, with which HTML links to it.
_HOST = re.compile(r"(?<![\w.])\d[\w.-]*\.[a-z]{2,}(?![\w.])")
# Addresses that follow from a sentence, and the form to ask IANA with: in each form as it can.
_OF_SENTENCES = ("https://www.rfc-editor.org/rfc/", "https://www.iana.org/form/")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?!\w)")
_DENIALS = ("no software that uses it", "Only your machine can tell")


class Form(NamedTuple):
    """What a reader finds in one form of a page."""

    text: str  # all of it as one line, without markup
    addresses: frozenset[str]
    records: frozenset[str]
    states: dict[str, str]


def _forms(port: int) -> tuple[dict[str, Any], dict[str, Form]]:
    query = Query(QueryKind.PORT, str(port), port, port)
    found = answer_port(query, CATALOG, whole=True)
    page = compose(found)
    facts = json.loads(json.dumps(port_json.of(found)))
    # A long list goes on at an address of its own.
    body = views.port(found, CATALOG, SITE)
    table = (views.practice(found, SITE) or "").partition("<article>")[2].partition("</article>")[0]
    of_site = of_html(body.replace('<section id="feedback"', f'{table}<section id="feedback"'))
    return facts, {
        "text": of_text(render_page(page, Style(80))),
        "markdown": of_markdown(markdown.render_page(page)),
        # Where others have a line in short, the site has the brief, which has tests of its own.
        "html": of_site._replace(text=f"{page.character} {of_site.text}"),
    }


def _numbers(text: str) -> list[str]:
    return _NUMBER.findall(_HOST.sub("", _ADDRESS.sub("", text)))


def _addresses(text: str) -> frozenset[str]:
    found = set()
    for each in _ADDRESS.findall(text):
        address = each.rstrip(".,;]")
        if address.count(")") > address.count("("):
            address = address.rstrip(")")
        found.add(address)
    return frozenset(each for each in found if not each.startswith(_OF_SENTENCES))


def _goes_on(line: str) -> bool:
    """Whether *line* is of a head of several names, which goes on below it."""
    return bool(re.match(r"  \S", line)) and line.count(",") > 1


def of_text(text: str) -> Form:
    """The form for a terminal: long words stand whole, so a line's end is a space."""
    records = set()
    lines = text.splitlines()
    for at, line in enumerate(lines):
        # A record is a head, which goes on where it is long, and lines further in.
        if re.match(r"    https?://\S+ \(\d+ \w+ \d{4}\)$", line):
            begin = at - 1
            while lines[begin].startswith("    "):
                begin -= 1
            while "·" not in lines[begin]:
                begin -= 1
            while _goes_on(lines[begin - 1]) or lines[begin].startswith("  ·"):  # a line of names
                begin -= 1
            head = " ".join(each.strip() for each in lines[begin:at])
            records.add(head.partition(" · ")[0])
    return Form(
        " ".join(text.split()), _addresses(text), frozenset(records), read_text(text).states
    )


def of_markdown(text: str) -> Form:
    """Without what Markdown marks, and with what is escaped as it is."""
    text = text.replace("`", "")
    bare = re.sub(
        r"\\(.)|\*\*|<|>|^#+ |^- |\||(?<!\S)---(?!\S)",
        lambda each: each[1] or " ",
        text,
        flags=re.MULTILINE,
    )
    heads = re.findall(r"^- \*\*(.*?)\*\* \(", text, re.MULTILINE)
    states = " ".join(text.split("\n")[2].replace("**", "").split())
    return Form(
        " ".join(bare.split()),
        _addresses(bare),
        frozenset(re.sub(r"\\(.)", r"\1", head) for head in heads),
        read_text(f"\n{states}\nrange\n\n").states,
    )


def of_html(text: str) -> Form:
    """What stands in the page's own part, with a terminal's quotation marks."""
    main = (
        text.partition('<header class="hero')[2]
        .partition("</main>")[0]
        .partition('<section id="feedback"')[0]
    )
    if '<div class="lead">' in main:  # the card is the short answer, and so is the line above
        lead, _, rest = main.partition('<div class="lead">')[2].partition("</header>")
        body = rest.partition('<div class="body">')[2]
        main = f"{main.partition('</h1>')[0]} {lead} {body}"
    else:
        main = re.sub('<p class="answer">.*?</p>', "", main)
        lead, _, rest = main.partition("</figure>")  # a picture of ports
        main = lead + rest
    main = re.sub("<summary>.*?</summary>", "", main)  # how many rows are folded
    hrefs = {markup.unescape(each) for each in re.findall(r'href="(https?://.*?)"', main)}
    unlinked = re.sub(r"</?a\b[^>]*>", "", main)  # each of several names leads to its file
    records = re.findall(r'<li><b>([^<]*)</b> <span class="kind">', unlinked)
    records += re.findall(r'<tr><th>([^<]*)</th><td>[^<]* <span class="kind">', unlinked)
    bare = markup.unescape(
        re.sub(r"<[^>]*>", " ", re.sub(r"</?(?:a|b|i|time|span|code)\b[^>]*>", "", main))
    )
    plain = bare.translate(str.maketrans("“”’", '""\''))
    return Form(
        " ".join(plain.split()),
        frozenset(each for each in hrefs if not each.startswith(_OF_SENTENCES)),
        frozenset(map(markup.unescape, records)),
        read_html(text).states,
    )


def _stated(facts: dict[str, Any]) -> Iterator[str]:
    """What JSON states, each as the words of a page have it."""
    yield from _of_the_registry(facts)
    yield from _of_practice(facts)
    yield from _of_the_number(facts["page"])
    for source in facts["sources"]:
        yield from _of_a_source(source)


def _of_a_source(source: dict[str, Any]) -> Iterator[str]:
    yield source_name(Source(**source))
    yield source_content(Source(**source))


def _of_a_row(row: dict[str, Any]) -> Iterator[str]:
    title = (row["description"] or "").partition("\n")[0]
    values = ("service_name", "service_code", "notes", "unauthorized_use")
    yield from (row[value] or "" for value in values)
    yield assignee(row["assignee"] or "")
    yield from (day(row[value] or "") for value in ("registered", "modified"))
    yield "" if title.startswith("IANA assigned this") else title
    yield from [*row["aliases"], *map(document, row["references"])]


def _of_the_past(facts: dict[str, Any]) -> Iterator[str]:
    for listing in facts.get("listings", ()):
        yield from (f"RFC {listing['rfc']}", month(listing["published"]), listing["words"])
    for rfc in facts.get("documents", ()):
        yield from (rfc["name"], rfc["title"], month(rfc["published"]))
    for change in facts["history"]:
        yield between(change["since"], change["until"]).removeprefix("between ")
        yield from (*change["before"]["service_names"], *change["after"]["service_names"])
    if facts["compared"]:
        yield from (month(facts["compared"]["first"]), month(facts["compared"]["last"]))


def _of_programs(facts: dict[str, Any]) -> Iterator[str]:
    for program in facts["programs"]:
        yield from (program["product"], day(program["read"]), *program["executables"])
        yield from (f"{each['port']}/{each['transport']}" for each in program["ports"])


def _of_the_registry(facts: dict[str, Any]) -> Iterator[str]:
    for standing in facts["transports"].values():
        for row in standing["assignments"]:
            yield from _of_a_row(row)
        if standing["text"] and not standing["assignments"]:
            yield standing["text"].partition("\n")[0]
    block = facts["block"]
    if block["size"] > 1:
        yield from (f"{block['first']}–{block['last']}", f"{block['size']:,}")
    for near in (*facts["neighbours"]["before"], *facts["neighbours"]["after"]):
        yield from (str(near["port"]), *near["service_names"], near["description"] or "")
    yield from _of_the_past(facts)


def _of_a_use(use: dict[str, Any]) -> Iterator[str]:
    yield from (use["product"], use["kind"], use["transport"], use["summary"], day(use["read"]))
    if use["first"] < use["last"]:
        yield f"{use['first']}–{use['last']}"


def _of_services(facts: dict[str, Any]) -> Iterator[str]:
    for service in facts["services"]:
        yield from (service["name"], service["description"], service["people"] or "")
        yield from (service["twin"] or "", service["successor"] or "", *service["elsewhere"])
        yield from (day(service["read"]), service["amplification"] or "", *service["references"])
        exposure = service["exposure"]
        yield from (exposure["advice"], exposure["why"]) if exposure else ()


def _of_practice(facts: dict[str, Any]) -> Iterator[str]:
    yield from _of_services(facts)
    for use in facts["uses"]:
        yield from _of_a_use(use)
    yield from _of_programs(facts)
    for report in facts["abuse"]:
        yield from (report["subject"], report["threat"], report["transport"], report["summary"])
        yield from (day(report["read"]), period(report["period"]))
    if facts["browser_blocked"]:
        yield "Browsers refuse to open it"


def _of_the_number(page: dict[str, Any]) -> Iterator[str]:
    yield from page["implementing"][:12]  # a page says how many more there are
    for tie in page["ties"]:
        yield from (str(tie["port"]), *tie["service_names"], tie["of"])
    for shared in (*page["same_service"], *page["same_document"]):
        yield document(shared["what"])
        for each in shared["ports"]:
            yield from (str(each["first"]), *each["service_names"], each["description"] or "")
    swapped = page["swapped"]
    yield from (str(swapped["port"]), *swapped["service_names"])
    for each in page["questions"]:
        yield from (each["question"], each["answer"])


@cache
def _ports() -> tuple[int, ...]:
    stride = 33 if PROOF else 90
    return tuple(sorted({*every_port()[::stride], *TOLD_OF}))


@pytest.mark.proof
def test_every_form_of_a_port_states_the_same() -> None:
    kinds = set()
    wrong = []
    for port in _ports():
        facts, forms = _forms(port)
        kinds |= {facts["state"]}
        kinds |= {name for name in ("uses", "programs", "abuse", "history") if facts[name]}
        assert set(forms) == {"text", "markdown", "html"}
        wrong += [
            (port, name, each) for name, form in forms.items() for each in _at_odds(form, facts)
        ]
        text, *others = [_numbers(form.text) for form in forms.values()]
        # A link of the site says how many uses its page has.
        told = {(use["product"], use["summary"], use["source"]) for use in facts["uses"]}
        counted = {str(len(told)), str(len({product for product, _, _ in told}))}
        wrong += [
            (port, "numbers", odd) for other in others if (odd := set(text) ^ set(other)) - counted
        ]
    assert wrong == []
    assert kinds >= {"assigned", "unassigned", "reserved", "dynamic", "uses", "programs", "abuse",
                     "history"}  # fmt: skip


def _of_statements(facts: dict[str, Any]) -> set[str]:
    """The addresses that show a single statement: what else a product is called, say."""
    told = [
        one for name in ("services", "uses", "abuse", "programs") for one in facts.get(name, ())
    ]
    return {each["source"] for one in told for each in one.get("sources", ())}


def _shows(uses: list[dict[str, Any]], document: str) -> int:
    """How many of *uses* are shown by lines of *document*, or by all of it."""
    return sum(use["source"].partition("#")[0] == document for use in uses)


def _at_odds(form: Form, facts: dict[str, Any]) -> Iterator[object]:
    """What *form* lacks of *facts*, states beyond them, or denies."""
    states = {transport: each["state"] for transport, each in facts["transports"].items()}
    if form.states != states:
        yield form.states
    sourced = [*facts["uses"], *facts["programs"], *facts["abuse"], *facts["services"]]
    records = {each.get("product") or each.get("subject") or each["name"] for each in sourced}
    # Products of which one document says the same stand as one line of names.
    told = [name if name in records else name.split(", ") for name in form.records]
    yield from {each for some in told for each in ([some] if type(some) is str else some)} ^ records
    addresses = {each["source"] for each in sourced}
    addresses |= _of_statements(facts)
    addresses |= {each["url"] for each in facts["sources"] if each["url"]}
    # A reference of the registry may be an address.
    registered = json.dumps(facts["transports"], ensure_ascii=False)
    addresses |= {each for each in form.addresses if f'"{each}"' in registered}
    whole = json.dumps(facts, ensure_ascii=False)
    addresses |= _quoted(form, whole)
    # The address of such a document stands there once, without the lines of each product.
    joined = {each for each in form.addresses if _shows(facts["uses"], each) > 2}
    # So does that of a folder, and behind it the file of each product.
    folders = {f"{each.replace('/tree/', '/blob/', 1)}/" for each in form.addresses}
    folders = {each for each in folders if sum(one.startswith(each) for one in addresses) > 2}
    in_folders = {
        each for each in addresses for folder in folders
        if each.startswith(folder) and each.removeprefix(folder) in form.text
    }  # fmt: skip
    trees = {each.replace("/blob/", "/tree/", 1).rstrip("/") for each in folders}
    yield from form.addresses - addresses - joined - trees
    lacking = addresses - form.addresses - in_folders
    yield from [each for each in lacking if each.partition("#")[0] not in joined]
    yield from {*_DATE.findall(form.text)} - {*_DATE.findall(whole)}
    stated = [" ".join(each.replace("`", "").split()) for each in _stated(facts)]
    text = form.text.replace("`", "")  # around commands, where the form marks them so
    yield from [each for each in stated if each not in text]
    denials = [*_DENIALS] if facts["uses"] or facts["programs"] else []
    denials += ["no reported abuse"] if facts["abuse"] else []
    yield from [each for each in denials if each in form.text]


def _quoted(form: Form, facts: str) -> set[str]:
    """Addresses that stand inside of a text that is quoted."""
    return {each for each in form.addresses if each in facts and f'"{each}"' not in facts}


@pytest.mark.parametrize("port", [22, 80, 305, 8080, 50000])
def test_the_whole_page_of_a_terminal_is_the_one_of_the_site(
    port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    query = Query(QueryKind.PORT, str(port), port, port)
    found = answer_port(query, CATALOG, whole=True)
    assert run([str(port), "--full", "--no-host"]) == 0
    assert capsys.readouterr().out == render_page(compose(found), Style(80))
    assert run([str(port), "--full", "--no-host", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(port_json.of(found)))
    assert run([str(port), "--no-host", "--json"]) == 0
    short = json.loads(capsys.readouterr().out)
    whole = json.loads(json.dumps(port_json.of(found)))
    assert short["page"] is None
    assert {**short, "page": whole["page"], "sources": whole["sources"]} == whole


def test_a_short_page_denies_nothing_that_the_whole_one_states() -> None:
    for port in TOLD_OF:
        query = Query(QueryKind.PORT, str(port), port, port)
        whole = render_page(compose(answer_port(query, CATALOG, whole=True)), Style(80))
        short = render_page(compose(answer_port(query, CATALOG)), Style(80))
        lines = [*short.partition("\nSources\n")[0].splitlines()]
        assert lines
        # The whole page denies a use in its lead, so its section of practice may be empty.
        denied = {"In practice", f"  {UNUSED}"} if UNUSED in whole else set()
        missing = [line for line in lines if line not in whole and line not in denied]
        assert missing == []


@pytest.mark.parametrize(
    ("port", "transport"), [(443, "udp"), (8, "udp"), (300, "sctp"), (80, "sctp")]
)
def test_a_whole_page_of_one_transport_is_wrong_about_no_other(port: int, transport: str) -> None:
    from portbook.model import Transport

    query = Query(QueryKind.PORT, f"{port}/{transport}", port, port, Transport(transport))
    narrow = answer_port(query, CATALOG, whole=True)
    wide = answer_port(query._replace(transport=None), CATALOG, whole=True)
    sections = {each.id: each for each in compose(narrow).sections}
    for each in compose(wide).sections:
        if each.id in ("questions", "details"):
            assert sections[each.id] == each
    assert compose(narrow).lead == compose(wide).lead
    assert port_json.of(narrow)["page"] == port_json.of(wide)["page"]
    assert set(port_json.of(narrow)["transports"]) == {transport}


@cache
def _names() -> tuple[str, ...]:
    names = {row.service_name: None for row in CATALOG.registry.store.all() if row.service_name}
    some = [*names][:: 1 if PROOF else 120]
    # With and without a port, over a range, of no transport, renamed, with notes, with a program.
    kinds = ("ssh", "https", "x11", "tcp", "1password", "vrml-multi-use", "xrpl", "http", "domain",
             "postgresql", "dec-notes")  # fmt: skip
    return tuple(dict.fromkeys([*some, *kinds]))


_KINDS = {"assignments", "without_port", "programs", "history", "uses"}


@pytest.mark.proof
def test_every_form_of_a_service_states_the_same() -> None:
    wrong: list[object] = []
    kinds = set()
    for name in _names():
        found = answer(Query(QueryKind.NAME, name), CATALOG)
        assert isinstance(found, ServiceAnswer), name
        page = compose_service(found)
        facts = json.loads(json.dumps(port_json.of(found)))
        kinds |= {key for key in _KINDS if facts[key]}
        forms = {
            "text": of_text(render_page(page, Style(80))),
            "markdown": of_markdown(markdown.render_page(page)),
            "html": of_html(views.service(found, SITE).replace('class="front"', 'class="hero"')),
        }
        rows = [*facts["assignments"], *facts["without_port"]]
        stated = [word for row in rows for word in _of_a_row(row)]
        stated += [*_of_programs(facts), *_of_the_past(facts), *map(str, facts["ports"])]
        stated += [word for source in facts["sources"] for word in _of_a_source(source)]
        uses = [*facts["uses"], *facts["alike"]]
        stated += [word for use in uses for word in _of_a_use(use)]
        sourced = [*facts["programs"], *uses, *facts["services"]]
        addresses = {each["source"] for each in sourced}
        addresses |= _of_statements(facts)
        addresses = {each for each in addresses if not each.startswith(_OF_SENTENCES)}
        addresses |= {each["url"] for each in facts["sources"] if each["url"]}
        whole = json.dumps(facts, ensure_ascii=False)
        cited = {each for row in rows for each in row["references"]}  # links in some forms
        for kind, form in forms.items():
            words = [" ".join(word.split()) for word in stated]
            wrong += [(name, kind, word) for word in words if word not in form.text]
            at_odds = (form.addresses ^ (addresses | _quoted(form, whole))) - cited
            at_odds |= form.records ^ {each.get("product") or each["name"] for each in sourced}
            at_odds |= {*_DATE.findall(form.text)} - {*_DATE.findall(whole)}
            wrong += [(name, kind, each) for each in at_odds]
        text, *others = [{*_numbers(each.text)} for each in forms.values()]
        wrong += [(name, "numbers", text ^ other) for other in others if text ^ other]
    assert wrong == []
    assert kinds == _KINDS


def _of_a_range(facts: dict[str, Any], most: int) -> Iterator[str]:
    """What JSON states of a range, as far as a page lists it: *most* of each kind."""
    yield from (f"{state} {count:,}" for state, count in facts["states"].items() if count)
    yield from (str(facts["first"]), str(facts["last"]), f"{facts['size']:,}")
    services = dict.fromkeys(
        (row["first"], row["last"], row["service_name"], row["description"])
        for row in facts["assignments"]
    )
    for first, last, name, description in [*services][:most]:
        title = (description or "").partition("\n")[0]
        yield from (str(first), span(first, last), name or "")
        yield "" if title.startswith("IANA assigned this") else title
    if not services:
        yield "No service is assigned in this range."
    yield from _of_blocks(_shown_blocks(facts, most))
    for each in facts["ephemeral"]:
        yield from (each["system"], f"{each['first']}–{each['last']}")
    for kind in ("uses", "programs", "abuse"):
        for each in facts[kind][:most]:
            yield from (each.get("product") or each["subject"], day(each["read"]))
    for source in facts["sources"]:
        yield from _of_a_source(source)


def _shown_blocks(facts: dict[str, Any], most: int) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = facts["blocks"]
    if len(blocks) > most:
        blocks = sorted(blocks, key=lambda block: (-block["size"], block["first"]))
    return blocks[:most]


def _of_blocks(blocks: list[dict[str, Any]]) -> Iterator[str]:
    for block in blocks:
        yield from (span(block["first"], block["last"]), plural(block["size"], "port"))
        yield from (block["state"], f"{block['rank']} of {block['of']}")


def _printed(page: Page, of_site: str) -> dict[str, Form]:
    """The forms of *page*; *of_site* is its HTML."""
    picture = re.sub('<figure class="slice">.*</figure>', "</figure>", of_site)
    front = picture.replace('class="front"', 'class="hero"').partition('<section id="stretches"')
    return {
        "text": of_text(render_page(page, Style(80))),
        "markdown": of_markdown(markdown.render_page(page)),
        "html": of_html(f"{front[0]}</main>"),
    }


def _forms_at_odds(forms: dict[str, Form], stated: Iterable[str]) -> list[object]:
    """What a form lacks of *stated*, and numbers, records, addresses that not all of them have."""
    words = [" ".join(word.split()) for word in stated]
    wrong: list[object] = [
        (kind, word) for kind, form in forms.items() for word in words if word not in form.text
    ]
    for of in (
        lambda form: {*_numbers(form.text)},
        lambda form: form.records,
        lambda form: form.addresses,
    ):
        first, *others = map(of, forms.values())
        wrong += [first ^ other for other in others if first ^ other]
    return wrong


@pytest.mark.parametrize("own", RANGES, ids=lambda own: own.name)
def test_every_form_of_a_named_range_states_the_same(own: PortRange) -> None:
    found = answer(Query(QueryKind.RANGE, own.name, own.first, own.last), CATALOG)
    assert isinstance(found, RangeAnswer)
    facts = json.loads(json.dumps(port_json.of(found)))
    page = CATALOG.derived(RangePages).page(own.name)
    assert page == compose_range(found, Length(MOST_ENTRIES))
    forms = _printed(page, views.range_(own.name, CATALOG, SITE))
    assert _forms_at_odds(forms, _of_a_range(facts, MOST_ENTRIES)) == []
    assert own.title in forms["html"].text


@for_each(
    "text",
    ["0-1023", "300-310", "301-307", "2000-2100/udp", "6000-6063", "8000-8100", "4200-4299/sctp"],
)
def test_every_form_of_a_range_states_the_same(text: str) -> None:
    found = answer(parse_query(text), CATALOG)
    assert isinstance(found, RangeAnswer)
    facts = json.loads(json.dumps(port_json.of(found)))
    page = compose_range(found)
    sections = html.sections(page.sections, Links(SITE))
    states = "".join(f"<p>{state} {said}</p>" for state, said in page.states)
    head = f'<header class="front"><h1>{page.title}</h1>{page.character}{states}</header>'
    forms = _printed(page, f"{head}</figure>{sections}</main>")
    assert _forms_at_odds(forms, _of_a_range(facts, 40)) == []
    shown = {"uses": "product", "programs": "product", "abuse": "subject"}
    brief = brief_of(found, Viewer())
    short = render_brief(brief, Style(200))
    assert facts["brief"]["headline"] == brief.headline
    on_record = [each[name] for kind, name in shown.items() for each in facts[kind]]
    if brief.practice is not None and not on_record:
        assert "no known use" in brief.practice
    if on_record:
        assert "no known use" not in short
        assert any(each in short for each in on_record)


@pytest.mark.parametrize("state", [None, *State])
@pytest.mark.parametrize("range_name", [None, "system", "user", "dynamic"])
def test_every_form_of_blocks_states_the_same(state: State | None, range_name: str | None) -> None:
    found = answer_blocks(CATALOG, state, range_name)
    facts = json.loads(json.dumps(port_json.of_blocks(found)))
    forms = _printed(compose_blocks(found, Length(60)), views.blocks(found, SITE))
    stated = [*_of_blocks(facts["blocks"][:60]), plural(facts["ports"], "port")]
    stated += [f"{facts['count']:,}", *(word for one in facts["sources"] for word in
                                        _of_a_source(one))]  # fmt: skip
    assert _forms_at_odds(forms, stated) == []
    whole = of_text(render_page(compose_blocks(found), Style(80)))
    missing = [each for each in _of_blocks(facts["blocks"]) if each not in whole.text]
    assert missing == []
    left = facts["count"] - 60
    assert ("more: JSON has them all" in forms["html"].text) is (left > 0)
    assert left <= 0 or f"and {left:,} more" in forms["markdown"].text


@pytest.mark.proof
def test_the_short_answer_says_what_the_others_say_and_denies_nothing() -> None:
    wrong = []
    for port in _ports():
        query = Query(QueryKind.PORT, str(port), port, port)
        found = answer_port(query, CATALOG)
        facts = json.loads(json.dumps(port_json.of(found)))
        brief = compose_brief(found, Viewer())
        short = render_brief(brief, Style(80))
        on_record = [*facts["uses"], *facts["programs"], *facts["abuse"]]
        rows = [row for each in facts["transports"].values() for row in each["assignments"]]
        noted = [row for row in rows if row["notes"] or row["unauthorized_use"]]
        if "no known use" in short and (on_record or noted):
            wrong.append((port, "denied"))
        if facts["abuse"] and "Reported" not in short:
            wrong.append((port, "abuse"))
        if (facts["uses"] or facts["programs"]) and not brief.practice:
            wrong.append((port, "practice"))
        told = {key: facts["brief"][key] for key in ("headline", "practice", "registry", "abuse")}
        if told != {key: getattr(brief, key) for key in told}:
            wrong.append((port, "json"))
    assert wrong == []
