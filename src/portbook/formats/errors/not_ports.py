"""Numbers that look like ports and are none: times, places in files, pids, error numbers.

They are blanked before ports are looked for, so that what is left can be read freely.

>>> blank("12:30:45 main.go:15: listen tcp :8080").split()
[':', 'listen', 'tcp', ':8080']
>>> blank("image postgres:16, errno:98, haproxy[17001]: up").split()
['image', ',', ',', 'haproxy', 'up']
"""

# The patterns of a table stand whole, whatever their length.
# ruff: noqa: E501, ISC004

from __future__ import annotations

import re

# The endings of files that programs name with a line: of any language in use.
_ENDINGS = (
    "ada adb asm asp aspx astro awk bas bash bat bicep c cbl cfg cfm cgi cjs clj cljc cljs cls "
    "cmake cob coffee conf config cpp cs csh cshtml css csv cts cu cue cxx d dart dpr dts edn ejs "
    "el elm erb erl ex exs f f90 feature fish fs fsi fsx go gradle graphql groovy h haml hbs hcl "
    "hh hpp hrl hs htm html hx hxx ini inl ino ipp ipynb java jbuilder jinja jinja2 jl js json "
    "json5 jsonc jsp jsx kt kts l less lhs lisp log lua luau m mak mdx mjs mli mod mts mustache "
    "nginx nim nix odin p6 pas patch perl php phtml plist pod pp prisma properties proto ps1 psm1 "
    "pug pxd pxi pyi pyw pyx q qml r rake rb rbs rego res rkt rmd rst s sass sbt scala scm scss "
    "slim sln sol sql src styl svelte swift t tcl tex tf thrift toml tpl ts tsv tsx twig txt v "
    "vala vb vbs vcl vhd vhdl vim vue wat wsdl x xhtml xml xsd xsl y yaml yml zig zsh"
)
# Those that are also the last part of hosts' names: a file unless a word for a host is before it.
_COUNTRIES = "cc|cr|in|md|mk|ml|mm|pl|pm|py|rs|sc|sh|st|star"
_FILE = "|".join(sorted(set(_ENDINGS.split()), key=len, reverse=True))
# Somebody took the address out.
_MASKED = r"(?:[xX*]{1,3}\.){3}"
_START = r"(?<![\w./\\@~+<>$-])"
_DAY = r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[/-](?:\d{1,2}|[A-Z][a-z]{2})[/-]\d{2,4}"
_CLOCK = r"\d{1,2}:\d{2}:\d{2}(?:[.,:]\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})?"

