"""What a text says went wrong: the words of failure, in the languages that systems speak.

The wordings are those of the C library and of Windows for one error each, and what servers and
clients make of them. A fragment is enough to know one: quotes, endings and letter case differ.

>>> classify("bind(): Address already in use"), classify("os error 111")
(<Failure.IN_USE: 'in-use'>, <Failure.REFUSED: 'refused'>)
>>> classify("Die Adresse wird bereits verwendet"), classify("listening on port 80")
(<Failure.IN_USE: 'in-use'>, None)
"""

# The patterns of a table stand whole, whatever their length.
# ruff: noqa: E501

from __future__ import annotations

import re

from portbook.model import Failure

# Linux, macOS and the BSDs, Windows (winsock2.h), and libuv's own numbers on Windows (uv/errno.h).
NUMBERS = {
    **dict.fromkeys((98, 48, 10048, 4091), Failure.IN_USE),
    **dict.fromkeys((13, 10013, 4092), Failure.PERMISSION),
    **dict.fromkeys((99, 49, 10049, 4090), Failure.UNAVAILABLE),
    **dict.fromkeys((111, 61, 10061, 4078), Failure.REFUSED),
    **dict.fromkeys((110, 60, 10060, 4039), Failure.TIMEOUT),
    **dict.fromkeys((101, 113, 51, 65, 10051, 10065, 4062), Failure.UNREACHABLE),
}

