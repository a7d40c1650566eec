"""Redirects of ports by the kernel's address translation: what a port is really answered by.

"Nothing listens on 8080" and "8080 is redirected to 172.17.0.2:80" can both be true. The rules
stand in nftables, or in the tables of iptables and ip6tables. This module runs the tools that print
them; :mod:`portbook.host.firewall.nftables` and :mod:`portbook.host.firewall.iptables` understand
what those say. Redirects that are not address translation (TPROXY, IPVS, eBPF programs) are not
seen.
"""

from __future__ import annotations

import os
import sys

from portbook.errors import MalformedInput, shown
from portbook.host.firewall import kernel_may_translate, legacy_nat
from portbook.host.firewall.rules import NatRules, Redirect
from portbook.model import Family, Gap, GapCode, Need

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.model import Transport

_SECONDS = 2.0
_REDIRECTING = ('"dnat"', '"redirect"', '"xt"')  # libnftables-json(5)


def read_redirects(
    port: int | None = None, transport: Transport | None = None
) -> tuple[tuple[Redirect, ...], tuple[Gap, ...]]:
    """The redirects of *port* over *transport* (None: of all), and what could not be seen.

    It runs nft and iptables-save, for two seconds at most together. Where the kernel tracks no
    connections there can be no address translation, and nothing is run: ``((), ())``.
    """
    if not sys.platform.startswith("linux"):
        return (), (Gap(GapCode.NAT_UNSUPPORTED),)
    if not kernel_may_translate():
        return (), ()
    if os.geteuid() != 0:
        return (), (Gap(GapCode.NAT_HIDDEN, needs=Need.ROOT),)
    reader = _Reader()
    rules = reader.read()
    found = tuple(each for each in rules.redirects if each.holds_for(port, transport))
    missing = list(reader.missing)
    if rules.not_understood:
        first, count = shown(rules.not_understood[0], 120), len(rules.not_understood)
        missing.append(Gap(GapCode.NAT_UNCLEAR, detail=first, number=count))
    return found, tuple(missing)


class _Reader:
    """One reading of all the rules. ``missing`` collects what could not be seen."""

    def __init__(self) -> None:
        import time

        self._clock = time.monotonic
        self._end = self._clock() + _SECONDS
        self.missing: list[Gap] = []

    def read(self) -> NatRules:
        nft = self._nftables()
        found: list[Redirect] = []
        unclear: list[str] = []
        tools = nft is not None
        for family, nft_family, prefix in (
            (Family.IPV4, "ip", "iptables"),
            (Family.IPV6, "ip6", "ip6tables"),
        ):
            table = f"{nft_family} nat "
            # iptables over nftables keeps its rules in nftables' table "nat", in a form that
            # nft itself prints only in part: where its own tool can be had, that is preferred.
            if nft is None or any(_is_of(nft, table)):
                text = self._save(prefix, "nft")
                tools = tools or text is not None
                if text and "use 'nft' tool" not in text:
                    self._add(text, family, found, unclear)
                    nft = _without(nft, table)
            if legacy_nat(nft_family):
                text = self._save(prefix, "legacy")
                tools = tools or text is not None
                if text is None:
                    self.missing.append(Gap(GapCode.NAT_NO_LEGACY, prefix, Need.TOOL))
                else:
                    self._add(text, family, found, unclear)
        if nft is not None:
            found += nft.redirects
            unclear += nft.not_understood
        elif not tools:
            self.missing.append(Gap(GapCode.NAT_NO_TOOL, needs=Need.TOOL))
        elif not self.missing and _may_have_nf_tables():
            self.missing.append(Gap(GapCode.NAT_NO_NFT, needs=Need.TOOL))
        return NatRules(tuple(dict.fromkeys(found)), tuple(dict.fromkeys(unclear)))

    def _nftables(self) -> NatRules | None:
        text = self._run("nft", "--json", "list", "ruleset")
        if not text:  # not installed, or it failed, which is told already
            return None if text is None else NatRules(())
        # What redirects says so, or is what iptables keeps there ("xt"): without either, JSON
        # and all that reads it need not be loaded.
        if text.startswith("{") and not any(each in text for each in _REDIRECTING):
            return NatRules(())
        from portbook.host.firewall.nftables import parse_nft

        try:
            return parse_nft(text)
        except MalformedInput as error:
            self.missing.append(Gap(GapCode.NAT_UNREADABLE, "nftables", detail=str(error)))
            return NatRules(())

    def _add(self, text: str, family: Family, found: list[Redirect], unclear: list[str]) -> None:
        from portbook.host.firewall.iptables import parse_iptables_save

        try:
            rules = parse_iptables_save(text, family)
        except MalformedInput as error:
            self.missing.append(Gap(GapCode.NAT_UNREADABLE, "iptables", detail=str(error)))
            return
        found += rules.redirects
        unclear += rules.not_understood

    def _save(self, prefix: str, variant: str) -> str | None:
        text = self._run(f"{prefix}-{variant}-save")
        if text is None:
            text = self._run(f"{prefix}-save")
            # Its first line says "(nf_tables)" where that is the variant it stands for.
            if text is not None and ("(nf_tables)" in text.split("\n", 1)[0]) != (variant == "nft"):
                return None
        return text

    def _run(self, name: str, *arguments: str) -> str | None:
        """What the tool printed, "" where it failed, None where it isn't installed."""
        from portbook.host.run_tool import SYSTEM_FOLDERS, find_tool, run_tool

        path = find_tool(name, f"{SYSTEM_FOLDERS}:{os.environ.get('PATH', '')}")
        if path is None:
            return None
        try:
            done = run_tool([path, *arguments], SYSTEM_FOLDERS, max(0.0, self._end - self._clock()))
        except OSError as error:
            self.missing.append(Gap(GapCode.TOOL_UNSTARTED, name, detail=str(error.strerror)))
            return ""
        if done.status is None:
            self.missing.append(Gap(GapCode.TOOL_LATE, name, Need.AGAIN))
            return ""
        if done.status:
            why = shown(done.errors.decode("utf-8", "replace").strip().split("\n")[0], 120)
            self.missing.append(Gap(GapCode.TOOL_FAILED, name, detail=why))
            return ""
        return done.output.decode("utf-8", "replace")


def _is_of(rules: NatRules, table: str) -> Iterator[bool]:
    for redirect in rules.redirects:
        yield redirect.chain.startswith(table)
    for text in rules.not_understood:
        yield text.startswith(table)


def _without(rules: NatRules | None, table: str) -> NatRules | None:
    if rules is None:
        return None
    return NatRules(
        tuple(each for each in rules.redirects if not each.chain.startswith(table)),
        tuple(each for each in rules.not_understood if not each.startswith(table)),
    )


def _words(path: str) -> list[str]:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().split()
    except OSError:
        return []


def _may_have_nf_tables() -> bool:
    """Whether nftables rules can be in force; false only where its module is surely not there."""
    loaded = _words("/proc/modules")
    if not loaded or "nf_tables" in loaded:
        return True
    built_in = f"/lib/modules/{os.uname().release}/modules.builtin"
    return not os.path.exists(built_in) or any("/nf_tables.ko" in word for word in _words(built_in))
