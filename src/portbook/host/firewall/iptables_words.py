"""Lines of ``iptables-save`` as words and options, with its quotes. Pure.

>>> list(options(words_of('! -i eth0 --comment "a - b" -j DROP')))
[(True, '-i', ['eth0']), (False, '--comment', ['a - b']), (False, '-j', ['DROP'])]
"""

from __future__ import annotations

from portbook.errors import MalformedInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def options(words: list[str]) -> Iterator[tuple[bool, str, list[str]]]:
    """Whether it is negated, the option, and the words up to the next one, in printed order."""
    place, end = 0, len(words)
    while place < end:
        negated = words[place] == "!"
        place += negated
        if place >= end:
            return
        option = words[place]
        place += 1
        start = place
        if option in ("--comment", "--log-prefix", "--nflog-prefix", "--string"):
            place += 1  # its text may begin with a dash
        while place < end and words[place] != "!" and words[place][:1] != "-":
            place += 1
        yield negated, option, words[start:place]


def words_of(line: str) -> list[str]:
    """The words of *line*. Raises MalformedInput for a quote that doesn't end.

    >>> words_of("-m comment --comment 'a - b'")
    ['-m', 'comment', '--comment', 'a - b']
    """
    if '"' not in line and "'" not in line and "\\" not in line:
        return line.split()
    words: list[str] = []
    word: str | None = None
    place, end = 0, len(line)
    while place < end:
        mark = line[place]
        place += 1
        if mark.isspace():
            if word is not None:
                words.append(word)
                word = None
            continue
        word = word or ""
        if mark in "\"'":
            text, place = _quoted(line, place, mark)
            word += text
        elif mark == "\\":
            if place >= end:
                raise MalformedInput("iptables-save's output isn't a ruleset")
            word += line[place]
            place += 1
        else:
            start = place - 1
            while place < end and line[place] not in _SPECIAL:
                place += 1
            word += line[start:place]
    return words if word is None else [*words, word]


_SPECIAL = " \t\n\r\v\f\"'\\"


def _quoted(line: str, start: int, quote: str) -> tuple[str, int]:
    """The text up to the *quote* that ends it, and the place behind that.

    xtables_save_string of iptables: what isn't plain stands in double quotes, in which a backslash
    stands before quotes and backslashes; in single ones nothing is special.
    """
    text, place = "", start
    while True:
        last = line.find(quote, place)
        if last < 0:
            raise MalformedInput("iptables-save's output isn't a ruleset")
        slash = line.find("\\", place, last) if quote == '"' else -1
        if slash < 0:
            return text + line[place:last], last + 1
        following = line[slash + 1]
        text += line[place:slash] + (following if following in "\"'\\" else "\\" + following)
        place = slash + 2
