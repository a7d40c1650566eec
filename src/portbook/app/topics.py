"""What people ask of ports that no number answers: the topics, and which text is about which.

>>> from portbook.formats.errors.query import parse_query
>>> topic_of(parse_query("how do I register a port with IANA"))
<Topic.REGISTER: 'register'>
>>> topic_of(parse_query("OSError: [Errno 99] Cannot assign requested address"))
<Topic.UNAVAILABLE: 'unavailable'>
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple, StrEnum
from portbook.errors import InvalidArgument, shown
from portbook.model import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.app.listen import ScanOptions
    from portbook.catalog import Catalog
    from portbook.formats.errors.query import Query
    from portbook.host.host_reader import HostReader
    from portbook.model import Listener, PortRules


class Topic(StrEnum):
    """A page on what people ask; its name is what ``portbook topic`` takes."""

    REFUSED = "refused"
    LOCALHOST = "localhost"
    EPHEMERAL = "ephemeral"
    EXCLUDED = "excluded"
    REGISTER = "register"
    TIME_WAIT = "time-wait"
    IN_USE = "in-use"
    PRIVILEGED = "privileged"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    BROWSER = "browser"
    DROPPED = "dropped"
    CHOOSE = "choose"
    STOP = "stop"
    LISTEN = "listen"
    CLIENT = "client"


_OF_FAILURES = {
    Failure.IN_USE: Topic.IN_USE,
    Failure.PERMISSION: Topic.PRIVILEGED,
    Failure.UNAVAILABLE: Topic.UNAVAILABLE,
    Failure.REFUSED: Topic.REFUSED,
    Failure.TIMEOUT: Topic.TIMEOUT,
    Failure.UNREACHABLE: Topic.UNREACHABLE,
    Failure.EXCLUDED_RANGE: Topic.EXCLUDED,
    Failure.BROWSER_BLOCKED: Topic.BROWSER,
    Failure.DROPPED: Topic.DROPPED,
}


def topic_of(query: Query) -> Topic | None:
    """The topic that answers *query*, which names no port; None where a search does."""
    pasted = query.pasted
    if pasted is not None and pasted.failure is not None:
        return topic_of_failure(pasted.failure, pasted.windows)
    if query.topic is not None:
        return Topic(query.topic)
    return Topic.CLIENT if pasted is not None and pasted.peers else None


def topic_of_failure(failure: Failure, windows: bool) -> Topic | None:
    """The topic that *failure* is about; *windows* where it is told in Windows' words."""
    if failure is Failure.PERMISSION and windows:  # no matter of privilege there
        return Topic.EXCLUDED
    return _OF_FAILURES.get(failure)


def topic_named(name: str) -> Topic:
    """The topic called *name*. Raises InvalidArgument."""
    word = name.lower()
    for topic in Topic:
        if word in (topic, topic.replace("-", ""), topic.replace("-", "_")):
            return topic
    raise InvalidArgument(
        "", f"{shown(name)} is not a topic: give one of {', '.join(map(str, Topic))}"
    )


class TopicAnswer(NamedTuple):
    """A topic: asked for by name, by a question, or by a text that names no port.

    ``listeners`` are this machine's, where the text may be about one; ``rules`` are its rules.
    """

    query: Query
    topic: Topic
    listeners: tuple[Listener, ...] = ()
    rules: PortRules | None = None

    @property
    def tells_failure(self) -> bool:
        """Whether a text told of a failure, and no question was asked."""
        return self.query.pasted is not None and self.query.pasted.failure is not None


def answer_topic(
    topic: Topic,
    query: Query,
    catalog: Catalog,
    depth: ScanOptions | None,
    host: HostReader | None = None,
) -> TopicAnswer:
    """*topic* as the answer to *query*, with *host* as deep as *depth* says; None leaves it out."""
    return TopicAnswer(query, topic, *_read_local(topic, catalog, depth, host))


def _read_local(
    topic: Topic, catalog: Catalog, depth: ScanOptions | None, host: HostReader | None
) -> tuple[tuple[Listener, ...], PortRules | None]:
    """What this machine adds to *topic*: its servers and its rules; *depth* None leaves it out."""
    if depth is None or topic not in (Topic.IN_USE, Topic.EPHEMERAL, Topic.PRIVILEGED):
        return (), None
    from portbook.app.listen import look
    from portbook.host.host_reader import THIS_HOST

    seen = look(None, None, depth, catalog, host or THIS_HOST)
    servers = [each for each in seen.listeners if each.socket.listens]
    here = [each for each in servers if topic is Topic.IN_USE and each.socket.namespace is None]
    return tuple(here), seen.rules
