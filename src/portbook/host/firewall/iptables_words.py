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
    """The words of *line*. Raises MalformedInput for a quote that doesn't end."""
    if '"' not in line and "'" not in line and "\\" not in line:
        return line.split()
    import re

    # xtables_save_string of iptables: what isn't plain stands in double quotes, in which a
    # backslash stands before quotes and backslashes; in single ones nothing is special.
    piece = r"""[^\s"'\\]++|"(?:[^"\\]++|\\.)*+"|'[^']*+'|\\."""
    words = []
    place = 0
    for word in re.finditer(rf"\s*+((?:{piece})++)", line):
        if word.start() != place:
            break
        place = word.end()
        words.append(_unquoted(word[1], piece))
    if line[place:].strip():
        raise MalformedInput("it is not a ruleset as iptables-save prints it")
    return words


def _unquoted(word: str, piece: str) -> str:
    import re

    parts = []
    for part in re.findall(piece, word):
        if part[0] == "'":
            parts.append(part[1:-1])
        elif part[0] == '"':
            parts.append(re.sub(r'\\(["\\])', r"\1", part[1:-1]))
        else:
            parts.append(part[1:] if part[0] == "\\" else part)
    return "".join(parts)
