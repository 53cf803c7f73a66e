"""`reichatd config`: is what I wrote right, and what is in force?"""

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import click

from reichatd.cli.keys import KEYS, Key, as_toml, printable, value_of
from reichatd.cli.settings import Loaded, config_option, load_or_fail
from reichatd.config import HIDDEN


@click.group()
def config() -> None:
    """Check the settings, or show what is in force."""


@config.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
def check(file: Path | None) -> None:
    """Say whether the settings are right, and if not, everything that is wrong with them.

    FILE stands in place of the settings file that would be found; the environment counts as it does for the daemon.
    """
    loaded = load_or_fail(file)
    click.echo(f"ok: {_file(loaded)}")


@config.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def show(config: Path | None, as_json: bool) -> None:
    """Show every key's value and where it is from. Secrets are hidden."""
    loaded = load_or_fail(config)
    click.echo(_as_json(loaded) if as_json else "\n".join(_as_toml_lines(loaded)))


def _file(loaded: Loaded) -> str:
    return printable(str(loaded.file)) if loaded.file else "no file found, so defaults and the environment"


def _shown_value(loaded: Loaded, key: Key) -> object:
    """A secret's default, which is known to everybody, is shown: it tells what is in force."""
    if loaded.sources[key.name] == "storage.mongodb.uri":
        return loaded.settings.storage.mongodb.store_database
    return HIDDEN if key.secret and loaded.sources[key.name] != "default" else value_of(loaded.settings, key.name)


def _as_json(loaded: Loaded) -> str:
    keys = {name: {"value": _shown_value(loaded, key), "source": loaded.sources[name]} for name, key in KEYS.items()}
    return json.dumps(keys, indent=2)


def _as_toml_lines(loaded: Loaded) -> Iterator[str]:
    yield f"# Settings: {_file(loaded)}"
    if loaded.settings.storage.backend == "sqlite":
        yield f"# Data: {printable(str(loaded.paths.data_file))}"
    else:
        yield f"# Data: MongoDB, database {printable(loaded.settings.storage.mongodb.store_database)}"
    if not loaded.settings.auth.secret_key:
        yield f"# Secret: {printable(str(loaded.paths.secret_file))}"
    for table, keys in groupby(KEYS.values(), lambda key: key.name.rpartition(".")[0]):
        yield f"\n[{table}]"
        for key in keys:
            short = key.name.rpartition(".")[2]
            yield f"{short} = {as_toml(_shown_value(loaded, key))}  # {printable(loaded.sources[key.name])}"