# In lower case; the first failure whose fragment occurs in a clause is the clause's.
FRAGMENTS: dict[Failure, tuple[str, ...]] = {
    Failure.BROWSER_BLOCKED: (
        "err_unsafe_port", "restricted network port", "ns_error_port_access_not_allowed",
        "normally used for purposes other than web browsing", "this address is restricted",
        "bad port", "blocked port", "unsafe port",
    ),
    Failure.EXCLUDED_RANGE: (
        "excluded port range", "excludedportrange", "administered port exclusion",
        "port exclusion range", "excluded range", "ausgeschlossenen portbereich",
        "plage de ports exclu", "排除的端口", "排除端口",
    ),
    Failure.DROPPED: (
        "[ufw block]", "[ufw audit invalid]", "final_reject", "iptables denied", "iptables-dropped",
        "iptables dropped", "netfilter drop", "nft drop", "firewall drop", "in-world-drop",
    ),
    Failure.IN_USE: (
        "eaddrinuse", "addrinuse", "addressinuse", "addressalreadyinuse", "address already in use",
        "address in use", "only one usage of each socket", "already in use", "is in use",
        "are in use", "in use by", "in use:", "connection in use", "still in use", "be in use",
        "port in use", "was in use", "being used", "already used", "already allocated", "already been allocated", "already been taken", "already been used",
        "already bound", "already taken", "is taken", "is occupied", "already occupied",
        "occupied by", "already being listened", "already running on", "already running at",
        "already listening", "running on the same address", "already running?", "server is already running", "instance is already running", "is running this app",
        "another process is using", "something is already using", "server running on port",
        "postmaster already running", "conflicts with an existing registration",
        "no free port", "not have free ports", "n't have free ports", "had no free ports",
        "not free for the requested", "no available port", "already performing on", "already using ",
        "can't connect to ('", "port is not free", "port already assigned", "is used by",
        "has been used by", "port conflict", "in use)", "collides with", "would collide", "listener already exists", "process using that port", "process using this port",
        # German, French, Spanish, Portuguese, Italian, Dutch, Polish
        "bereits verwendet", "bereits in verwendung", "bereits belegt", "wird schon verwendet",
        "ist belegt", "bereits benutzt", "in benutzung", "nur jeweils einmal verwendet",
        "déjà utilisé", "deja utilise", "déjà en cours d'utilisation", "est occupé",
        "une seule utilisation de chaque adresse", "déjà pris",
        "ya se está usando", "ya en uso", "está en uso", "esta en uso", "ya está siendo us",
        "está ocupado", "un uso de cada dirección de socket", "un uso de cada direccion de socket",
        "já em uso", "em uso por", "já está em uso", "está em uso", "já está sendo us",
        "já está a ser", "permitida apenas uma utiliza", "um uso de cada endereço de soquete",
        "uso de cada endereço",
        "già in uso", "è in uso", "già utilizzat", "già occupat", "un solo utilizzo di ogni",
        "al in gebruik", "in gebruik door", "reeds in gebruik", "is bezet", "één keer worden gebr",
        "jest już w użyciu", "już w użyciu", "już używan", "jest zajęt", "już zajęt",
        "jedno użycie każdego",
        # Russian, Ukrainian, Turkish, Czech, Swedish, Danish, Norwegian, Finnish, Hungarian
        "уже используется", "уже занят", " занят", "используется процессом",
        "используется другим", "одно использование адреса сокета", "вже використовується",
        "zaten kullanımda", "zaten kullanılıyor", "kullanımda", "tarafından kullanılıyor",
        "yalnızca bir kullanım", "je již používán", "je užíván", "již používá",
        "används redan", "redan i bruk", "allerede i brug", "allerede i bruk", "on jo käytössä",
        "már használatban",
        # Chinese, Japanese, Korean
        "地址已在使用", "地址已被使用", "地址已经被使用", "已在使用", "已被占用", "被占用", "已经被占用",
        "占用", "已被使用", "已经被使用", "被使用", "正在使用", "只允许使用一次", "位址已經在使用", "位址已在使用", "已被佔用",
        "被佔用", "一次只能用一個通訊端", "只能使用一次", "使用中", "既に使用", "すでに使用", "使われて",
        "使用されてい", "1 つのみを使用でき", "이미 사용", "사용 중", "사용중", "하나만 사용할 수 있",
        # Arabic, Hindi, Indonesian, Vietnamese
        "قيد الاستخدام", "مستخدم بالفعل", "पहले से उपयोग", "sudah digunakan", "đã được sử dụng",
        "đang được sử dụng",
    ),
    Failure.UNAVAILABLE: (
        "eaddrnotavail", "addrnotavail", "addressnotavailable", "assign requested address",
        "assign the requested address", "address not available", "not valid in its context",
        "ip address can't be assigned", "requested address is not valid", "no such local address",
        "not a local address", "cannot bind any address that", "the address is not available",
        "angeforderte adresse kann nicht", "angeforderte adresse ist in diesem kontext",
        "l'adresse demandée", "l’adresse demandée", "asignar la dirección solicitada",
        "dirección solicitada no es", "direccion solicitada no es", "atribuir o endereço",
        "endereço solicitado", "endereço requisitado", "assegnare l'indirizzo",
        "indirizzo richiesto", "gevraagde adres", "aangevraagde adres", "żądanego adresu",
        "żądany adres", "запрошенный адрес", "требуемый адрес", "i̇stenen adres", "istenen adres",
        "指定被请求的地址", "分配请求的地址", "分配所请求的地址", "请求的地址无效", "指定所要求的位址",
        "要求的位址", "要求されたアドレス", "要求したアドレス", "요청한 주소", "요청된 주소",
    ),
    Failure.PERMISSION: (
        "eacces", "eperm:", "permission denied", "permissiondenied", "access is denied",
        "access denied", "accessdenied", "forbidden by its access permission",
        "operation not permitted", "privileged port", "permission to access that port", "the address is protected",
        "requires root", "must be root", "requires elevat", "insufficient privilege",
        "privileged ports", "not permitted to bind",
        "keine berechtigung", "zugriff verweigert", "aufgrund der zugriffsrechte",
        "permission non accord", "permission refusée", "interdite par ses autorisations",
        "accès refusé", "permiso denegado", "permisos de acceso", "acceso denegado",
        "permissão negada", "permissões de acesso", "acesso negado", "permesso negato",
        "autorizzazioni di accesso", "accesso negato", "toegang geweigerd", "toegangsrechten",
        "brak dostępu", "uprawnienia dostępu", "odmowa dostępu", "отказано в доступе",
        "запрещенным правами", "запрещённым правами", "erişim engellendi", "erişim izinleri",
        "权限不够", "权限被拒绝", "访问权限不允许", "拒绝访问", "拒絕不符權限", "存取權限",
        "存取被拒", "許可がありません", "アクセス許可で禁じられ", "アクセスが拒否", "허가 거부",
        "액세스 권한", "권한이 거부",
    ),
    Failure.REFUSED: (
        "econnrefused", "connectionrefused", "connection refused", "actively refused",
        "connection_refused", "refused to connect", "was refused", "connect: refused",
        "refused. check that", "refused the connection", "connection was refused", "connrefused",
        "can't establish a connection", "can’t establish a connection", "refused the network",
        "could not be established", " refused", "no listener",
        "verbindungsaufbau abgelehnt", "verbindung verweigert", "die verbindung verweigerte",
        "verbindung abgelehnt", "connexion refusée", "expressément refusé", "conexión rehusada",
        "conexión rechazada", "denegó expresamente", "conexão recusada", "ligação recusada",
        "recusou ativamente", "recusaram ativamente", "as recusou", "connessione rifiutata",
        "rifiuto persistente", "verbinding is geweigerd", "verbinding geweigerd",
        "verbinding actief", "połączenie odrzucone", "połączenie nieosiągalne",
        "aktywnie go odmawia", "aktywnie odmawia", "соединении отказано", "соединение отклонено",
        "отверг запрос", "подключении отказано", "bağlantı reddedildi", "etkin olarak redd",
        "připojení odmítnuto", "anslutningen nekades", "拒绝连接", "连接被拒绝", "连接被拒",
        "积极拒绝", "連線被拒絕", "拒絕連線", "主動拒絕", "接続を拒否", "接続が拒否",
        "拒否されたため", "연결이 거부", "연결을 거부",
    ),
    Failure.TIMEOUT: (
        "etimedout", "timed out", "curl: (28)", "i/o timeout", "timedout", "connect timeout", "timed-out",
        "connection timeout", "timeoutexception", "timeouterror", "timed_out",
        "deadline exceeded", "did not properly respond after", "failed to occur within",
        "wartezeit für die verbindung", "zeitüberschreitung", "expiration du délai",
        "délai d'attente", "délai d’attente", "expiró el tiempo", "tiempo de espera",
        "tempo esgotado", "tempo limite", "connessione scaduta", "tempo scaduto",
        "time-out van de verbinding", "wachttijd", "przekroczony czas", "przekroczono czas",
        "upłynął limit czasu", "время ожидания", "превышен таймаут", "zaman aşımı", "连接超时",
        "超时", "連線逾時", "逾時", "タイムアウト", "시간 초과", "시간이 초과",
    ),
    Failure.UNREACHABLE: (
        "ehostunreach", "enetunreach", "ehostdown", "host unreachable", "no route to host",
        "network is unreachable", "host is unreachable", "destination unreachable",
        "address_unreachable", "hostunreachable", "networkunreachable", "noroutetohost",
        "host is down", "unreachable host", "unreachable network",
        "keine route zum", "netzwerk ist nicht erreichbar", "aucun chemin d'accès",
        "aucun chemin d’accès", "réseau n'est pas accessible", "le réseau est inaccessible",
        "ninguna ruta hasta", "no hay ruta", "red es inaccesible", "rota para o host",
        "rede está fora de alcance", "rede inacess", "instradamento per l'host",
        "rete non è raggiungibile", "geen route naar", "netwerk is onbereikbaar",
        "brak trasy do", "sieć jest niedostępna", "sieć jest nieosiągalna", "нет маршрута",
        "сеть недоступна", "yönlendirme yok", "ağa erişilemiyor", "没有到主机的路由",
        "网络不可达", "網路無法", "没有路由", "沒有通往主機", "ホストへの経路", "ネットワークに到達",
        "호스트로 갈 루트", "네트워크가 접근",
    ),
}  # fmt: skip