_KINDS = (
    # 2026-11-05T12:30:45.123Z, 05/Nov/2026:12:30:45 +0000, 2026/11/05 12:30:45
    rf"(?<![\w.:])(?:{_DAY})(?:[T :_-]{{1,2}}{_CLOCK})?(?![\w/])",
    # 12:30:45, 12:30:45,123, [11:20:54 AM], [0:12:30]
    rf"(?<![\w.:]){_CLOCK}(?![\w:])(?: ?[AaPp][Mm]\b)?",
    r"(?<![\w.:])\d{1,2}:\d{2} ?[AaPp]\.?[Mm]\b",
    r"(?i)\b(?:at|since|until|around|um|às|alle|om) [0-2]?\d:[0-5]\d(?![\d:])",
    # 01:23:45:67:89:ab, and the longer MAC= of the kernel's log
    r"(?i)(?<![0-9a-f:])(?:[0-9a-f]{2}:){5,}[0-9a-f]{2}(?![0-9a-f:])",
    r"\bMAC=\S{0,80}",
    # (node:net:1817:16), node:events:497, <anonymous>:3:14, (dart:io-patch/socket_patch.dart:644:7)
    r"(?<![\w/.])(?:node|internal|native|webpack|dart|ruby|evalmachine|eval|file|deno|ext|bun|npm)"
    r":[\w./<>@-]{1,200}:\d{1,7}(?::\d{1,5})?",
    r"<(?!null>|unresolved>)[\w ./-]{1,80}>:\d{1,7}(?::\d{1,5})?",
    # main.go:37, C:\x\Program.cs:line 42, debugInit.c:750], Dockerfile:12, src/main.rs:12:5
    rf"(?i){_START}(?!//|{_MASKED})[\w./\\@~+<>$-]{{0,200}}\.(?:{_FILE}):(?:line )?\d{{1,7}}(?::\d{{1,5}})?(?![\d.])",
    rf"(?i){_START}(?<!\bto )(?<!\bon )(?<!host )(?<!tcp )(?<!udp )(?<!rver )(?!//)"
    rf"[\w./\\~+<>$-]{{0,200}}\.(?:{_COUNTRIES}):\d{{1,7}}(?::\d{{1,5}})?(?![\d.])",
    r"(?:(?<![\w.-])[\w.-]*(?:Docker|Make)file|\b(?:Gemfile|Rakefile|Vagrantfile|Jenkinsfile|Caddyfile|"
    r"Procfile|crontab|hosts|sshd_config|ssh_config)):\d{1,6}(?::\d{1,5})?",
    # a path with any other ending
    rf"(?<![\w/:\\.@~+-])(?!{_MASKED})(?:[A-Za-z]:)?[\w.@~+-]{{0,60}}(?<!:)(?:[/\\][\w.@~+-]{{1,60}}){{1,20}}\.[A-Za-z]\w{{0,9}}"
    r":\d{1,7}(?::\d{1,5})?(?![\d.])",
    # anything:line:column, unless it is a host before two ports or a group of IPv6
    r"(?<![\w:.\]])(?!localhost)[A-Za-z_@][\w./\\@$-]{0,200}:\d{1,6}:\d{1,5}(?![\w:.])",
    # errno:98, exit code 1, line 230, "status": 500, error 202, code=10061, col 12
    r"(?i)[\"']?(?<![a-z])(?:errno|os error|winerror|exit(?:ed)?(?: with)?(?: status| code)?|"
    r"(?:error|status|exit|return)?[ _-]?code|status|error|err|signal|rc|"
    r"(?:file_)?lines?|col(?:umn)?|row|(?:p|pp|t|u|g|eu|eg)id|pid file|"
    r"version|release|build|attempt|retry|try|step|stage|job|thread|exception|id|index|count|"
    r"size|len(?:gth)?|bytes|offset|seq|ttl|tos|mtu|window|uptime|weight|priority|"
    r"process(?: id)?|child|session|channel|request|req|conn(?:ection)? ?#|fd|socket fd)"
    r"[\"']?(?: is| no\.?| number)?\s{0,3}[:=#]{0,2}\s{0,2}\(?-?\d{1,10}(?![\d.:/]\d)\b"
    r"(?! ?port| ?/(?:tcp|udp)| (?:is|was|already)\b)",
    # lsof -p 1234, strace -f -p 1234
    r"\b(?:lsof|ps|strace|ltrace|gdb|pmap|perf|top)\s(?:[^|;&]{0,80}?\s)?-p\s?\d{1,10}\b",
    # haproxy[17001]:, nginx 19001#7002:, app[web.1]:, (node:12345), [207] before a level
    r"(?<=[\w)])\[\d{1,10}\]:?",
    r"(?<![\w:.])\d{1,10}#\d{1,10}:?",
    r"\(node:\d{1,10}\)",
    # (98: Address already in use), (111), (10013: …)
    r"\(\d{1,5}(?=: )|\(\d{1,5}\)(?=[A-Z])|\(currently \d{1,5}\)|\(>=? ?\d{1,5}\)",
    # v1.2.3, nginx/1.18.0, Python/3.11.2, 9.4.15.v20190215; an address has four numbers
    r"(?<![\w.])v?\d{1,5}\.\d{1,5}\.\d{1,9}(?:[-+][\w.+-]{1,60})?(?![\d.:])(?!\.\w)",
    r"\bv\d{1,3}(?:\.\d{1,5}){1,4}[\w.+-]{0,40}",
    r"\b(?:HTTP|AJP|TLS|SSL|TLSv|SSLv|SSH|HTTPS)[/v]\d(?:\.\d)?\b(?!-\d|\.\d)",
    # 1817 ms, 30 s, 45 bytes, 12 %, 100MB, 5 retries; 3 ports, 2 open ports, 24-port
    r"(?i)(?<![\w.:])\d{1,12}(?:\.\d{1,9})? ?(?:ms|milliseconds?|µs|us|ns|s|secs?|seconds?|minutes?|"
    r"mins?|hours?|days?|weeks?|bytes?|[kmg]i?b|%|times|retries|attempts|connections?|requests?|"
    r"packets?|workers?|threads?|users?|clients?|nodes?|files?|errors?|warnings?|rows?|lines?|"
    r"(?:open |closed |free |filtered |listening )?ports)\b(?! ?=| in use by|@)",
    r"\b\d{1,4}-port\b",
    # what MongoDB writes between an error and its cause, which is no address
    r" :: caused by :: ",
    # a socket of another kind
    r"(?i)(?<![\w.])(?:usb|serial|com|hdmi|ethernet|switch|parallel|sata|midi|vga)[ -]port\s{1,3}#?\d{1,5}",
)  # fmt: skip
_MASK = tuple(re.compile(kind) for kind in _KINDS)

# postgres:16, ubuntu:22.04, haproxy:alpine3.19, registry/app:3000 behind "image"
_IMAGE = re.compile(
    r"(?i)(?:\b(?:image|pull(?:ing|ed)?|tag(?:ged)?|push(?:ing|ed)?|manifest for)\b|^\s{0,9}from\b)"
    r"[\"']?(?: image)?\s{0,2}[:=]?\s{0,2}(?:Invalid value: )?[\"'`]?"
    r"(?!http)(?:[\w.-]{1,80}(?::\d{2,5})?/){0,4}(?P<name>[A-Za-z][\w.-]{0,80}:\d[\w.-]{0,40})"
)


def blank(line: str) -> str:
    """*line* with everything that is no port taken out, and each other character in its place."""
    for kind in _MASK:
        line = kind.sub(_spaces, line)
    return _IMAGE.sub(_without_tag, line)


def _spaces(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _without_tag(match: re.Match[str]) -> str:
    start = match.start("name") - match.start()
    return match[0][:start] + " " * len(match["name"])
