"""Secrets in a command line, found by the names and the forms that they have. Pure."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# The words in the name of an option or a setting whose value is a secret.
_SECRET = {
    "pass", "password", "passwd", "passphrase", "pwd", "pw", "secret", "secrets", "token", "tokens",
    "apikey", "credential", "credentials", "creds", "auth", "authorization", "bearer", "cookie",
    "dsn", "requirepass", "masterauth", "masterpass", "userpass", "rootpass", "dbpass", "adminpass",
    "storepass", "keypass", "passin", "passout", "salt", "signature", "jwt", "psk", "pat",
}  # fmt: skip
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

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# A setting inside of an argument: NAME=value, name:value of a header, Name=value; of a connection
# string, &name=value of a URL.
_SETTING = re.compile(r"(?<![\w.\-])(?P<name>[\w.\-]*)=(?P<value>\"[^\"]*\"|'[^']*'|[^\s;&,]*)")
_HEADER = re.compile(
    r"(?i)\b(?P<name>(?:proxy-)?authorization|x-[\w-]*(?:key|token|secret)|cookie)"
    r"(?P<sign>\s*:\s*)\S.*"
)
_AUTHORITY = re.compile(r"(?<![\w+.\-])(?P<scheme>[\w+.\-]+://)(?P<authority>[^\s/?#]*@)")
_TOKENS = re.compile(
    r"(?<![\w\-])(?:"
    r"sk-[A-Za-z0-9_\-]{16,}|sk_(?:live|test)_[A-Za-z0-9]{10,}|rk_(?:live|test)_[A-Za-z0-9]{10,}"
    r"|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|glpat-[A-Za-z0-9_\-]{16,}"
    r"|xox[abposr]-[A-Za-z0-9\-]{10,}|A(?:KIA|SIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_\-]{30,}"
    r"|hf_[A-Za-z0-9]{16,}|npm_[A-Za-z0-9]{16,}|pypi-[A-Za-z0-9_\-]{16,}|dop_v1_[a-f0-9]{16,}"
    r"|SG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}"
    r"|eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*)?"
    r")"
)
_LONGEST_USER = 20  # a user part without a password that is longer is a token
# Tools whose short options take a secret, with the option; a value may stand right behind it.
_SHORT = {
    "mysql": "-p", "mysqldump": "-p", "mysqladmin": "-p", "mariadb": "-p", "mariadb-dump": "-p",
    "redis-cli": "-a", "valkey-cli": "-a", "sshpass": "-p", "ldapsearch": "-w", "ldapadd": "-w",
    "ldapmodify": "-w", "curl": "-u", "mongosh": "-p", "mongo": "-p", "smbclient": "-U",
}  # fmt: skip
_APART = {"redis-cli", "valkey-cli", "curl", "ldapsearch", "ldapadd", "ldapmodify", "mongosh",
          "mongo", "smbclient", "sshpass"}  # fmt: skip


def masked(command: tuple[str, ...], mask: str) -> tuple[str, ...]:
    """*command* with *mask* in place of each secret."""
    return tuple(_masked(command, mask))


def is_secret_name(name: str) -> bool:
    """Whether a value called *name* is a secret.

    >>> [is_secret_name(name) for name in ("--db-password", "DB_PASS", "apiKey", "tls-key-file")]
    [True, True, True, False]
    >>> [is_secret_name(name) for name in ("compass", "public-key", "keyboard", "token-ttl")]
    [False, False, False, False]
    """
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words or words[-1] in _PLACES:
        return False
    if any(word in _SECRET or word.endswith(("password", "passwd")) for word in words):
        return True
    return words[-1] in _KEYS and not _NOT_SECRET_KEYS.intersection(words) and len(words) > 1


def _masked(command: tuple[str, ...], mask: str) -> Iterator[str]:
    program = command[0].rpartition("/")[2] if command else ""
    short = _SHORT.get(program)
    awaited = False
    for at, word in enumerate(command):
        if awaited:
            awaited = False
            if not word.startswith("-") and word.lower() not in _FLAG_VALUES:
                yield word if _is_place(word) else mask
                continue
        if at and short is not None and word.startswith(short) and not word.startswith("--"):
            if word != short:
                yield short + mask
                continue
            awaited = program in _APART
            yield word
            continue
        if at and word.startswith("-") and "=" not in word and " " not in word:
            awaited = is_secret_name(word)
            yield word
            continue
        yield _inside(word, mask)


def _inside(word: str, mask: str) -> str:
    """*word* with the secrets inside of it masked."""
    if word.startswith(("pass:", "env:pass")):  # openssl-passphrase-options(1)
        return f"pass:{mask}"
    word = _HEADER.sub(lambda found: f"{found['name']}{found['sign']}{mask}", word)
    word = _AUTHORITY.sub(lambda found: _user_info(found, mask), word)
    word = _SETTING.sub(lambda found: _setting(found, mask), word)
    return _TOKENS.sub(mask, word)


def _user_info(found: re.Match[str], mask: str) -> str:
    user, colon, password = found["authority"][:-1].partition(":")
    if password:
        return f"{found['scheme']}{user}:{mask}@"
    return f"{found['scheme']}{mask if len(user) > _LONGEST_USER else user}{colon}@"


def _setting(found: re.Match[str], mask: str) -> str:
    value = found["value"]
    plain = value.strip("\"'")
    kept = plain.lower() in _FLAG_VALUES or _is_place(plain) or mask in plain
    if kept or not is_secret_name(found["name"]):
        return found[0]
    return f"{found['name']}={mask}"


def _is_place(value: str) -> bool:
    """Whether *value* is a file or a variable that holds the secret, and not the secret."""
    return value.startswith(("/", "./", "../", "~/", "$", "@/", "file:")) or value.endswith(
        (".pem", ".key", ".crt", ".pub", ".json", ".yaml", ".yml", ".toml", ".conf", ".txt")
    )
