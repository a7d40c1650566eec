"""Outputs that are known and hold no sockets: what to do with them instead."""

from __future__ import annotations

import re

_COLUMN = (
    r"(?:(?:local )?(?:ports?|address)|host|ip|program|process(?: name)?|name|command|pid|user|app"
    r"|application|container)"
)
# What is known and holds no sockets, and where to go with it.
ELSEWHERE = (
    (
        re.compile(
            r"^\s{0,8}(?:tcp|udp|LISTEN)[46]?\s.{0,80}?(?<![\w.])(?=[0-9.]{0,12}[OoIl])"
            r"[0-9OoIl]{1,3}(?:\.[0-9OoIl]{1,3}){3}[:.]|^\s{0,8}(?:tcp|udp)[46]?\s{1,20}O\s{1,20}O\s"
        ),
        (
            "letters stand where digits belong, as in the text of a picture: write 0 for O and 1 "
            "for l, and give it again"
        ),
    ),
    (
        # In other languages its rules alone stay the same.
        re.compile(
            r"Port Exclusion Ranges|netsh\s.{0,60}excludedportrange|-{10} {4}-{8}[ \t]{0,8}$"
        ),
        "netsh's excluded port ranges are no sockets: ask about a port with portbook why PORT",
    ),
    (
        re.compile(
            r"\bCLUSTER-IP\s+EXTERNAL-IP\s+PORT\(S\)|^NAME\s.{0,200}\b(?:ENDPOINTS|PORTS)\b.{0,80}\sAGE\s*$"
            r"|\"?kind\"?\s?:\s?\"?(?:Service|Pod|Endpoints|EndpointSlice|Ingress|List)\b"
            r"|^(?:TargetPort|NodePort|Endpoints):\s|^\s{0,20}-? ?\"?(?:nodePort|targetPort)\"?: "
        ),
        "kubectl's services are no sockets of a machine: look up one of their ports, portbook 443",
    ),
    (
        re.compile(r"^(?:NAMESPACE\s+)?NAME\s+READY\s+STATUS\s+RESTARTS\s"),
        (
            "kubectl's list of pods has no ports: look up one of their ports, portbook 443, or "
            "give the output of ss -tulpn of the node"
        ),
    ),
    (
        re.compile(
            r"^CONTAINER(?: ID)?\s+IMAGE\s+CREATED\s+STATE\s+NAME\s|^POD ID\s+CREATED\s+STATE\s"
        ),
        (
            "crictl's list has no ports: give the output of ss -tulpn of the node, or look up one "
            "port, portbook 443"
        ),
    ),
    (
        re.compile(r"^(?:services|version|x-[\w-]{1,40}):(?:\s|$)|^\s{2,8}ports:\s*(?:\[|$)"),
        (
            "a compose file says what is meant, not what listens: give the output of docker "
            "compose ps, or of ss -tulpn"
        ),
    ),
    (
        re.compile(
            r"^\s{0,8}(?:0\.0\.0\.0|\[::\]|\*):[0-9]{1,5}\s*$"
            r"|^\s{0,8}Local ?Address(?: ?:? ?Port)?:?\s*$"
        ),
        (
            "addresses alone say neither TCP nor UDP: print the first two columns as well, "
            "ss -Htulpn | awk '{print $1, $2, $5, $7}'"
        ),
    ),
    (
        re.compile(r"^(?:TCP:\s+[0-9]+ \(estab|Transport\s+Total\s+IP\s+IPv6)"),
        "ss -s counts sockets and lists none: give the output of ss -tulpn",
    ),
    (
        re.compile(
            r"^\s{0,8}To\s+Action\s+From\s*$|^Chain \w\S{0,40} \((?:policy|[0-9]+ references)"
            r"|^table (?:inet|ip6?|arp|bridge|netdev) \S+ \{|^-[AP] (?:INPUT|FORWARD|OUTPUT) "
            r"|^\s{0,4}(?:icmp-block-inversion|masquerade): (?:yes|no)\s*$"
            r"|^\s{0,4}target: (?:default|ACCEPT|DROP|%%REJECT%%)\s*$"
            r"|^(?:pass|block)(?: drop| return| in| out| log| quick| on \S{1,16}){0,6}"
            r" (?:all|inet6?|proto)\b"
        ),
        "a firewall's rules are no sockets: ask who can reach a port with portbook reach PORT",
    ),
    (
        re.compile(
            r"^Kernel (?:IP routing|Interface) table|^Routing tables$|^Destination\s+Gateway\s"
        ),
        "that is a table of routes or interfaces: give the output of netstat -an",
    ),
    (
        re.compile(
            r"^(?:\s{0,8}\[[A-Z]{3,10}\] )?(?:ipv[46]\s{1,8}[0-9]{1,2} )?\w{2,12}\s{1,8}[0-9]{1,3} "
            r".{0,80}\bsrc=\S{2,45} dst=\S"
        ),
        "conntrack's list is of connections, not of sockets: give the output of ss -tulpn",
    ),
    (
        re.compile(
            r"^\s{0,8}(?:(?:tcp|udp)\s{1,20})?(?:\*|\[[0-9a-f:.]{2,45}\]|[0-9.]{7,15})(?:%\S{1,32})?"
            r":[0-9]{1,5}\s{1,40}users:\(\("
        ),
        (
            "these columns of ss don't say what listens, or whether it is TCP: print the first two "
            "as well, ss -Htulpn | awk '{print $1, $2, $5, $7}'"
        ),
    ),
    (
        re.compile(r"^\s{0,4}Listen on ipv[46]:\s+Connect to ipv[46]:"),
        (
            "netsh's port proxies are redirects and no sockets: what listens for them is in the "
            "output of netstat -ano"
        ),
    ),
    (
        re.compile(r"^PROTOCOL\s+STATE\s+SERVICE"),
        "nmap -sO lists protocols of IP, which have no ports: scan with nmap -sS or -sU",
    ),
    (
        re.compile(r"^Image Name\s+PID\s+Session Name"),
        "tasklist lists processes and no sockets: give the output of netstat -ano",
    ),
    (
        re.compile(r"\bTcpTestSucceeded\b"),
        "Test-NetConnection is read as a list: pipe it to Format-List",
    ),
    (
        re.compile(
            r"^\s{0,8}(?:\*|\[[0-9a-f:.]{2,45}\]|[0-9.]{7,15}|[0-9a-f:]{2,45}):[0-9]{1,5}\s{1,40}"
            r"(?:[0-9]{1,10}/\S{1,64}|-)\s*$"
        ),
        (
            "these columns of netstat don't say what is TCP, or what listens: print those as well, "
            "netstat -tulpn | awk '{print $1, $4, $6, $7}'"
        ),
    ),
    (
        re.compile(
            r"^\S{1,60}\s+(?:\*|localhost|\[[0-9a-f:.]{2,45}\]|[0-9.]{7,15}):[0-9]{1,5}\s*$"
        ),
        (
            "a program and an address say neither TCP nor UDP: give all columns of lsof -nP -i or "
            "of ss -tulpn"
        ),
    ),
    (
        re.compile(r"^\s+(?:program|local-address|remote-address):\s*$"),
        "salt's network.netstat isn't read: give the output of salt '*' cmd.run 'ss -tulpn'",
    ),
    (
        re.compile(r"\bhaproxy\[[0-9]{1,9}\]: \S{3,60}:[0-9]{1,5} \[[0-9]{2}/\w{3}/"),
        "HAProxy's log names its clients' ports and none of its own: give the output of ss -tlpn",
    ),
    (
        re.compile(r"\bPublished Ports\b"),
        "Portainer's list says neither TCP nor UDP: give the output of docker ps",
    ),
    (
        re.compile(r"^\s{0,8}\|{1,2}\s{0,20}Ports?\s{0,20}\|(?!.{0,400}\bproto)", re.IGNORECASE),
        "that table says neither TCP nor UDP: write its ports as 22/tcp, or give the output of ss",
    ),
    (
        re.compile(
            rf"^\s{{0,8}}(?=.{{0,200}}\bports?\b){_COLUMN}(?:[ \t]{{1,40}}{_COLUMN}){{1,6}}\s*$",
            re.IGNORECASE,
        ),
        "that table says neither TCP nor UDP: write its ports as 22/tcp, or give the output of ss",
    ),
    (
        re.compile(r"^\s{0,40}program\s+version\(s\)\s+netid\(s\)"),
        "rpcinfo -s names programs without their ports: give the output of rpcinfo -p",
    ),
    (
        re.compile(r"^n(?:\*|\[[0-9a-f:.]{2,45}\]|[0-9.]{7,15}):[0-9*]{1,5}$"),
        "these fields of lsof don't say what is TCP, UDP, IPv4 or IPv6: give lsof -i -F pcPtTn",
    ),
    (
        re.compile(r"^\s{0,40}(?:LocalAddress\s+)?LocalPort\s+(?!.*(?:State|Remote))\w"),
        (
            "these columns of PowerShell say neither TCP nor UDP, nor what listens: give "
            "LocalAddress, LocalPort and State"
        ),
    ),
)
