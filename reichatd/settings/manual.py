"""Generates `etc/reichatd.toml` from the declarations of the settings. reichatd.toml(5) is generated from the same texts.

To write the file after a change: `python -m reichatd.settings.manual > etc/reichatd.toml`. A test checks that the two are equal.
"""

import textwrap
from collections.abc import Sequence

from reichatd.settings.keys import KEYS, TABLES, Key, as_toml
from reichatd.settings.prose import Section, sections
from reichatd.settings.tables import Reload

_WIDTH = 132

_TITLE = "The settings of reichatd: every key, with its default."

INTRODUCTION = (
    'No key must be set. To change one, remove the "# " before its line. The daemon checks the whole file before it starts. '
    "`reichatd config check [FILE]` shows what is wrong in it; `reichatd config show` shows each value in force, and its source."
)

FILES = (
    "The first of these files that exists is read: the one given with --config, the one named in $REICHATD_CONFIG, "
    "~/.config/reichatd/reichatd.toml, /etc/xdg/reichatd/reichatd.toml, /etc/reichatd/reichatd.toml."
)

ENVIRONMENT = (
    "Each key can also be set with an environment variable, which overrides the file: REICHATD_<TABLE>_<KEY>, for example "
    "REICHATD_SERVER_PORT or REICHATD_STORAGE_MONGODB_URI. Items of a list are separated by commas. Other variables that "
    "begin with REICHATD_ are refused, except REICHATD_EMAIL, REICHATD_PASSWORD and REICHATD_PASSWORD_FILE, which `reichatd "
    "send` reads. The variables of the older Reis-Chatroom work, too; those of reichatd override them: SECRET_KEY, "
    "MONGODB_URI, MONGODB_DATABASE, ACCESS_TOKEN_EXPIRATION_MINUTES, REFRESH_TOKEN_EXPIRATION_DAYS, "
    "VERIFICATION_CODE_EXPIRATION_MINUTES and, in place of MONGODB_URI, MONGODB_HOST, MONGODB_PORT, MONGODB_USERNAME (a "
    'user in the database "admin") and MONGODB_PASSWORD. Each MONGODB_ variable selects the MongoDB backend.'
)

PATHS = "Paths cannot begin with ~. Use absolute paths: relative ones start at the directory in which the daemon was started."


def toml_file() -> str:
    """The text of `etc/reichatd.toml`: every key with its default, as a comment."""
    head = (_TITLE, INTRODUCTION, FILES, ENVIRONMENT, reloading(), PATHS)
    tables = (_toml_table(section) for section in sections())
    return "\n#\n".join(map(_comment, head)) + "\n\n\n" + "\n\n\n".join(tables) + "\n"


def default_of(key: Key) -> str:
    """The key's default as TOML; a whole number without ".0"."""
    default = key.default
    return as_toml(int(default) if isinstance(default, float) and default.is_integer() else default)


def _toml_table(section: Section) -> str:
    groups = ("\n".join([_comment(group.text), *map(_line, group.keys)]) for group in section.groups)
    return f"[{section.name}]\n{_comment(section.text)}\n\n" + "\n\n".join(groups)


def _line(key: Key) -> str:
    return f"# {short_name(key)} = {default_of(key)}"


def short_name(key: Key) -> str:
    """The key's name within its table."""
    return key.name.rpartition(".")[2]


def _comment(text: str) -> str:
    return "\n".join(
        textwrap.wrap(
            text,
            _WIDTH,
            initial_indent="# ",
            subsequent_indent="# ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    )


def reloading() -> str:
    """The paragraph about reloads: what one does, and for which keys."""
    tables = [name for name, table in TABLES.items() if table.reload is not Reload.NEEDS_RESTART]
    applied = [key for key in KEYS.values() if key.reload is not Reload.NEEDS_RESTART and _table(key) not in tables]
    later = [key for key in KEYS.values() if key.reload is Reload.NEW_CONNECTIONS]
    by_table = {_table(key): [short_name(each) for each in applied if _table(each) == _table(key)] for key in applied}
    keys = "; and ".join(f"of [{table}] {_listed(names)}" for table, names in by_table.items())
    return (
        "`reichatd reload`, `systemctl reload reichatd` or SIGHUP makes the running daemon read the file again. No connection is "
        f"lost. These keys need no restart: all of {_listed([f'[{name}]' for name in tables])}, and {keys}. Changes to "
        f"{_listed(list(map(short_name, later)))} apply to new connections only. The files that tls_cert and tls_key name are read "
        "again, too. All other keys need a restart. The command and the log show the outcome for each changed key. If the file has "
        "a mistake, nothing changes."
    )


def _table(key: Key) -> str:
    return key.name.rpartition(".")[0]


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


if __name__ == "__main__":
    print(toml_file(), end="")
