"""Reads all packet filter rules of this network namespace, with the tools that print them.

nft prints them without the elements of sets; those that a question needs are asked for one by one.
The kernel numbers the generations of its rules: what was read across a change is read again.
"""

from __future__ import annotations

import os
import sys

from portbook.errors import MalformedInput, shown
from portbook.host.firewall import (
    CT_PROTOCOL,
    elements,
    generation,
    legacy_tables,
    rules_on_l3proto,
)
from portbook.host.firewall.values import Rows, Ruleset, Table
from portbook.host.run_tool import SYSTEM_FOLDERS, RunningTool, find_tool
from portbook.model import Family, Gap, GapCode, Need
from portbook.model.finding import FilterKind, NotEvaluated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from portbook.host.run_tool import Printed

_IPTABLES = ((Family.IPV4, "ip", "iptables"), (Family.IPV6, "ip6", "ip6tables"))
_SECONDS = 5.0
_TOGETHER = 0.25  # of the time there is: of all sets of a table, one may be of no use and large
_TRIES = 3
_LISTING = ("nft", "--json", "--terse", "list", "ruleset")


def find_and_run(argv: list[str], seconds: float) -> Printed | None:
    """Runs a tool of root's by its name; None where it isn't installed.

    Raises OSError where it can't be started.
    """
    running = _find_and_start(argv)
    return None if running is None else running.finish(seconds)


def _find_and_start(argv: list[str]) -> RunningTool | None:
    path = find_tool(argv[0], f"{SYSTEM_FOLDERS}:{os.environ.get('PATH', '')}")
    return None if path is None else RunningTool([path, *argv[1:]], SYSTEM_FOLDERS)


class BegunReading:
    """nft, started ahead: while it prints the rules, this process can read something else.

    :attr:`tool` and :attr:`number` are for :func:`read_ruleset`, in the place of its own.
    """

    def __init__(
        self,
        start: Callable[[list[str]], RunningTool | None] = _find_and_start,
        number: Callable[[], int | None] = generation,
    ) -> None:
        # Before it starts: rules that change while it prints have another number at the end.
        self._number, self._first, self._begins = number, number(), True
        try:
            self._running = start([*_LISTING])
        except OSError:  # said where it is needed, and tried once more
            self._running = None

    def number(self) -> int | None:
        """As :func:`generation`; first, that in which nft was started."""
        if self._begins:
            self._begins = False
            return self._first
        return self._number()

    def tool(self, argv: list[str], seconds: float) -> Printed | None:
        """As :func:`find_and_run`; the first time, of the rules, what the started nft prints."""
        running = self._running
        if running is None or argv != [*_LISTING]:
            return find_and_run(argv, seconds)
        self._running = None
        return running.finish(seconds)

    def end(self) -> None:
        """Ends nft, where nobody asked what it printed."""
        if self._running is not None:
            self._running.end()
            self._running = None


def read_ruleset(
    seconds: float = _SECONDS,
    tool: Callable[[list[str], float], Printed | None] = find_and_run,
    number: Callable[[], int | None] = generation,
    families: tuple[Family, ...] = (Family.IPV4, Family.IPV6),
    words: tuple[str, ...] = (),
    rules: Callable[[], bytes] = rules_on_l3proto,
    dump: Callable[[str, str, str], Iterable[bytes]] = elements,
) -> Ruleset:
    """The rules in force, read within *seconds*; its gaps say what could not be read.

    It runs nft and, where their rules are in force, iptables-save and ip6tables-save, with *tool*;
    *number* says which generation of rules is in force, and *rules* what
    :func:`portbook.host.firewall.rules_on_l3proto` does, *dump* what
    :func:`portbook.host.firewall.elements` does. Of iptables, the rules for *families* are
    read: only packets of these may be asked about. Where nft prints none of *words* (of its JSON;
    none: any), what it prints isn't worked out, and nothing loaded for that.
    """
    if not sys.platform.startswith("linux"):
        return Ruleset((), gaps=[Gap(GapCode.FIREWALL_UNSUPPORTED)])
    if os.geteuid() != 0:
        return Ruleset((), gaps=[Gap(GapCode.FIREWALL_HIDDEN, needs=Need.ROOT)])
    return _Reader(seconds, tool, number, families, words, rules, dump).read()


