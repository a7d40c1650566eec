"""Every use case as one call, for programs; the package itself offers these functions.

Each takes the catalog to answer from. Without one, a catalog is opened for the call: for more than
one question, open a :class:`portbook.Catalog` and pass it on. Where a data file can't be used, each
raises DataMissing or DataCorrupt.
"""

from __future__ import annotations

from portbook.catalog import Catalog
from portbook.model import Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from portbook.app.bind.diagnose import Why
    from portbook.app.doctor import Checkup
    from portbook.app.explain import ExplainAnswer
    from portbook.app.history import Chronicle
    from portbook.app.listen import HereAnswer, ScanOptions
    from portbook.app.lookup import Answer
    from portbook.app.notes import NotesInForce, Written
    from portbook.app.pick.criteria import Pick, Wanted
    from portbook.app.reach import ReachReport
    from portbook.app.search import SearchAnswer
    from portbook.app.socket_filter import Filter
    from portbook.app.stop.executor import Outcome as StopOutcome
    from portbook.app.stop.executor import Waiting, Way
    from portbook.app.stop.model import Named, Plan
    from portbook.app.topics import TopicAnswer
    from portbook.app.wait import Waited
    from portbook.app.watch import Watch
    from portbook.catalog.expectations.lookup import NotesFile
    from portbook.catalog.registry.stats import Stats
    from portbook.formats.errors.query import Query
    from portbook.host.port_reservation import Reservation
    from portbook.model import Block, State


def lookup(
    query: str | Query, depth: ScanOptions | None = None, *, catalog: Catalog | None = None
) -> Answer:
    """Everything about what *query* names: a port, a range, a service, a pasted error, or text.

    *depth* says how closely to look at this machine; None leaves it out.

    >>> [row.service_name for row in lookup("853/udp").standings[Transport.UDP].assignments]
    ['domain-s']

    :raises InvalidQuery: it names a port that there can't be.
    """
    from portbook.app.lookup import answer
    from portbook.formats.errors.query import parse_query

    asked = parse_query(query) if isinstance(query, str) else query
    return answer(asked, catalog or Catalog(), depth)


def search(
    text: str, limit: int = 20, *, notes: bool = False, catalog: Catalog | None = None
) -> SearchAnswer:
    """The services and products that *text* finds by name, description or alias, best first.

    ``shown`` of the answer is *limit*. *notes* searches the user's own notes as well.

    >>> search("postgress").matches[0].service_name
    'postgresql'
    """
    from portbook.app.search import search_text

    return search_text(text, catalog or Catalog(), limit, notes=notes)


def topic(
    name: str, depth: ScanOptions | None = None, *, catalog: Catalog | None = None
) -> TopicAnswer:
    """A page on what people ask about ports in general; *depth* adds facts of this machine.

    >>> topic("time-wait").topic
    <Topic.TIME_WAIT: 'time-wait'>

    :raises InvalidArgument: there is no topic of that name.
    """
    from portbook.app.topics import answer_topic, topic_named
    from portbook.formats.errors.query import Query, QueryKind

    found = topic_named(name)
    return answer_topic(found, Query(QueryKind.TEXT, found), catalog or Catalog(), depth)


def listen(
    wanted: Filter | None = None,
    depth: ScanOptions | None = None,
    *,
    catalog: Catalog | None = None,
) -> HereAnswer:
    """What listens or is bound on this machine, the most serious first, each with its findings.

    *wanted* says which sockets, by default all; *depth* how far to look, by default at every
    process.

    :raises HostUnreadable: this machine's sockets can't be listed.
    """
    from portbook.app.listen import ScanOptions, answer_here
    from portbook.app.socket_filter import Filter
    from portbook.model import OwnerSearch

    how_far = ScanOptions(OwnerSearch.ALL) if depth is None else depth
    return answer_here(wanted or Filter(), how_far, catalog or Catalog())


def watch(
    wanted: Filter | None = None, *, notes: bool = True, catalog: Catalog | None = None
) -> Watch:
    """A watch over this machine's sockets; each ``step()`` of it tells what changed since the last.

    *notes* takes the user's own notes into account.

    :raises HostUnreadable: this machine's sockets can't be listed.
    """
    from portbook.app.listen import watch_here
    from portbook.app.socket_filter import Filter

    return watch_here(wanted or Filter(), catalog or Catalog(), notes=notes)


