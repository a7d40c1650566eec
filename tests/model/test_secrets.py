"""Secrets are found without regular expressions; these are here, to hold both together."""

from __future__ import annotations

import re
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from portbook.model.secret_forms import (
    _IN_NAMES,
    _KEYS,
    _SECRET,
    MASK,
    _inside,
    _words,
    is_secret_name,
)

WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
SETTING = re.compile(r"(?<![\w.\-])(?P<name>[\w.\-]*)=(?P<value>\"[^\"]*\"|'[^']*'|[^\s;&,]*)")
HEADER = re.compile(
    r"(?i)\b(?P<name>(?:proxy-)?authorization|x-[\w-]*(?:key|token|secret)|cookie)"
    r"(?P<sign>\s*:\s*)\S.*"
)
AUTHORITY = re.compile(r"(?<![\w+.\-])(?P<scheme>[\w+.\-]+://)(?P<authority>[^\s/?#]*@)")
TOKENS = re.compile(
    r"(?<![\w\-])(?:"
    r"sk-[A-Za-z0-9_\-]{16,}|sk_(?:live|test)_[A-Za-z0-9]{10,}|rk_(?:live|test)_[A-Za-z0-9]{10,}"
    r"|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|glpat-[A-Za-z0-9_\-]{16,}"
    r"|xox[abposr]-[A-Za-z0-9\-]{10,}|A(?:KIA|SIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_\-]{30,}"
    r"|hf_[A-Za-z0-9]{16,}|npm_[A-Za-z0-9]{16,}|pypi-[A-Za-z0-9_\-]{16,}|dop_v1_[a-f0-9]{16,}"
    r"|SG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}"
    r"|eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*)?"
    r")"
)
FLAGS = {"", "true", "false", "yes", "no", "on", "off", "none", "null", "0", "1"}
PLACES = ("/", "./", "../", "~/", "$", "@/", "file:")
ENDINGS = (".pem", ".key", ".crt", ".pub", ".json", ".yaml", ".yml", ".toml", ".conf", ".txt")


def expressed(word: str) -> str:
    """*word* as the expressions mask it."""
    if word.startswith(("pass:", "env:pass")):
        return f"pass:{MASK}"
    word = HEADER.sub(lambda match: f"{match['name']}{match['sign']}{MASK}", word)
    word = AUTHORITY.sub(user_part, word)
    word = SETTING.sub(setting, word)
    return TOKENS.sub(MASK, word)


def user_part(match: re.Match[str]) -> str:
    user, colon, password = match["authority"][:-1].partition(":")
    if password:
        return f"{match['scheme']}{user}:{MASK}@"
    return f"{match['scheme']}{MASK if len(user) > 20 else user}{colon}@"


def setting(match: re.Match[str]) -> str:
    value = match["value"].strip("\"'")
    kept = value.lower() in FLAGS or value.startswith(PLACES) or value.endswith(ENDINGS)
    if kept or MASK in value or not is_secret_name(match["name"]):
        return match[0]
    return f"{match['name']}={MASK}"


PIECES = (
    "password", "=", "://", "user", "@", ":", " ", "\n", "cookie", "Authorization", "X-Api-Key",
    "x-", "-x-", "key", "token", "secret", "-", "--", "_", ".", ";", "&", ",", '"', "'", "sk-",
    "sk_live_", "ghp_", "AKIA", "ABCDEFGHIJKLMNOPQRSTUVWX", "abcdefghijklmnopqrstuvwxyz",
    "0123456789abcdef", "eyJ", "SG.", "xoxb-", "AIza", "dop_v1_", "hf_", "github_pat_", "pass",
    "DB", "Pass", "pw", "/", "#", "?", "é", "a", "1", "A", MASK, "true", "./x", "x.pem", "env:pass",
    "pass:", "file", "public", "API", "Key", "proxy-", "set-", "\t", "\0", "pypi-", "glpat-",
    "npm_", "+", "@/",
)  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(max_size=40)


@given(texts)
def test_the_forms_are_those_of_the_expressions(word: str) -> None:
    assert _inside(word) == expressed(word)


@given(texts)
def test_the_words_of_a_name_are_those_of_the_expression(name: str) -> None:
    assert _words(name) == [word.lower() for word in WORDS.findall(name)]


def test_a_name_without_any_of_the_parts_is_none_of_a_secret() -> None:
    assert [
        word for word in _SECRET | set(_KEYS) if not any(part in word for part in _IN_NAMES)
    ] == []


def test_masking_loads_no_regular_expressions() -> None:
    script = (
        "import sys; from portbook.model.secrets import mask_secrets\n"
        "line = ('app', '--api-key', 'x', 'redis://u:p@h', 'Cookie: a', 'DB_PASS=b', 'ghp_c')\n"
        "print(*mask_secrets(line), 're' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == (
        f"app --api-key {MASK} redis://u:{MASK}@h Cookie: {MASK} DB_PASS={MASK} ghp_c False\n"
    )
