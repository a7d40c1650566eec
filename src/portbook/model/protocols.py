"""Protocols: which services are spoken in them, and what tools call them.

A probe, a scan and a flow log name the protocol that a service really spoke. Held against the
services that are registered for its port, that is evidence (``speaks-otherwise``).
"""

from __future__ import annotations

# A protocol -> the services, by IANA's names, that are spoken in it: plainly, and inside of TLS.
# None is built on another one of these: whoever speaks HTTP where LDAP belongs doesn't speak LDAP.
# These a probe of our own recognises.
PROBED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ssh": (("ssh",), ()),
    "smtp": (("smtp", "submission"), ("submissions",)),
    "imap": (("imap",), ("imaps",)),
    "pop3": (("pop3",), ("pop3s",)),
    "ftp": (("ftp",), ("ftps",)),
    "nntp": (("nntp",), ("nntps",)),
    "telnet": (("telnet",), ("telnets",)),
    "mysql": (("mysql",), ()),
    "rfb": (("rfb",), ()),
    "rsync": (("rsync",), ()),
    "http": (("http", "www", "www-http", "http-alt", "webcache"), ("https", "https-alt")),
    "postgresql": (("postgresql",), ()),
    "redis": (("redis",), ()),
    "memcached": (("memcache",), ()),
    "mongodb": (("mongodb",), ()),
    "mqtt": (("mqtt",), ("secure-mqtt",)),
    "amqp": (("amqp",), ("amqps",)),
    # DNS's messages are those of multicast DNS (RFC 6762 §18), LLMNR (RFC 4795 §2.1) and NetBIOS'
    # names (RFC 1002 §4.2.1) too, and logs don't tell them from it.
    "dns": (("domain", "mdns", "llmnr", "netbios-ns"), ("domain-s",)),
}
# These, others recognise: their logs and scans name them.
SERVICES = {
    **PROBED,
    "rdp": (("ms-wbt-server",), ()),
    "smb": (("microsoft-ds", "netbios-ssn"), ()),
    "mssql": (("ms-sql-s",), ()),
    "kerberos": (("kerberos",), ()),
    "ldap": (("ldap", "msft-gc"), ("ldaps", "msft-gc-ssl")),
    "radius": (("radius", "radius-acct"), ()),
    "snmp": (("snmp", "snmptrap"), ()),
    "ntp": (("ntp",), ()),
    "tftp": (("tftp",), ()),
    "dhcp": (("bootps", "bootpc"), ()),
    "syslog": (("syslog",), ("syslog-tls",)),
    "sip": (("sip",), ("sips",)),
    "rtsp": (("rtsp",), ("rtsps",)),
    "xmpp": (("xmpp-client", "xmpp-server"), ()),
    "irc": (("irc", "ircu"), ("ircs-u",)),
    "modbus": (("mbap",), ("mbap-s",)),
}
# TLS is a layer, and what is inside of it may be what belongs on the port. These alone never begin
# with it: RFC 4253 §4.2, RFC 854, RFC 7858 §3.1 (DNS over TLS must not be on 53), RFC 1001 §15.
TLS = "tls"
NEVER_TLS = frozenset({"ssh", "telnet", "domain", "microsoft-ds", "netbios-ssn"})

# What tools call a protocol, where that isn't its name here: Zeek's analyzers
# (https://docs.zeek.org/en/master/logs/conn.html, service), Suricata's app_proto, nmap's services.
_ALSO = {
    "ssl": TLS,
    "krb": "kerberos",
    "krb5": "kerberos",
    "krb_tcp": "kerberos",
    "krb_udp": "kerberos",
    "kerberos-sec": "kerberos",
    "ldap_tcp": "ldap",
    "ldap_udp": "ldap",
    "domain": "dns",
    "http2": "http",
    "http-proxy": "http",
    "jabber": "xmpp",
    "xmpp-client": "xmpp",
    "xmpp-server": "xmpp",
    "microsoft-ds": "smb",
    "netbios-ssn": "smb",
    "mongod": "mongodb",
    "ms-sql-s": "mssql",
    "ms-wbt-server": "rdp",
    "pgsql": "postgresql",
    "vnc": "rfb",
}
# The words of logs, in lower case, that name one protocol; several in one ("ssl,http") and all
# others ("-", "failed") name none that anything could be held against.
WORDS = {**{protocol: protocol for protocol in (*SERVICES, TLS)}, **_ALSO}


def protocol_named(word: str) -> str:
    """The protocol that a tool calls *word*; *word* itself where it is none that is known here.

    >>> protocol_named("ssl"), protocol_named("krb_tcp"), protocol_named("ssl,http")
    ('tls', 'kerberos', 'ssl,http')
    """
    return WORDS.get(word.lower(), word)