# A bind, or a connection, of which only its failing is told.
BIND_FAILED = re.compile(
    r"(?i)\b(?:can ?not|can[’']?t|could ?n[o’']t|could not|unable to|fail(?:ed|ure|s)? to|error)"
    r"(?: \w{1,12}){0,2} (?:re)?(?:bind(?:ing)?|listen(?:ing)?|open|expose|claim|reserve|acquire|"
    r"create (?:\w+ )?(?:\w+ )?(?:socket|listener|server)|(?:start|initiali[sz]e) (?:\w+ )?"
    r"(?:connector|listener|protocolhandler|web server))\b"
    r"|\b(?:bind|listen|bind\(\)|bind\(\.\.\)|listener|listening|forwarding)\b"
    r"(?: \S{1,60}){0,6} fail"
    r"|\bport \d{1,5} (?:(?:is )?(?:not available|unavailable|not free|busy)|taken\b)|server failed to start|bindexception|bindfailed|bind_error|could_not_start_listener"
    r"|listen_error|failed to start ranch listener"
)
CONNECT_FAILED = re.compile(
    r"(?i)\b(?:can ?not|can[’']?t|could ?n[o’']t|could not|unable to|fail(?:ed|ure|s)? to|error)"
    r"(?: \w{1,12}){0,2} (?:re)?(?:connect(?:ing)?|reach|establish)\b"
    r"|\bconnect(?:ion)?\b(?: \S{1,60}){0,6} fail|connectexception|connect call failed"
)
# A connection for which the system found no local port: Go's words on Windows, and for one of two
# wordings what says that something connected. A Go program that binds first says so.
_DIALLED = re.compile(r"(?i)\bconnectex\b|\bdial(?:ing)? (?:tcp|udp)[46]? |\bconnect EADDR")
_CONNECTED = re.compile(
    r"(?i)\bconnect(?:\([12]?\))?(?::| to (?!\()| for | failed| EADDR)|\bconnect(?:ing|ion)? (?:to .{1,120} )?"
    r"(?:fail|call failed)|new connection|connectexception|noroutetohost|stream_socket_client|"
    r"\bdial|while connecting|error connecting|\[tcp://"
)
_BINDS = re.compile(r"(?i)\bbind\b")
# A number is an errno where such a word stands before it; in brackets alone, where it can be no
# other thing.
_NUMBERED = re.compile(
    r"(?i)(?:errno|os error|winerror|wsa\w{0,20}|socketexception|socketerror|socket error|"
    r"error code|errcode|code|nativeerrorcode|errornr?|fehler|erreur|ошибка)"
    r"[\"']?[ :=(\[#]{0,4}-?(\d{2,5})\b"
    r"|error[ :=(#]{1,4}(100\d\d)\b|\((98|99|48|49|61|110|111|113|100(?:13|48|49|51|60|61|65))(?=: |\)|,)"
)
# Words of failure that are about no port, and what a port's own failure may be read for them.
_ABOUT_OTHER = re.compile(
    r"(?i)(?:container|network|volume|user) ?name.{0,120}?in use(?: by container)?|"
    r"the name \S{1,80} (?:is|seems).{0,40}?in use|"
    r"permission denied,? (?:\(publickey|please try again)|permission denied \((?:publickey|password|keyboard|gssapi)|"
    r"access denied for user|pull access denied|access denied \(using|device or resource busy|in use by module|"
    r"subnet|pool overlaps|timeout set to|address pools"
)
_IN_USE = re.compile(
    r"(?i)(?:not|n[’']t|failed to|unable to) find an? (?:empty|free|open|available|unused) port|"
    r"(?:not|n[’']t|failed to|unable to) find (?:empty|free|open|available|unused) ports?|"
    r"\bports?\b.{0,24}\bin use\b|:\d{1,5} in use\b|\bbereits\b.{0,60}\b(?:belegt|verwendet|benutzt)"
)
_LOGGED_PACKET = re.compile(r"\bDPT=\d")
_PASSED = re.compile(r"(?i)\b(?:allow|accept|pass)\w{0,3}\b|\[UFW AUDIT\]")  # audit: undecided
# What a firewall's verdict is called in the label of its own log line.
_STOPPED = re.compile(r"(?i)block|drop|den(?:y|ied)|reject|refus")
# Windows' own numbers, and its wordings in the languages that it speaks.
WINDOWS = re.compile(
    r"(?i)\b100(?:13|48|49|51|60|61|65)\b|winerror|wsae|-40(?:90|91|92|78|39)\b|access permission|"
    r"only one usage of each socket|not valid in its context|actively refused|"
    r"zugriffsrechte|jeweils einmal|autorisations d.acc|permisos de acceso|permissões de acesso|"
    r"autorizzazioni di accesso|toegangsrechten|uprawnienia dostępu|запрещ[её]нным правами|"
    r"erişim izinleri|访问权限不允许|套接字地址|通訊端|アクセス許可で|ソケット アドレス|액세스 권한|각 소켓 주소"
)
# A reason that was left open: the program doesn't know either.
_UNKNOWN_REASON = re.compile(r"\(reason: \?\)")