def explain(
    output: bytes | Iterable[bytes],
    wanted: Filter | None = None,
    *,
    format: str | None = None,  # noqa: A002 - the word of the command line and of the answer
    older: bytes | Iterable[bytes] | None = None,
    plugins: bool = False,
    catalog: Catalog | None = None,
) -> ExplainAnswer:
    """What another tool printed, each socket with its verdict; *format* is detected unless given.

    *older* is an earlier output, of whichever tool, to say what changed since. With *plugins*,
    formats of installed packages are read too; their code runs then.

    :raises MalformedInput: nothing can be read.
    :raises InvalidArgument: there is no format of that name.
    """
    from portbook.app import explain as captures
    from portbook.app.socket_filter import Filter

    def chunks(given: bytes | Iterable[bytes]) -> Iterable[bytes]:
        return [given] if isinstance(given, bytes) else given

    return captures.explain(
        chunks(output),
        wanted or Filter(),
        catalog or Catalog(),
        format,
        None if older is None else chunks(older),
        plugins=plugins,
    )


def why(
    port: int,
    transport: Transport = Transport.TCP,
    address: str | None = None,
    *,
    notes: bool = True,
    catalog: Catalog | None = None,
) -> Why:
    """Whether *port* can be bound now, on *address* or on every one, and why.

    The port is bound for real, for a moment, and nothing listens on it meanwhile. *address* is
    numeric, or ``localhost`` for both loopback addresses. *notes* takes the user's own into
    account.

    :raises InvalidQuery: port 0, which no socket can hold.
    """
    from portbook.app.bind.diagnose import why_bind

    return why_bind(port, transport, catalog or Catalog(), address, notes=notes)


def pick(wanted: Wanted | None = None, *, catalog: Catalog | None = None) -> Pick:
    """Ports that nobody has a claim on and that are free on this machine, with the reasons.

    :raises InvalidQuery: a count, a range or a name that can't be served.
    """
    from portbook.app.pick.criteria import Wanted
    from portbook.app.pick.host_checks import pick_here

    return pick_here(wanted or Wanted(), catalog or Catalog())


def reserve(
    wanted: Wanted | None = None,
    transport: Transport = Transport.TCP,
    address: str | None = None,
    *,
    catalog: Catalog | None = None,
) -> tuple[Pick, Reservation | None]:
    """As :func:`pick`, with the ports bound on *address* or on every one until it is closed.

    None where no port was good.

    :raises InvalidQuery: a count, a range or a name that can't be served.
    :raises NotReserved: what was picked can't be bound.
    """
    from portbook.app.pick.criteria import Wanted
    from portbook.app.pick.host_checks import pick_and_hold

    return pick_and_hold(wanted or Wanted(), transport, address, catalog or Catalog())


def plan_stop(
    port: int,
    transport: Transport | None = None,
    address: str | None = None,
    *,
    manager: bool = True,
    named: Named | None = None,
) -> Plan:
    """What :func:`stop` would do to free *port*, and what would be lost; nothing is done yet.

    Of several programs on the port *named* says which are meant, by default all.

    :raises InvalidQuery: port 0, on which nothing can listen.
    :raises HostUnreadable: nothing can be ended from here.
    """
    from portbook.app.stop import collect
    from portbook.app.stop.model import Named

    meant = Named() if named is None else named
    return collect.plan_stop(port, transport, address, manager=manager, named=meant)


def stop(
    plan: Plan, way: Way | None = None, progress: Callable[[Waiting], None] | None = None
) -> StopOutcome:
    """Carries out *plan*, and says what became of it; *progress* is called while that takes long.

    :raises HostUnreadable: nothing can be ended from here.
    """
    from portbook.app.stop import collect
    from portbook.app.stop.executor import Way

    return collect.stop(plan, way or Way(), progress or _be_silent)


def wait(
    port: int,
    transport: Transport | None = None,
    address: str | None = None,
    *,
    free: bool = False,
    timeout: float | None = 60.0,
) -> Waited:
    """Waits until something listens on *port* of this machine, or with *free* until nothing does.

    It waits *timeout* seconds at most; 0 looks once, None waits for ever. ``met`` of the answer
    says whether that happened.

    :raises InvalidQuery: port 0, on which nothing can listen.
    :raises InvalidArgument: a time below 0, or longer than a week.
    """
    from portbook.app.wait import WaitRequest, wait_here

    return wait_here(
        WaitRequest(port=port, transport=transport, address=address, free=free, timeout=timeout)
    )


