"""What stands around an output on a terminal or in a ticket: prompts, fences, what a shell says.

No reader knows these lines, and nothing is lost with them: they are headings, whatever the format.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from portbook.formats.fields import NOT_UNDERSTOOD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portbook.formats.fields import Line

# A prompt that is a sign alone is one before a command that lists sockets or leads to it: what is
# behind any other may be a row that somebody commented out.
_COMMAND = (
    r"(?:sudo |doas |time |watch )?(?:\S{0,60}/)?(?:ss|netstat|lsof|nmap|ndiff|masscan|rustscan|"
    r"naabu|zmap|sockstat|fstat|fuser|nc|ncat|rpcinfo|docker(?:-compose)?|podman|nerdctl|crictl|kubectl|oc|"
    r"systemctl|osqueryi?|ansible|salt|pssh|pdsh|clush|ssh|portbook|cat|head|tail|grep|diff|sudo|su|"
    r"for|echo|date|hostname|uname|whoami|id|exit|logout|clear|Get-Net\w{3,40}|Test-NetConnection|tnc|"
    r"netsh|tasklist|chcp|curl|wget|telnet|ping|ps|pgrep|kill|service|journalctl|ip|ufw|iptables|nft|"
    r"python3?|npm|node|cd|ls)(?:\s|$)"
)
_PROMPT = (
    r"\[?[\w.-]{1,40}@[\w.-]{1,64}[^#$%>❯]{0,80}[#$%>❯](?:\s|$)"
    r"|(?:\([\w.-]{1,40}\) )?(?:bash|sh|zsh|ash)-[0-9.]{1,8}[#$](?:\s|$)"
    r"|(?:PS )?[A-Za-z]:\\[^<>|\"]{0,200}>|PS [~/][^<>|\"]{0,200}>"
    r"|(?:osquery|mysql|msf[0-9]?|ansible|\s{0,8}\.\.\.)(?:>|&gt;)(?:\s|$)"
    rf"|[#$%>❯➜+]{{1,3}}\s{{1,3}}{_COMMAND}|[$%❯➜]$"
    r"|➜\s{1,3}\S{1,60}(?: git:\(\S{1,60}\))?(?: ✗)?(?:\s|$)"
)
# A row may stand behind a prompt, in the same line.
_NO_ROW = r"(?!.{0,200}(?:[0-9*\]]:[0-9*]{1,5}\s|\sIPv[46]\s))"
_AROUND = (
    rf"(?:[>|] ?){{0,4}}(?:<(?:pre|code)[^<>]{{0,80}}>){{0,2}}(?:{_NO_ROW}(?:{_PROMPT})"
    # What watch writes in any language, and a build of an image.
    r"|(?:[^\W\d]{1,12} ){1,3}[0-9]{1,5}[.,][0-9]{1,3} ?s(?:ec\w{0,8})?[.:] "
    r"|#[0-9]{1,5} (?:DONE [0-9.]{1,8}s$|CACHED$|\[[\w. /-]{1,60}\] )"
    r"|(?:```|~~~)[\w-]{0,20}$|\{(?:noformat|code|quote|panel)(?::[^{}]{0,80})?\}$"
    r"|\[/?(?:code|pre|quote|spoiler)(?:=[^\[\]]{1,60})?\]$"
    r"|(?:</?(?:pre|code|details|blockquote)(?: [^<>]{0,80})?>){1,4}$"
    r"|\.\. code(?:-block)?::|==> \S{1,200} <==$|@@ -[0-9,]{1,20} \+[0-9,]{1,20} @@"
    r"|\[sudo\] |Password(?: for \S{1,60})?:$|Last login: |Connection to \S{1,255} closed\.$"
    r"|[=~^─━╭╮╯╰┬┴ \t-]{3,200}$|[|│][-+:|│┼ ]{3,400}$"
    r"|Script (?:started|done)(?: on|, )|logout$|Warning: Permanently added )"
)


def is_around(text: str) -> bool:
    """Whether *text* stands around outputs, and is a part of none.

    >>> is_around("$ sudo ss -tln"), is_around("# tcp LISTEN 0 128 *:22 *:*")
    (True, False)
    """
    return re.match(_AROUND, text) is not None  # made at the first line that nobody reads


def without_surroundings(lines: Iterable[Line]) -> list[Line]:
    """*lines* without those that weren't understood and only stand around what was."""
    return [line for line in lines if line.what != NOT_UNDERSTOOD or not is_around(line.text)]
