"""Settings from environment variables: those of reichatd, and those of the older Reis-Chatroom. Pure."""

import ipaddress
from collections.abc import Mapping
from typing import Annotated, NamedTuple
from urllib.parse import quote

import msgspec
from msgspec import Meta

from reichatd.settings.keys import KEYS, PREFIX, nearest, shown
from reichatd.settings.problems import SettingsProblem

CONFIG_VARIABLE = "REICHATD_CONFIG"
LOGIN_VARIABLES = ("REICHATD_EMAIL", "REICHATD_PASSWORD", "REICHATD_PASSWORD_FILE")
"""Variables that `reichatd send` reads."""
_NO_SETTINGS = {CONFIG_VARIABLE, *LOGIN_VARIABLES}

_BY_VARIABLE = {key.environment: name for name, key in KEYS.items()}

_OLDER = {
    "SECRET_KEY": "auth.secret_key",
    "REFRESH_TOKEN_EXPIRATION_DAYS": "auth.refresh_token_days",
    "ACCESS_TOKEN_EXPIRATION_MINUTES": "auth.access_token_minutes",
    "VERIFICATION_CODE_EXPIRATION_MINUTES": "auth.verification_code_minutes",
    "MONGODB_URI": "storage.mongodb.uri",
    "MONGODB_DATABASE": "storage.mongodb.database",
}
_URI_PARTS = ("MONGODB_USERNAME", "MONGODB_PASSWORD", "MONGODB_HOST", "MONGODB_PORT")


class Found(NamedTuple):
    """A key's value as text, and the variable (or variables) that it comes from."""

    text: str
    variable: str


def read_environment(environ: Mapping[str, str]) -> tuple[dict[str, Found], list[SettingsProblem]]:
    """The settings in the environment, by the keys' full names, and what is wrong with the names of variables."""
    ours, problems = _ours(environ)
    older, older_problems = _older(environ)
    if "auth.secret_key_file" in ours:
        # A secret wins over a file with the secret, but an older name must not win over one of reichatd.
        older.pop("auth.secret_key", None)
    if "storage.mongodb.uri" not in ours:
        problems += older_problems
    return older | ours, problems


def _ours(environ: Mapping[str, str]) -> tuple[dict[str, Found], list[SettingsProblem]]:
    found, problems = {}, []
    for variable in sorted(environ):
        if variable in _BY_VARIABLE:
            found[_BY_VARIABLE[variable]] = Found(environ[variable], variable)
        elif variable.startswith(PREFIX) and variable not in _NO_SETTINGS:
            similar = nearest(variable.removeprefix(PREFIX), (known.removeprefix(PREFIX) for known in _BY_VARIABLE))
            allowed = f"{PREFIX}{similar} is the nearest known one" if similar else f"{PREFIX}<TABLE>_<KEY>"
            problems.append(SettingsProblem(variable, "an unknown variable", allowed, "environment"))
    return found, problems


def _older(environ: Mapping[str, str]) -> tuple[dict[str, Found], list[SettingsProblem]]:
    """The older names. An empty variable counts as not set: Compose files pass on variables that are not set as empty ones."""
    given = {name: environ[name] for name in (*_OLDER, *_URI_PARTS) if environ.get(name)}
    found = {_OLDER[name]: Found(text, name) for name, text in given.items() if name in _OLDER}
    problems: list[SettingsProblem] = []
    parts = {name: text for name, text in given.items() if name in _URI_PARTS}
    if parts and "MONGODB_URI" not in given:
        problems = _wrong_parts(parts)
        if not problems:
            found["storage.mongodb.uri"] = Found(_composed_uri(parts), ", ".join(parts))
    for name in given:
        if name.startswith("MONGODB_"):
            found.setdefault("storage.backend", Found("mongodb", name))
    return found, problems


def _wrong_parts(parts: Mapping[str, str]) -> list[SettingsProblem]:
    problems = []
    port = parts.get("MONGODB_PORT", "27017")
    try:
        msgspec.convert(port, Annotated[int, Meta(ge=1, le=65535)], strict=False)
    except ValueError:
        problems.append(
            SettingsProblem("MONGODB_PORT", shown(port), "a whole number from 1 up to 65_535", "environment")
        )
    if ("MONGODB_USERNAME" in parts) != ("MONGODB_PASSWORD" in parts):
        missing = "MONGODB_PASSWORD" if "MONGODB_USERNAME" in parts else "MONGODB_USERNAME"
        problems.append(
            SettingsProblem(missing, "nothing", "MONGODB_USERNAME and MONGODB_PASSWORD go together", "environment")
        )
    return problems


def _composed_uri(parts: Mapping[str, str]) -> str:
    """The URI for a server, from the older program's variables.

    The user is looked up in the database "admin", as the older program did; a root user is there. For a user of another database,
    MONGODB_URI can name it (authSource).
    """
    host = parts.get("MONGODB_HOST", "127.0.0.1")
    try:
        host = f"[{ipaddress.IPv6Address(host)}]"
    except ValueError:
        host = _quoted(host, safe=",:[]")
    port = f":{parts['MONGODB_PORT']}" if "MONGODB_PORT" in parts else ""
    if "MONGODB_USERNAME" not in parts:
        return f"mongodb://{host}{port}"
    user = f"{_quoted(parts['MONGODB_USERNAME'])}:{_quoted(parts['MONGODB_PASSWORD'])}"
    return f"mongodb://{user}@{host}{port}/?authSource=admin"


def _quoted(text: str, safe: str = "") -> str:
    return quote(text, safe=safe, errors="surrogateescape")
