"""The manual of the settings, made from their declaration: `etc/reichatd.toml`, of which reichatd.toml(5) is made in turn.

To write the file after a change: `python -m reichatd.settings.manual > etc/reichatd.toml`. A test holds the two equal.
"""

import textwrap
from collections.abc import Sequence

from reichatd.settings.keys import KEYS, TABLES, Key, as_toml
from reichatd.settings.prose import Section, sections
from reichatd.settings.tables import Reload

_WIDTH = 132

_TITLE = "The settings of reichatd: every key, with the value that it has if nobody says."

INTRODUCTION = (
    'Nothing here has to be set. To change something, take the "# " from before its line. What stands here is checked whole before '
    "anything starts: `reichatd config check [FILE]` says what is wrong, `reichatd config show` what is in force and from where."
)

FILES = (
    "The first of these files that exists is read: the one named by --config, the one named by $REICHATD_CONFIG, "
    "~/.config/reichatd/reichatd.toml, /etc/xdg/reichatd/reichatd.toml, /etc/reichatd/reichatd.toml."
)

ENVIRONMENT = (
    "Each key can also be set in the environment, which wins over the file: REICHATD_<TABLE>_<KEY>, so REICHATD_SERVER_PORT or "
    "REICHATD_STORAGE_MONGODB_URI; lists with commas. Other variables that begin with REICHATD_ are refused, but for "
    "REICHATD_EMAIL, REICHATD_PASSWORD and REICHATD_PASSWORD_FILE, which are those of `reichatd send`. The names of the older "
    "Reis-Chatroom work too, under those of reichatd: SECRET_KEY, MONGODB_URI, or MONGODB_HOST, _PORT, _USERNAME (looked up in the "
    'database "admin") and _PASSWORD, MONGODB_DATABASE (each MONGODB_ name selects the MongoDB backend), '
    "ACCESS_TOKEN_EXPIRATION_MINUTES, REFRESH_TOKEN_EXPIRATION_DAYS and VERIFICATION_CODE_EXPIRATION_MINUTES."
)

PATHS = "Paths are written out (no ~), and best from the root: others count from where the daemon was started."


def toml_file() -> str:
    """`etc/reichatd.toml`: every key with its default, none of them set."""
    head = (_TITLE, INTRODUCTION, FILES, ENVIRONMENT, reloading(), PATHS)
    tables = (_toml_table(section) for section in sections())
    return "\n#\n".join(map(_comment, head)) + "\n\n\n" + "\n\n\n".join(tables) + "\n"


def default_of(key: Key) -> str:
    """The key's default as TOML; a number as short as people write it."""
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
    """What a reload does, and for which keys."""
    tables = [name for name, table in TABLES.items() if table.reload is not Reload.NEEDS_RESTART]
    applied = [key for key in KEYS.values() if key.reload is not Reload.NEEDS_RESTART and _table(key) not in tables]
    later = [key for key in KEYS.values() if key.reload is Reload.NEW_CONNECTIONS]
    by_table = {_table(key): [short_name(each) for each in applied if _table(each) == _table(key)] for key in applied}
    keys = "; and ".join(f"of [{table}] {_listed(names)}" for table, names in by_table.items())
    return (
        "`reichatd reload`, `systemctl reload reichatd` or SIGHUP has the file read again while the daemon runs. What changes "
        f"under {_listed([f'[{name}]' for name in tables])}, and {keys}, holds from then on, without a connection lost; for "
        f"{_listed(list(map(short_name, later)))} that is for new connections only. The files that tls_cert and tls_key name "
        "are read again too. All else waits for a restart. The command, and the log, say for each key which it was. A file with a "
        "mistake in it changes nothing."
    )


def _table(key: Key) -> str:
    return key.name.rpartition(".")[0]


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


if __name__ == "__main__":
    print(toml_file(), end="")
