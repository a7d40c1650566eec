"""The names and the forms that secrets have in command lines, and how they are masked. Pure.

They are found in time that grows with the length of the line alone, and without regular
expressions: ``re`` takes as long to import as all else that a list of listeners does.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MASK = "***"

# The words in the name of an option or a setting whose value is a secret.
_SECRET = {
    "pass", "password", "passwd", "passphrase", "pwd", "pw", "secret", "secrets", "token", "tokens",
    "apikey", "credential", "credentials", "creds", "auth", "authorization", "bearer", "cookie",
    "dsn", "requirepass", "masterauth", "masterpass", "userpass", "rootpass", "dbpass", "adminpass",
    "storepass", "keypass", "passin", "passout", "salt", "signature", "jwt", "psk", "pat",
}  # fmt: skip
# One of these stands in each name of a secret: to look for them costs a twentieth of its words.
_IN_NAMES = (
    "pass", "pw", "secret", "token", "key", "cred", "auth", "bearer", "cookie", "dsn", "salt",
    "signature", "jwt", "psk", "pat",
)  # fmt: skip
# A name that ends so speaks of a key, unless it is one of those that are public or a file.
_KEYS = ("key", "keys")
_NOT_SECRET_KEYS = {"public", "pub", "primary", "foreign", "host", "sort", "partition", "map"}
# A name that ends so holds where the secret is, and not the secret.
_PLACES = {
    "file", "path", "dir", "directory", "folder", "command", "cmd", "url", "uri", "endpoint",
    "type", "mode", "method", "methods", "provider", "enabled", "disabled", "ttl", "timeout",
    "expiry", "lifetime", "size", "length", "name", "id", "header", "field", "store", "env",
}  # fmt: skip
_FLAG_VALUES = {"", "true", "false", "yes", "no", "on", "off", "none", "null", "0", "1"}

_LONGEST_USER = 20  # a user part without a password that is longer is a token
# Tools whose short options take a secret, with the option; a value may stand right behind it.
_SHORT = {
    "mysql": "-p", "mysqldump": "-p", "mysqladmin": "-p", "mariadb": "-p", "mariadb-dump": "-p",
    "redis-cli": "-a", "valkey-cli": "-a", "sshpass": "-p", "ldapsearch": "-w", "ldapadd": "-w",
    "ldapmodify": "-w", "curl": "-u", "mongosh": "-p", "mongo": "-p", "smbclient": "-U",
}  # fmt: skip
_APART = {"redis-cli", "valkey-cli", "curl", "ldapsearch", "ldapadd", "ldapmodify", "mongosh",
          "mongo", "smbclient", "sshpass"}  # fmt: skip


def is_secret_name(name: str) -> bool:
    """Whether a value called *name* is a secret.

    >>> [is_secret_name(name) for name in ("--db-password", "DB_PASS", "apiKey", "tls-key-file")]
    [True, True, True, False]
    >>> [is_secret_name(name) for name in ("compass", "public-key", "keyboard", "token-ttl")]
    [False, False, False, False]
    """
    lower = name.lower()
    if not any(part in lower for part in _IN_NAMES):
        return False
    words = _words(name)
    if not words or words[-1] in _PLACES:
        return False
    if any(word in _SECRET or word.endswith(("password", "passwd")) for word in words):
        return True
    return words[-1] in _KEYS and not _NOT_SECRET_KEYS.intersection(words) and len(words) > 1


def _words(name: str) -> list[str]:
    """The words of *name* in lower case, also where only their first letter tells them apart.

    >>> _words("--dbPassword"), _words("APIKey2"), _words("X_TLS")
    (['db', 'password'], ['api', 'key', '2'], ['x', 'tls'])
    """
    apart = []
    before = ""
    for at, char in enumerate(name):
        kind = _kind(char)
        # A capital begins a word where a small letter is before or behind it.
        begins = kind != before and not (kind == "a" and before == "A")
        if kind == "A" == before and _kind(name[at + 1 : at + 2]) == "a":
            begins = True
        apart.append(f" {char}" if begins else char)
        if not kind:
            apart[-1] = " "
        before = kind
    return "".join(apart).lower().split()


def _kind(char: str) -> str:
    """``a``, ``A`` or ``0`` for a letter or a digit of ASCII, else nothing."""
    if not (char.isascii() and char.isalnum()):
        return ""
    return "0" if char.isdigit() else "a" if char.islower() else "A"


def masked(command: tuple[str, ...]) -> Iterator[str]:
    """The words of *command*, as :func:`portbook.model.secrets.mask_secrets` has them."""
    program = command[0].rpartition("/")[2] if command else ""
    short = _SHORT.get(program)
    awaited = False
    for at, word in enumerate(command):
        if awaited:
            awaited = False
            if not word.startswith("-") and word.lower() not in _FLAG_VALUES:
                yield word if _is_place(word) else MASK
                continue
        if at and short is not None and word.startswith(short) and not word.startswith("--"):
            if word != short:
                yield short + MASK
                continue
            awaited = program in _APART
            yield word
            continue
        if at and word.startswith("-") and "=" not in word and " " not in word:
            awaited = is_secret_name(word)
            yield word
            continue
        yield _inside(word)


def _inside(word: str) -> str:
    """*word* with the secrets inside of it masked."""
    if word.startswith(("pass:", "env:pass")):  # openssl-passphrase-options(1)
        return f"pass:{MASK}"
    for mask_form in (_mask_headers, _mask_users, _mask_settings, _mask_tokens):
        word = mask_form(word)
    return word


def _is_place(value: str) -> bool:
    """Whether *value* is a file or a variable that holds the secret, and not the secret."""
    return value.startswith(("/", "./", "../", "~/", "$", "@/", "file:")) or value.endswith(
        (".pem", ".key", ".crt", ".pub", ".json", ".yaml", ".yml", ".toml", ".conf", ".txt")
    )


# -- the forms inside of a word; each is looked for from left to right, once -----------------------


def _begin_of(word: str, end: int, more: str, least: int = 0) -> int:
    """Where the run of letters, digits and *more* before *end* begins, after *least*."""
    while end > least and (word[end - 1].isalnum() or word[end - 1] in more):
        end -= 1
    return end


def _mask_headers(word: str) -> str:
    """The values of headers that authorize: ``Authorization: …``, ``X-Api-Key: …``, ``Cookie: …``.

    A value goes on to the end of its line.
    """
    out, done = [], 0
    colon = word.find(":")
    while colon >= 0:
        end, value = colon, colon + 1
        while end > done and word[end - 1].isspace():
            end -= 1
        while value < len(word) and word[value].isspace():
            value += 1
        if value < len(word) and _is_header(word[_begin_of(word, end, "_-", done) : end].lower()):
            out += [word[done:value], MASK]
            done = word.find("\n", value)
            if done < 0:
                return "".join(out)
        colon = word.find(":", max(value, done))
    return "".join([*out, word[done:]])


def _is_header(name: str) -> bool:
    """Whether *name*, in lower case, ends as the name of a header does that holds a secret."""
    for known in ("authorization", "cookie"):
        if name.endswith(known) and name[: -len(known)][-1:] in ("", "-"):
            return True
    return name.endswith(("key", "token", "secret")) and (name[:2] == "x-" or "-x-" in name)


def _mask_users(word: str) -> str:
    """The user parts of URLs: the password, or a user's name that is long enough for a token."""
    out, done = [], 0
    sign = word.find("://")
    while sign >= 0:
        start = sign + 3
        end = start
        while end < len(word) and word[end] not in "/?#" and not word[end].isspace():
            end += 1
        at = word.rfind("@", start, end)
        if at >= 0 and _begin_of(word, sign, "_+.-", done) < sign:
            user, colon, password = word[start:at].partition(":")
            if password:
                shown = f"{user}:{MASK}"
            else:
                shown = f"{MASK if len(user) > _LONGEST_USER else user}{colon}"
            out += [word[done:start], shown]
            done = at
        sign = word.find("://", max(start, done))
    return "".join([*out, word[done:]])


