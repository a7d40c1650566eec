"""Secrets in command lines, masked by one rule for every reader and every form. Pure.

Nearly all lines have none: what masks them (:mod:`portbook.model.secret_forms`) is loaded with the
first that may.

>>> mask_secrets(("app", "--db-password", "hunter2", "--url=redis://u:hunter2@localhost/0"))
('app', '--db-password', '***', '--url=redis://u:***@localhost/0')
"""

from __future__ import annotations

# Any of these stands in a line with a secret: lines without them, nearly all, cost one look.
_HINTS = (
    "pass", "pwd", "-pw", "secret", "token", "key", "auth", "cred", "cookie", "bearer", "dsn",
    "://", "salt", "signature", "jwt", "psk", "-pat", "_pat", "sk-", "sk_", "rk_", "ghp_", "gho_",
    "ghu_", "ghs_", "ghr_", "glpat", "xox", "akia", "asia", "eyj", "aiza", "hf_", "npm_", "pypi-",
    "dop_v1_", "sg.", "mysql", "mariadb", "redis-cli", "valkey-cli", "ldap", "curl", "mongo",
    "smbclient",
)  # fmt: skip


def mask_secrets(command: tuple[str, ...]) -> tuple[str, ...]:
    """*command* with what looks like a password, a token or a key as ``***``.

    It knows options and settings by their names (``--password X``, ``API_KEY=X``,
    ``-Ddb.password=X``), the user part of URLs (RFC 3986 §3.2.1), headers of authorization, the
    tokens of common issuers by their form, and some tools' own short options.
    """
    line = "\0".join(command).lower()
    if not any(hint in line for hint in _HINTS):
        return command
    from portbook.model.secret_forms import masked

    return tuple(masked(command))
