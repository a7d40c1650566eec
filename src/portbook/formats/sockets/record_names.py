"""What the columns of records are called, by whichever tool and in whichever language."""

from __future__ import annotations

import re

# The names of each column, without signs and in lower case; the first that is there counts.
PORT = ("localportnum", "localport", "lport", "port", "portid", "portnumber", "serviceport")
ADDRESS = (
    "localaddress", "localaddr", "localip", "ipstr", "ip", "ipaddress", "ipaddr", "address", "addr",
    "host", "assetipaddress", "bind", "bindaddress", "bindip", "listen", "listenaddress",
    "listeningaddress", "listenip", "listenon", "listeningon", "boundto", "local",
)  # fmt: skip
PROTOCOL = (
    "transportprotocol", "protocol", "proto", "transport", "netid", "portprotocol",
    "serviceprotocol",
)  # fmt: skip
STATE = ("state", "status", "portstate")
PEER_PORT = ("peerportnum", "remoteport", "foreignportnum", "foreignport", "peerport", "rport")
PID = ("pid", "processid", "owningprocess")
PROGRAM = (
    "processname", "programname", "program", "process", "command", "application", "owner", "name",
)  # fmt: skip
USER = ("user",)
HELD_BY = {*PROGRAM[:-1], *PID}
VERSION = "vers"  # rpcinfo has a program for each number
# What a scan learnt of a service that answered.
LEARNT = {"service", "version", "product", "banner", "tls", "cpe", "shodan"}
# A scan for weaknesses has a row for each thing that it found at a port: Nessus, OpenVAS, Qualys,
# Nexpose.
OF_PLUGINS = frozenset({
    "pluginid", "pluginname", "nvtname", "nvtoid", "qid", "vulnerabilitytitle",
})  # fmt: skip
LONG = frozenset(
    {"pluginoutput", "synopsis", "description", "summary", "solution", "seealso", "results"}
)
# Columns of a table that have an address with its port, as ss and netstat print it, and what only
# these two have beside it.
WITH_PORT = (
    "localaddressport", "localaddress", "local", "listen", "listenaddress", "listenon",
    "listeningon", "listening", "bind", "bindaddress", "boundto", "endpoint", "socket", "address",
    "addressport",
)  # fmt: skip
OF_TOOLS = frozenset({
    "recvq", "sendq", "recvqsendq", "peeraddressport", "peeraddress", "peer", "foreignaddress",
    "remoteaddress", "remote",
})  # fmt: skip
OWNERS = ("pidprogramname", "pidprogram", "programpid", "processpid", "pidprocess")
NAMES = frozenset({*PORT, *ADDRESS, *PROTOCOL, *STATE, *PEER_PORT, *PID, *PROGRAM, *USER})
OF_MACHINES = frozenset({*PID, "localport", "localportnum"})  # a scan has none of these
OF_PROCESSES = frozenset({*PID, *PROGRAM[:6]})

_TRANSLATED = {
    "protocol": (
        "protokoll protocole protocolo protocollo protokół 协议 プロトコル протокол 프로토콜 "
        "通訊協定"
    ),
    "localaddress": (
        "lokaleadresse adresselocale direcciónlocal indirizzolocale endereçolocal adreslokalny "
        "本地地址 ローカルアドレス локальныйадрес lokaaladres 로컬주소 本機位址"
    ),
    "localport": (
        "lokalerport portlocal puertolocal portalocale portalocal "
        "本地端口 ローカルポート локальныйпорт lokalepoort 로컬포트"
    ),
    "address": "adresse dirección indirizzo endereço 地址 アドレス адрес adres 주소 位址",
    "port": "puerto porta 端口 ポート порт poort 포트 連接埠 埠",
    "state": "zustand état estado stato stan 状态 状態 состояние toestand 상태 狀態",
    "process": (
        "prozess processus proceso processo 进程 プロセス процесс proces 프로세스 处理程序 處理程序"
    ),
    "program": "programm programme programa programma 程序 プログラム программа 프로그램",
    "user": "benutzer utilisateur usuario utente 用户 ユーザー пользователь gebruiker 사용자",
    "service": "dienst servicio servizio serviço 服务 サービス служба сервис 서비스",
}
_IN_ENGLISH = {word: name for name, words in _TRANSLATED.items() for word in words.split()}
_SIGN, _NO_WORD = re.compile(r"[^a-z0-9]+"), re.compile(r"[\W_]+")
# What a header has in one of its columns, and few rows have.
HEADED = (
    "port", "addr", "local", "puerto", "lokal", "adres", "direcc", "indirizzo", "端口", "ポート",
    "地址", "アドレス", "порт", "адрес", "poort", "포트", "주소", "埠", "位址", "listen", "bind",
    "endpoint", "socket",
)  # fmt: skip


def bare(name: str) -> str:
    """The name of a column as the tuples above have it, whichever language it is in.

    >>> bare("Local Port"), bare("Lokale Adresse")
    ('localport', 'localaddress')
    """
    lower = name.lower()
    return _IN_ENGLISH.get(_NO_WORD.sub("", lower)) or _SIGN.sub("", lower)
