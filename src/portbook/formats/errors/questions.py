"""Questions, as people type them: what is asked of a port, and the words worth searching for.

>>> read_question("kill process on port 3000".split())
Question(topic='stop', ports=(3000,))
>>> read_question("which port should I use for my app".split()).topic
'choose'
>>> search_words("which ports are used by kubernetes?")
'kubernetes'
"""

# The patterns of a table stand whole, whatever their length.
# ruff: noqa: E501, ISC004

from __future__ import annotations

import re

from portbook._fast_types import NamedTuple
from portbook.formats.errors.not_ports import blank
from portbook.model import LAST_PORT


class Question(NamedTuple):
    """What a question is about: the name of a topic, and the ports that it names."""

    topic: str | None
    ports: tuple[int, ...] = ()


# The first row that fits says what is asked; a topic is a page of portbook.app.topics.
_ASKED: tuple[tuple[str, str], ...] = (
    ("register", r"\b(?:register|registration|apply|application|request|assign\w*)\b.*\b(?:iana|port|number|service)\b"
                 r"|\biana\b.*\b(?:register|apply|request)"),
    ("excluded", r"\b(?:excluded?|exclusions?|reserved?|reserves)\b.*\b(?:ranges?|ports?|hyper-?v|windows|winnat)\b"
                 r"|\bwinnat\b|\badministered port\b|\bexcludedportrange\b"),
    ("ephemeral", r"\bephemeral\b|\bdynamic ports?\b|\bports? (?:are |is )?exhaust\w*|\bport exhaustion\b|"
                  r"\bran? out of (?:local |source )?ports\b|\bip_local_port_range\b|\brandom ports?\b"),
    ("time-wait", r"\btime[_ -]?wait\b"),
    ("privileged", r"\bwithout (?:root|sudo|admin)|\bprivileged ports?\b|\b(?:below|under) 1024\b|\bnon-?root\b|\bneeds? root\b"),
    ("browser", r"\berr_unsafe_port\b|\b(?:unsafe|restricted|blocked) ports?\b"),
    ("choose", r"\b(?:which|what|choose|pick|find|get|need|want|good|free|best|suggest|recommend\w*)\b.{0,40}\b(?:ports?)\b.{0,30}"
               r"\b(?:should|use|choose|pick|run|listen|bind|for my|to use|is free|are free)\b"
               r"|\b(?:unused|available) ports?\b|\b(?:an?|any|some|find|next) free ports?\b|\bfree ports\b|\bchoose an? port\b|\bpick an? port\b"),
    ("stop", r"^(?:kill|stop|free|close) \d{1,5}$|\b(?:kill|stop|free(?: up)?|terminate|end|close|release|shut ?down|clear|unblock|get rid of)\b.{0,40}\bports?\b"
             r"|\b(?:kill|stop|terminate)\b.{0,40}\b(?:on|using|at|listening)\b.{0,12}\d"),
    ("listen", r"\b(?:every|all|open|listening|which|what|see|list)\b.{0,24}\bports?\b.{0,30}\b(?:open here|in use here|on this (?:machine|computer)|"
               r"(?:on )?my (?:machine|computer|server|system|pc|mac))\b"),
    ("localhost", r"\blocalhost\b.*\b(?:127\.0\.0\.1|::1|fails?|works?|vs|versus|ipv6)|\b127\.0\.0\.1\b.*\b(?:vs|versus|localhost|::1)"),
    ("refused", r"\bconnection (?:is |was )?refused\b|\beconnrefused\b|\brefus(?:es|ed) connections?\b"),
    ("timeout", r"\bconnection (?:is |was )?tim(?:es|ed) ?out\b|\betimedout\b|\bport is filtered\b"),
    ("in-use", r"\bport\b.*\b(?:already )?in use\b|\baddress (?:already )?in use\b|\beaddrinuse\b|\bport conflict"),
)  # fmt: skip
_COMPILED = tuple((topic, re.compile(pattern, re.IGNORECASE)) for topic, pattern in _ASKED)
# A question that ends in a name is about what has that name, not about ports as such.
_NAMED = re.compile(
    r"(?i)\bports?\b.{0,20}\b(?:does|do|is|are|did|by)\b.{0,40}\b(?:use|used|need|needed|by|for|run|open)\b"
)