def reach(
    port: int,
    transport: Transport | None = None,
    name: str | None = None,
    *,
    resolve: bool = False,
) -> ReachReport:
    """From where *port* of this machine can be reached, and which firewall rule decides.

    With *name*, an address of this machine or a name in its files, also which program answers
    there; *resolve* asks DNS for another name. Without root, firewall rules can't be read.

    :raises InvalidQuery: port 0, a name that isn't known, another machine's address.
    :raises HostUnreadable: the kernel doesn't tell its interfaces.
    """
    from portbook.app.reach import ReachRequest, reach_here

    return reach_here(ReachRequest(port, transport, name, resolve))


def _be_silent(_: Waiting) -> None: ...


def doctor(*, catalog: Catalog | None = None) -> Checkup:
    """What portbook can see on this machine and why not more, the registry's age, the extras.

    :raises HostUnreadable: this machine's sockets can't be listed.
    """
    from portbook.app.doctor import check_up

    return check_up(catalog or Catalog())


def notes() -> NotesInForce:
    """The files of notes on ports that are read in this folder, and whose they are."""
    from portbook.app.notes import read_notes_in_force

    return read_notes_in_force()


def note(port: int, text: str, transport: Transport | None = None) -> Written:
    """Writes down what *port* is for, in the user's own file of notes.

    :raises InvalidArgument: *text* can't be a label.
    :raises BadNotes: the file holds what isn't a note, or can't be changed safely.
    :raises NotKept: it can't be read or written.
    """
    from portbook.app.notes import note_port

    return note_port(port, text, transport)


def adopt(*, catalog: Catalog | None = None) -> Written:
    """Writes down what listens now: a label and the program for each port without a note.

    Raises as :func:`note`, and HostUnreadable.
    """
    from portbook.app.notes import adopt as write_down

    return write_down(catalog or Catalog())


def trust(file: str) -> NotesFile:
    """Lets the notes of a project's *file* or folder count, as they are now.

    :raises InvalidArgument: it is no project's.
    :raises BadNotes: it can't be read safely, or holds what isn't a note.
    :raises NotKept: that can't be written down.
    """
    from portbook.app.notes import trust_project

    return trust_project(file)


def distrust(file: str) -> bool:
    """Lets the notes of a project's *file* only label ports; whether they counted before.

    :raises NotKept: that can't be written down.
    """
    from portbook.app.notes import distrust_project

    return distrust_project(file)


def history(
    of: str | None = None, since: str | None = None, *, catalog: Catalog | None = None
) -> Chronicle:
    """What became of a port or of a service, or, without one, of the whole registry.

    *since* is a day, a month or a year: ``2025-01-31``, ``2025``.

    >>> [str(change.kind) for change in history("300").changes]
    ['assigned', 'reserved']

    :raises InvalidQuery: *of* is a range, or a port that there can't be.
    :raises InvalidArgument: *since* is no day.
    """
    from portbook.app.history import chronicle, is_since, subject_of
    from portbook.errors import InvalidArgument, shown

    if since is not None and not is_since(since):
        raise InvalidArgument("since", f"{shown(since)} is no date: give 2025-01-31, or a year")
    port, name = (None, None) if of is None else subject_of(of)
    return chronicle(catalog or Catalog(), port, name, since)


def blocks(
    state: State | None = None, range_name: str | None = None, *, catalog: Catalog | None = None
) -> tuple[Block, ...]:
    """The runs of ports of one state, the longest first; *range_name* as in PortRange.

    >>> longest = blocks(range_name="system")[0]
    >>> longest.state, longest.first, longest.last
    (<State.ASSIGNED: 'assigned'>, 360, 584)
    """
    from portbook.app.list_lookup import answer_blocks

    return answer_blocks(catalog or Catalog(), state, range_name).blocks


def stats(*, catalog: Catalog | None = None) -> Stats:
    """Counts over the whole registry: by range and transport, by year, by assignee.

    >>> stats().services > 5000
    True
    """
    from portbook.catalog.registry.stats import count

    return count((catalog or Catalog()).registry)