class _Reader:
    """One reading of all rules, which stays there to read sets for what was read."""

    def __init__(
        self,
        seconds: float,
        tool: Callable[[list[str], float], Printed | None],
        number: Callable[[], int | None],
        families: tuple[Family, ...],
        words: tuple[str, ...],
        rules: Callable[[], bytes],
        dump: Callable[[str, str, str], Iterable[bytes]],
    ) -> None:
        import time

        self._tool, self._number, self._families = tool, number, families
        self._clock = time.monotonic
        self._end = self._clock() + seconds
        self._seconds, self._words, self._rules, self._dump = seconds, words, rules, dump
        self.gaps: list[Gap] = []
        self._generation: int | None = None
        self._of_protocol: frozenset[tuple[str, str, int]] = frozenset()
        self._loads = False
        # By table, what of its sets was listed together and nobody asked for yet.
        self._listed: dict[tuple[str, str], dict[str, tuple[str, dict[str, Any]]]] = {}

    def read(self) -> Ruleset:
        for _ in range(_TRIES):
            self.gaps = []
            self._generation = self._number()
            tables, unfollowed = self._tables()
            if self._number() == self._generation:
                break
        else:
            self.gaps.append(Gap(GapCode.FIREWALL_CHANGING, needs=Need.AGAIN))
        ruleset = Ruleset(tables, unfollowed, self.gaps, self._load)
        self.gaps = ruleset.gaps
        return ruleset

    def _tables(self) -> tuple[list[Table], list[NotEvaluated]]:
        tables: list[Table] = []
        unfollowed: list[NotEvaluated] = []
        text = self._run(*_LISTING)
        if text is None:
            if self._generation:  # nf_tables is there, and something was put into it
                self.gaps.append(Gap(GapCode.FIREWALL_NO_TOOL, "nft", Need.TOOL))
        elif text and self._concerns(text):
            from portbook.host.firewall.nft_json import parse_nft

            try:
                hidden = self._hidden(text)
                found, not_followed = parse_nft(
                    text, terse=True, hidden=hidden, of_protocol=self._of_protocol
                )
                tables += found
                unfollowed += not_followed
                self._add_hidden(tables)
            except MalformedInput as error:
                self.gaps.append(Gap(GapCode.FIREWALL_UNREADABLE, "nftables", detail=str(error)))
        for family, name, prefix in _IPTABLES:
            if family in self._families:
                self._add_saved(tables, name, prefix, unlisted=text is None)
        unfollowed += [
            NotEvaluated(FilterKind.TPROXY, rule.where)
            for table in tables
            if table.source != "nftables"
            for chain in table.chains.values()
            for rule in chain.rules
            if " -j TPROXY" in rule.text.text
        ]
        return tables, unfollowed

    def _hidden(self, text: str) -> frozenset[tuple[str, str, int]]:
        """The rules with a condition that nft doesn't print; the kernel's own bytes show it."""
        self._of_protocol = frozenset()
        if '"rule"' in text and (data := self._rules()):
            from portbook.host.firewall.nft_hidden import find_l3proto

            try:
                if '"th"' in text:  # a port of any protocol: as printed
                    self._of_protocol = find_l3proto(data, CT_PROTOCOL)
                return find_l3proto(data)
            except ValueError as error:
                self.gaps.append(Gap(GapCode.FIREWALL_UNREADABLE, "nftables", detail=str(error)))
        return frozenset()

    def _concerns(self, text: str) -> bool:
        """Whether nft printed one of the words, or no JSON at all."""
        known = not self._words or not text.startswith("{")
        return known or any(f'"{word}"' in text for word in self._words)

    def _add_saved(self, tables: list[Table], family: str, prefix: str, *, unlisted: bool) -> None:
        """Adds what iptables says; *unlisted*: there is no nft, which would list all."""
        foreign = {
            table.name: table for table in tables if table.foreign and table.family == family
        }
        if foreign:
            for table in self._saved(family, prefix, "nft") or ():
                if table.name in foreign:
                    _replace_rules(foreign[table.name], table)
        elif unlisted and self._generation:
            tables += self._saved(family, prefix, "nft") or ()
        if legacy_tables(family):
            saved = self._saved(family, prefix, "legacy")
            if saved is None:
                tool = f"{prefix}-legacy-save"
                self.gaps.append(Gap(GapCode.FIREWALL_NO_TOOL, tool, Need.TOOL))
            tables += saved or ()

    def _saved(self, family: str, prefix: str, variant: str) -> list[Table] | None:
        """The tables that iptables-save of a variant prints; None where it isn't installed."""
        text = self._run(f"{prefix}-{variant}-save")
        if text is None:
            text = self._run(f"{prefix}-save")
            # Its first line says "(nf_tables)" where that is the variant it stands for. That one
            # prints nothing where it has no tables; the older one is asked only where it has some.
            first, legacy = (text or "").split("\n", 1)[0], variant == "legacy"
            if text is not None and ("(nf_tables)" in first or not first) == legacy:
                return None
        from portbook.host.firewall.iptables_rules import parse_iptables

        try:
            return None if text is None else parse_iptables(text, family)
        except MalformedInput as error:
            self.gaps.append(Gap(GapCode.FIREWALL_UNREADABLE, prefix, detail=str(error)))
            return []

    def _add_hidden(self, tables: list[Table]) -> None:
        """What JSON lacks, from nft's other forms."""
        if any(table.doubtful for table in tables):
            from portbook.host.firewall.nft_hidden import add_hidden_families

            text = self._run("nft", "--debug=netlink", "--terse", "list", "ruleset")
            add_hidden_families(text or "", tables)
        self._add_devices(tables)
        for table in tables:
            if table.dormant is None:
                self._add_flags(table)

    def _add_flags(self, table: Table) -> None:
        from portbook.host.firewall.nft_hidden import is_dormant

        text = self._run("nft", "--terse", "list", "table", table.family, table.name)
        table.dormant = is_dormant(text or "")
        if table.dormant is None and text:
            subject, detail = f"{table.family} {table.name}", "nft did not print its flags"
            self.gaps.append(Gap(GapCode.FIREWALL_UNREADABLE, subject, detail=detail))

    def _add_devices(self, tables: list[Table]) -> None:
        hooks = [chain.hook for table in tables for chain in table.chains.values() if chain.hook]
        if any(hook.name == "ingress" and hook.device is None for hook in hooks):
            from portbook.host.firewall.nft_hidden import add_devices

            add_devices(self._run("nft", "list", "chains") or "", tables)

    def _load(self, table: Table, name: str) -> Rows | None:
        """The elements of one set; None, with a gap, where they can't be had."""
        if not self._loads:  # all of them together have as long as the rules had
            self._loads = True
            self._end = self._clock() + self._seconds
        from portbook.host.firewall.nft_elements import parse_elements, read_elements

        subject = f"{table.family} {table.name} {name}"
        try:
            rows = self._dumped(table, name)
            known = None if rows is not None else self._together(table, name)
            if rows is not None:
                pass
            elif known is not None:
                rows = read_elements(*known, self._check_time)
            else:
                kind = "map" if name in table.maps else "set"
                text = self._run("nft", "--json", "list", kind, table.family, table.name, name)
                if not text:  # why the tool failed is a gap of its own
                    raise MalformedInput("nft did not list it")
                rows = parse_elements(text, table.family, table.name, name, self._check_time)
        except (MalformedInput, TimeoutError) as error:
            self.gaps.append(Gap(GapCode.FIREWALL_SET_UNREAD, subject, detail=str(error)))
            return None
        if self._number() != self._generation:
            self.gaps.append(Gap(GapCode.FIREWALL_CHANGING, needs=Need.AGAIN))
            return None
        return rows

    def _dumped(self, table: Table, name: str) -> Rows | None:
        """A set of addresses alone, as the kernel tells it; None where it doesn't."""
        shape = table.addresses.get(name)
        if shape is None:
            return None
        from portbook.host.firewall.nft_elements import parse_dump

        def pieces() -> Iterator[bytes]:
            for piece in self._dump(table.family, table.name, name):
                if self._clock() > self._end:
                    return
                yield piece

        return parse_dump(pieces(), shape[0], spans=shape[1])

    def _together(self, table: Table, name: str) -> tuple[str, dict[str, Any]] | None:
        """One set of several in a table, which are listed all at once where that doesn't take long.

        None for one that is listed alone: a map, and one that nft printed no elements of, as some
        versions of it do.
        """
        if name in table.maps or len(table.sets) - len(table.maps) < 2:
            return None
        place = table.family, table.name
        if place not in self._listed:
            from portbook.host.firewall.nft_elements import find_sets

            self._listed[place] = {}
            words = ["nft", "--json", "list", "sets", "table", *place]
            try:
                done = self._tool(words, _TOGETHER * max(0.0, self._end - self._clock()))
                if done is not None and done.status == 0:
                    self._listed[place] = find_sets(done.output.decode(), *place)
            except (OSError, ValueError, MalformedInput):
                pass  # what is wrong is said of the set alone
        found = self._listed[place].pop(name, None)
        return found if found is not None and "elem" in found[1] else None

    def _check_time(self) -> None:
        """What nft printed of all sets may take as long to work out as to print."""
        if self._clock() > self._end + self._seconds:
            raise TimeoutError("it has too many elements for the time there was")

    def _run(self, name: str, *arguments: str) -> str | None:
        """What the tool printed, "" where it failed, None where it isn't installed."""
        try:
            done = self._tool([name, *arguments], max(0.0, self._end - self._clock()))
            if done is None:
                return None
        except OSError as error:
            self.gaps.append(Gap(GapCode.TOOL_UNSTARTED, name, detail=str(error.strerror)))
            return ""
        if done.too_much:
            detail = f"{name} prints more than portbook takes"
            self.gaps.append(Gap(GapCode.FIREWALL_UNREADABLE, name, detail=detail))
            return ""
        if done.status is None:
            self.gaps.append(Gap(GapCode.TOOL_LATE, name, Need.AGAIN))
            return ""
        if done.status:
            said = done.errors.decode("utf-8", "replace").strip().split("\n")[0]
            why = shown(said, 120) if said else None
            self.gaps.append(Gap(GapCode.TOOL_FAILED, name, detail=why, number=done.status))
            return ""
        return done.output.decode("utf-8", "replace")


def _replace_rules(table: Table, saved: Table) -> None:
    """Takes the rules that nft doesn't print in full as iptables prints them, and no others.

    Of a rule that nft made in such a table, iptables may print a part as if it were the whole:
    where it has a rule's words, but not more, they are its twin.
    """
    from portbook.host.firewall.nft_json import NftRule

    for name, chain in table.chains.items():
        theirs = saved.chains.get(name)
        if theirs is None or len(theirs.rules) != len(chain.rules):
            continue
        for place, (rule, twin) in enumerate(zip(chain.rules, theirs.rules, strict=True)):
            if (name, place) in table.foreign:
                chain.rules[place] = twin
            elif isinstance(rule, NftRule) and rule.may_be_of_iptables():
                rule.twin = twin