DROPPED = frozenset((
    "a", "an", "and", "any", "are", "at", "be", "been", "by", "can", "could", "default", "did",
    "do", "does", "doing", "for", "from", "get", "has", "have", "how", "i", "in", "into", "is",
    "it", "its", "know", "list", "listen", "listening", "listens", "me", "mean", "means", "my",
    "need", "needed", "needs", "number", "numbers", "of", "on", "open", "opened", "or", "our",
    "port", "ports", "program", "protocol", "run", "running", "runs", "service", "should", "show",
    "stand", "stands", "tell", "that", "the", "their", "there", "these", "this", "to", "under",
    "us", "use", "used", "uses", "using", "was", "we", "what", "what's", "whats", "when", "where",
    "which", "who", "whose", "why", "will", "with", "work", "works", "would", "you", "your",
    "welche", "welcher", "welchen", "ist", "sind", "der", "die", "das", "für", "von", "benutzt",
    "nutzt", "quel", "quels", "quelle", "quelles", "est", "sont", "le", "la", "les", "pour",
    "utilise", "qué", "que", "cuál", "cuales", "usa", "para", "el", "puerto", "puertos",
))  # fmt: skip
ASKING = frozenset((
    "what", "what's", "whats", "which", "who", "whose", "why", "how", "where", "is", "are", "can",
    "could", "does", "do", "should", "when", "will", "difference", "between", "compare", "tell",
    "show", "list", "explain", "quel", "quels", "quelle", "welche", "welcher", "qué", "cuál",
    "was", "wie", "warum", "какой", "什么", "哪个",
))  # fmt: skip
_MOST_WORDS = 24  # of a question; what is longer tells a story


def read_question(words: list[str]) -> Question | None:
    """What *words* ask, with the bare numbers in them as ports; None where they ask nothing."""
    if len(words) > _MOST_WORDS:
        return None
    text = " ".join(words)
    ports = tuple(dict.fromkeys(
        int(word) for word in re.findall(r"(?<![\w.:/-])\d{1,5}(?![\w:/]|\.\d)", blank(text))
        if word.isascii() and 0 < int(word) <= LAST_PORT
    ))  # fmt: skip
    asking = words[0].lower().strip("¿?¡!,.") in ASKING or text.rstrip().endswith("?")
    topic = next((topic for topic, pattern in _COMPILED if pattern.search(text)), None)
    if topic == "choose" and _NAMED.search(text) and len(search_words(text).split()) > 0:
        topic = None  # "which ports does kubernetes use" is about kubernetes
    if topic is None and not (asking and ports and len(ports) <= 4):
        return None
    if topic not in (None, "stop", "privileged"):
        ports = ()
    return Question(topic, ports)


def search_words(text: str) -> str:
    """*text* without the words of a question; as it is where nothing would be left."""
    words = text.split()
    if len(words) < 2:
        return text
    kept = [word.strip("¿?¡!,.") for word in words if word.strip("¿?¡!,.").lower() not in DROPPED]
    asked = words[0].lower() in ASKING or text.rstrip().endswith("?") or len(kept) < len(words)
    return " ".join(filter(None, kept)) or text if asked else text


def is_question(words: list[str]) -> bool:
    """Whether *words*, each an argument of its own, are one question.

    >>> is_question("kill process on port 3000".split()), is_question(["ssh", "3000", "http"])
    (True, False)
    """
    if len(words) < 3:
        return False
    lower = {word.lower().strip("¿?¡!,.") for word in words}
    asking = words[0].lower() in ASKING or words[-1].endswith("?")
    return (asking or bool(lower & {"port", "ports"})) and not all(map(str.isdigit, words))