def _mask_settings(word: str) -> str:
    """Settings whose name says that the value is a secret: of a connection string, of a URL."""
    out, done = [], 0
    sign = word.find("=")
    while sign >= 0:
        start = sign + 1
        end = word.find(word[start], start + 1) + 1 if word[start : start + 1] in ('"', "'") else 0
        if not end:
            end = start
            while end < len(word) and word[end] not in ";&," and not word[end].isspace():
                end += 1
        value = word[start:end]
        plain = value.strip("\"'")
        kept = plain.lower() in _FLAG_VALUES or _is_place(plain) or MASK in plain
        if not kept and is_secret_name(word[_begin_of(word, sign, "_.-", done) : sign]):
            out += [word[done:start], MASK]
            done = end
        sign = word.find("=", end)
    return "".join([*out, word[done:]])


_UPPER, _DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
_ALNUM = frozenset(_UPPER + _UPPER.lower() + _DIGITS)
_WIDE = _ALNUM | {"_", "-"}
# What tokens of common issuers begin with; what they go on with, and at least how much of it; for
# those that have a second part behind a point, how long that is at least.
_TOKENS: dict[str, tuple[frozenset[str], int, int | None]] = {
    "sk-": (_WIDE, 16, None),
    **dict.fromkeys(("sk_live_", "sk_test_", "rk_live_", "rk_test_"), (_ALNUM, 10, None)),
    **dict.fromkeys(("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), (_ALNUM, 16, None)),
    "github_pat_": (_ALNUM | {"_"}, 16, None),
    "glpat-": (_WIDE, 16, None),
    **dict.fromkeys([f"xox{kind}-" for kind in "abposr"], (_ALNUM | {"-"}, 10, None)),
    **dict.fromkeys(("AKIA", "ASIA"), (frozenset(_UPPER + _DIGITS), 16, None)),
    "AIza": (_WIDE, 30, None),
    "hf_": (_ALNUM, 16, None),
    "npm_": (_ALNUM, 16, None),
    "pypi-": (_WIDE, 16, None),
    "dop_v1_": (frozenset("abcdef" + _DIGITS), 16, None),
    "SG.": (_WIDE, 16, 16),
    "eyJ": (_WIDE, 8, 8),
}


def _mask_tokens(word: str) -> str:
    """Tokens of common issuers, by their form."""
    ahead = {begin: place for begin in _TOKENS if (place := word.find(begin)) >= 0}
    out, done = [], 0
    while ahead:
        begin = min(ahead, key=ahead.__getitem__)
        place = ahead[begin]
        if place >= done and _begin_of(word, place, "_-", max(0, place - 1)) == place:
            end = _end_of_token(word, place, begin)
            if end:
                out += [word[done:place], MASK]
                done = end
        following = word.find(begin, max(place + 1, done))
        if following < 0:
            del ahead[begin]
        else:
            ahead[begin] = following
    return "".join([*out, word[done:]])


def _end_of_token(word: str, place: int, begin: str) -> int:
    """Where the token that begins at *place* ends; 0 where none does."""
    letters, least, second = _TOKENS[begin]
    end = _end_of(word, place + len(begin), letters)
    if end - place - len(begin) < least:
        return 0
    if begin in ("AKIA", "ASIA"):  # these have one length
        return place + len(begin) + least
    if second is not None:
        behind = _end_of(word, end + 1, letters) if word[end : end + 1] == "." else end
        if behind - end - 1 < second:
            return 0
        end = behind
        if begin == "eyJ" and word[end : end + 1] == ".":  # the signature of a JSON web token
            end = _end_of(word, end + 1, letters)
    return end


def _end_of(word: str, place: int, letters: frozenset[str]) -> int:
    while place < len(word) and word[place] in letters:
        place += 1
    return place