def classify(clause: str) -> Failure | None:
    """What *clause* says went wrong, with the reason told; None where it tells none."""
    if _LOGGED_PACKET.search(clause):
        return None if _PASSED.search(clause.partition("IN=")[0]) else Failure.DROPPED
    if _UNKNOWN_REASON.search(clause):
        return Failure.OTHER
    text = _ABOUT_OTHER.sub(" ", clause)
    lower = text.lower()
    for failure, fragments in FRAGMENTS.items():
        if failure is Failure.IN_USE and _IN_USE.search(text):
            return failure
        if any(fragment in lower for fragment in fragments):
            return failure
    for match in _NUMBERED.finditer(text):
        failure_of = NUMBERS.get(int(next(filter(None, match.groups()))))
        if failure_of is not None:
            return failure_of
    return None


def lacks_local_port(clause: str, failure: Failure | None) -> bool:
    """Whether *clause*, which tells of *failure*, is about a connection that got no port of its own.

    Source: connect(2), EADDRNOTAVAIL; Windows says WSAEADDRINUSE for it.
    """
    if _BINDS.search(clause):
        return False
    if failure is Failure.IN_USE:
        return bool(_DIALLED.search(clause))
    return failure is Failure.UNAVAILABLE and bool(_CONNECTED.search(clause))


def weak(clause: str) -> Failure | None:
    """What *clause* says failed where it gives no reason: a bind most often finds the port in use.

    A connection is most often refused.
    """
    if BIND_FAILED.search(clause):
        return Failure.IN_USE
    return Failure.REFUSED if CONNECT_FAILED.search(clause) else None


# How often one fragment is looked for in a long text: its first places say what failed.
_PLACES = 4
_LOOSE = (" refused", "占用", "使用中", "超时", "逾時")  # in every other log


def places(text: str) -> list[int]:
    """Where in *text*, however long, something may have failed: in order."""
    lower = text.lower()
    signs = {part for parts in FRAGMENTS.values() for part in parts}.difference(_LOOSE)
    starts = []
    for sign in (*signs, "errno", "os error", "cannot bind", "failed to ", "dpt="):
        at = -1
        for _ in range(_PLACES):
            at = lower.find(sign, at + 1)
            if at < 0:
                break
            starts.append(at)
    return sorted(starts)
