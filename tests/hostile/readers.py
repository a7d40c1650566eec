"""Every function of the product that reads what comes from outside, by its name in the code.

:data:`READERS` is what the tests of hostile input go through; ``test_listing.py`` fails where the
product has a reader that is neither here nor in :data:`NO_READERS`, with the reason.
"""

from __future__ import annotations

from tests.hostile import of_captures, of_files, of_host, of_requests

# What looks like a reader by its name or by what it takes, and why it is none.
_OPTIONS = "is given options: the tests of queries go through the whole command line"
_HTTP = "is given what httptools parsed; the server's own limits are held by the tests of the web"
_KERNEL = "hands on what kernel_expressions and kernel_iptables read"
_WRITES = "writes what portbook itself made"
NO_READERS = {
    "portbook._own_modules:OwnLoader": "is given what Python compiled of portbook itself",
    "portbook.formats.sockets.comparison:best_of": "is a part of detect, which is one",
    "portbook.formats.sockets.comparison:compared": "is a part of detect, which is one",
    "portbook.formats.sockets.rewrapped:Cut": "is a part of detect, which is one",
    "portbook.formats.sockets.rewrapped:joined": "is a part of detect, which is one",
    "portbook.formats.sockets.worth:begun": "is a part of detect, which is one",
    "portbook.formats.sockets.worth:nothing_known": "is a part of detect, which is one",
    "portbook.formats.sockets.worth:weigh": "it is given what detect's readers make of a sample",
    "portbook.formats.flows.log_lines:any_line": "searches for what each recognise gives it",
    "portbook.formats.flows.detect:marks_beyond": "searches a head for fixed words",
    "portbook.catalog.practice.held_rows:RowsByPort": "is given portbook's own files of practice",
    "portbook.present.render.html_head:head_cells": "typesets an answer of portbook's own",
    "portbook.web.reference:in_form": "is given a page of portbook's own",
    "portbook.app.library:explain": "hands on what app.explain reads",
    "portbook.app.audit.pseudonymise:Pseudonyms": "is given a key, and hashes",
    "portbook.cli.listen:parse_quick": _OPTIONS,
    "portbook.cli.listen:parse_whole": _OPTIONS,
    "portbook.cli.pick:parse_quick": _OPTIONS,
    "portbook.cli.pick:parse_whole": _OPTIONS,
    "portbook.cli.show:parse_quick": _OPTIONS,
    "portbook.cli.show:parse_whole": _OPTIONS,
    "portbook.host.probe.session:Conversation.gave_up": "hands on what greetings.recognise reads",
    "portbook.host.probe.session:Conversation.said": "hands on what greetings.recognise reads",
    "portbook.host.linux.network:through_rules": "is given what netlink.dump read of the kernel's",
    "portbook.host.probe.local_address:route_request": "is given an address of this machine",
    "portbook.catalog.update.install:Keeper.keep": _WRITES,
    "portbook.web.reference:kept": _WRITES,
    "portbook.web.http.cache:Keeping": "is given what makes a page",
    "portbook.web.http.cache:Keeping.find": "looks an address up by its hash",
    "portbook.web.http.cache:Keeping.find_in": "looks an address up by its hash",
    "portbook.web.http.cache:wanted_in": "hands on what Wishes.of and negotiate read",
    "portbook.web.http.entry:make_entry": "is given what portbook itself made",
    "portbook.web.http.security:secured_headers": "is given what portbook itself made",
    "portbook.host.firewall:dumped": "hands on what the kernel answers",
    "portbook.host.firewall.kernel_rules:KernelChain.expressions": _KERNEL,
    "portbook.host.firewall.kernel_rules:KernelChain.foreign": _KERNEL,
    "portbook.host.firewall.kernel_rules:KernelRule": _KERNEL,
    "portbook.host.firewall:chain_request": "is given attributes that portbook itself made",
    "portbook.host.firewall.kernel_rules:read_kernel_rules": "asks; what is found is read when met",
    "portbook.host.firewall.ruleset:read_ruleset": "is given what asks; nft_hidden reads",
    "portbook.cli.capture_stream:print_rows": "prints what app.explain's stream and rows read",
    "portbook.web.explain.explainer:run": "is given lengths by the site, and hands on the rest",
    "portbook.web.http.protocol:PatientProtocol.data_received": _HTTP,
    "portbook.web.http.protocol:PatientProtocol.on_header": _HTTP,
}

READERS = {
    **of_captures.READERS,
    **of_files.READERS,
    **of_host.READERS,
    **of_requests.READERS,
}
