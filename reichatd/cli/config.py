"""`reichatd config`: is what I wrote right, and what is in force?"""

import json
import os
import shlex
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import click

from reichatd.cli import exit_status
from reichatd.cli.distribution import distributed
from reichatd.cli.output import unwritable
from reichatd.cli.settings import Loaded, config_option, load_or_fail, place_for_file
from reichatd.settings import HIDDEN
from reichatd.settings.keys import KEYS, Key, as_toml, printable, value_of
from reichatd.store.backends import backend_for


@click.group()
def config() -> None:
    """Write a settings file, check it, or show what is in force."""


@config.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
def init(file: Path | None) -> None:
    """Write a settings file with every key, its default and a line of why: nothing in it is set yet.

    Without FILE it goes where the daemon looks first ($REICHATD_CONFIG, or your configuration directory). It is for its owner only,
    as it may come to hold secrets. A file that is there is never written over.
    """
    target, is_found = (file, False) if file else place_for_file(os.environ)
    if is_found:
        exit_status.fail(exit_status.CANNOT_CREATE, printable(f"{target} is there already, and is what is read"))
    try:
        if file is None:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_new(target, distributed("etc/reichatd.toml"))
    except OSError as error:
        exit_status.fail(exit_status.CANNOT_CREATE, printable(unwritable(target, error)))
    named = f" {shlex.quote(str(target))}" if file else ""
    click.echo(f"wrote {printable(str(target))}")
    click.echo(f"Next: change what you need in it, then: reichatd config check{named}")
    click.echo(f"And start the daemon: reichatd serve{' --config' if named else ''}{named}")


def _write_new(file: Path, content: str) -> None:
    """Errors: FileExistsError, any OSError; then there is no file, or the one that was there."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8") as output:
            output.write(content)
    except OSError:
        file.unlink()
        raise


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
    yield f"# Data: {printable(backend_for(loaded.settings.storage, loaded.paths.data_file).description)}"
    if not loaded.settings.auth.secret_key:
        yield f"# Secret: {printable(str(loaded.paths.secret_file))}"
    for table, keys in groupby(KEYS.values(), lambda key: key.name.rpartition(".")[0]):
        yield f"\n[{table}]"
        for key in keys:
            short = key.name.rpartition(".")[2]
            yield f"{short} = {as_toml(_shown_value(loaded, key))}  # {printable(loaded.sources[key.name])}"
