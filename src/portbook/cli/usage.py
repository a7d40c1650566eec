"""What the help of each command ends with: examples, and what its exit statuses mean.

The manual pages have them too.
"""

from __future__ import annotations

# name: examples, each with what it does
EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "listen": (
        ("portbook listen", "everything that listens on this machine"),
        ("portbook listen --level check", "only what needs a look"),
        ("portbook listen --watch", "follow what opens and closes"),
    ),
    "why": (
        ("portbook why 3000", "can 3000 be bound, and if not, why?"),
        ("portbook why 53/udp", "the same for UDP"),
        ("npm start 2>&1 | portbook why -", "why did it fail?"),
    ),
    "stop": (
        ("portbook stop 3000", "show what would be stopped"),
        ("portbook stop 3000 --yes", "stop it"),
        ("portbook stop 3000-3005 --program node", "stop node on any of them"),
    ),
    "wait": (
        ("portbook wait 5432", "until a server listens on 5432"),
        ("portbook wait 3000 --free", "until nothing is bound to 3000"),
        ("portbook wait 5432 localhost:8080 --timeout 10", "for ten seconds at most"),
    ),
    "reach": (
        ("portbook reach 8080", "from where, and which firewall rule decides"),
        ("portbook reach localhost:5173", "and which program answers there"),
        ("sudo portbook reach 53/udp --json", "with root's view, for a script"),
    ),
    "pick": (
        ("portbook pick", "a free port that nothing else is known to use"),
        ("portbook pick 3000", "3000, or the next one that is free"),
        ("portbook pick --hold -- server --port {port}", "start a server on one"),
    ),
    "doctor": (
        ("portbook doctor", "what portbook can see as this user"),
        ("sudo portbook doctor", "and as root"),
        ("portbook doctor --json --strict", "for a script: 3 if anything is hidden"),
    ),
    "show": (
        ("portbook 3000", "what is on port 3000, and what it is for"),
        ("portbook show 443/udp --full", "everything on record about it"),
        ("portbook show 6000-6063 --json", "a range, as JSON"),
    ),
    "search": (
        ("portbook search postgres", "by name"),
        ("portbook search remote desktop", "by description"),
        ("portbook search kubernets --json", "misspelled, as JSON"),
    ),
    "topic": (
        ("portbook topic", "list the topics"),
        ("portbook topic refused", "what a refused connection means"),
        ("portbook topic time-wait", "why a port stays taken for a minute"),
    ),
    "history": (
        ("portbook history 853", "what became of one port"),
        ("portbook history --since 2025", "what changed since 2025"),
        ("portbook history --diff shipped current", "compare two registries"),
    ),
    "blocks": (
        ("portbook blocks --limit 5", "the longest unassigned blocks"),
        ("portbook blocks --range system", "only among the System Ports"),
        ("portbook blocks --state reserved", "the blocks that IANA reserves"),
    ),
    "stats": (
        ("portbook stats", "counts over all ports"),
        ("portbook stats 0-1023", "over the System Ports"),
        ("portbook stats --json", "as JSON"),
    ),
    "map": (
        ("portbook map 0-1023", "draw these ports, one by one"),
        ("portbook map -o ports.svg", "write it as SVG; as PNG by that name"),
        ("portbook map 0-1023 --json", "the runs of each state, as JSON"),
    ),
    "update": (
        ("portbook update --dry-run", "show what an update would change"),
        ("portbook update", "update the registry from IANA"),
        ("portbook update --rollback", "go back to the version before"),
    ),
    "note": (
        ('portbook note 8306 "shop API"', "on tcp and udp"),
        ('portbook note 5353/udp "discovery"', "on one transport"),
        ("portbook note postgresql our database", "on a service's port"),
    ),
    "notes": (
        ("portbook notes", "list the notes in force, and whose they are"),
        ("portbook notes trust portbook.toml", "let a project's notes count"),
        ("portbook notes --adopt", "write down what listens now"),
    ),
    "explain": (
        ("ss -tlnp | portbook explain", "explain the output of ss"),
        ("portbook explain netstat.txt --level check", "only what needs a look"),
        ("portbook explain new.txt --against old.txt", "what changed since"),
    ),
    "audit": (
        ("portbook audit conn.log", "judge a log of Zeek"),
        ("portbook audit flows.csv --json", "a table of flows, as JSON"),
        ("portbook audit flows.csv -o report.html", "write a report"),
    ),
    "serve": (
        ("portbook serve", "start the site for this machine"),
        ("portbook serve --open", "and open it in the browser"),
        ("portbook serve --public --port 8080", "for others, without this machine"),
    ),
    "export": (
        ("portbook export site", "write the site into a folder"),
        ("portbook export site --only 300-310", "only the pages of some ports"),
        ("portbook export site --base-url https://www.example.org", "with its address"),
    ),
    "feedback": (
        ("portbook feedback", "the pages with the worst votes first"),
        ("portbook feedback --limit 5", "the worst five"),
        ("portbook feedback --json", "all of them as JSON"),
    ),
    "completion": (
        ("source <(portbook completion bash)", "in ~/.bashrc"),
        ("source <(portbook completion zsh)", "in ~/.zshrc, after compinit"),
        ("portbook completion fish | source", "in ~/.config/fish/config.fish"),
    ),
}

_ALERTS = "a finding at the level of --fail-on or above"
_STRICT = "something could not be seen, and --strict was given"
_ALWAYS = ((2, "wrong usage, or unreadable input"), (130, "interrupted"))
_STATUSES: dict[str, tuple[tuple[int, str], ...]] = {
    "listen": ((1, _ALERTS), (3, _STRICT)),
    "why": ((1, "the bind would fail, or the connection is refused"), (3, _STRICT)),
    "stop": ((1, "something is left on the port, or nothing was stopped"), (3, _STRICT)),
    "wait": ((1, "the time ran out"), (3, "--free, and not all could be seen, with --strict")),
    "reach": ((3, _STRICT),),
    "pick": ((1, "no port meets every criterion"),),
    "doctor": ((3, _STRICT),),
    "show": ((1, "nothing found, or the failure in a pasted error persists"), (3, _STRICT)),
    "search": ((1, "nothing found"),),
    "history": ((1, "no version of the registry has this name"),),
    "explain": ((1, _ALERTS), (3, "some lines were not understood, with --strict")),
    "audit": ((1, _ALERTS), (3, "part of the input was not understood, with --strict")),
    "update": ((1, "the version in use is damaged, with --list"),),
}


def statuses_of(name: str) -> tuple[tuple[int, str], ...]:
    """The exit statuses of the command *name*, with what each means."""
    return (0, "done"), *sorted((*_STATUSES.get(name, ()), *_ALWAYS))
