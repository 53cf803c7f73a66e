"""`reichatd config`: writes a settings file, checks it, and shows the settings in force."""

import os
import shlex
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import click

from reichatd.cli import exit_status
from reichatd.cli.bundled_files import bundled
from reichatd.cli.daemon_configuration import logo_of
from reichatd.cli.output import json_option, print_json
from reichatd.cli.private_files import create_private, why_unwritable
from reichatd.cli.settings_loader import Loaded, config_option, load_or_fail, place_for_file
from reichatd.settings import HIDDEN, SettingsError
from reichatd.settings.keys import KEYS, Key, as_toml, printable, value_of
from reichatd.store.backends import backend_for


@click.group()
def config() -> None:
    """Write a settings file, check it, or show the settings in force."""


@config.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
def init(file: Path | None) -> None:
    """Write a settings file with every key, its default and its explanation. All keys are commented out.

    Without FILE, it is written where the daemon looks first ($REICHATD_CONFIG, or your configuration directory). Only its owner
    can read it, since it may contain secrets. An existing file is never overwritten.
    """
    target, is_found = (file, False) if file else place_for_file(os.environ)
    if is_found:
        exit_status.fail(exit_status.CANNOT_CREATE, printable(f"{target} exists already, and is the file in use"))
    try:
        if file is None:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_new(target, bundled("etc/reichatd.toml"))
    except OSError as error:
        exit_status.fail(exit_status.CANNOT_CREATE, printable(why_unwritable(target, error)))
    named = f" {shlex.quote(str(target))}" if file else ""
    click.echo(f"wrote {printable(str(target))}")
    click.echo(f"Next: change what you need in it, then: reichatd config check{named}")
    click.echo(f"And start the daemon: reichatd serve{' --config' if named else ''}{named}")


def _write_new(file: Path, content: str) -> None:
    """Writes a file that does not exist yet, whole or not at all. Raises FileExistsError, or any OSError."""
    output = create_private(file)
    try:
        with output:
            output.write(content.encode())
    except OSError:
        file.unlink()
        raise


@config.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
def check(file: Path | None) -> None:
    """Check the settings, and report all mistakes in them.

    The logo that they name is checked too. FILE is checked instead of the settings file that is found. Environment variables count
    as for the daemon.
    """
    loaded = load_or_fail(file)
    try:
        logo_of(loaded.settings.web)
    except SettingsError as error:
        exit_status.fail(exit_status.UNREADABLE, str(error))
    click.echo(f"ok: {_file(loaded)}")


@config.command()
@config_option
@json_option
def show(config: Path | None, as_json: bool) -> None:
    """Show the value of every key, and its source. Secrets are hidden."""
    loaded = load_or_fail(config)
    if as_json:
        print_json({name: _entry(loaded, key) for name, key in KEYS.items()})
    else:
        click.echo("\n".join(_toml_lines(loaded)))


def _file(loaded: Loaded) -> str:
    return printable(str(loaded.file)) if loaded.file else "no file found, so defaults and the environment"


def _entry(loaded: Loaded, key: Key) -> dict[str, object]:
    # A path in the source may have bytes that are not UTF-8, and so not JSON.
    return {"value": _shown_value(loaded, key), "source": printable(loaded.sources[key.name])}


def _shown_value(loaded: Loaded, key: Key) -> object:
    """The value of a key, or a placeholder for a secret. The default of a secret is shown: it is public."""
    if loaded.sources[key.name] == "storage.mongodb.uri":
        return loaded.settings.storage.mongodb.store_database
    return HIDDEN if key.secret and loaded.sources[key.name] != "default" else value_of(loaded.settings, key.name)


def _toml_lines(loaded: Loaded) -> Iterator[str]:
    yield f"# Settings: {_file(loaded)}"
    yield f"# Data: {printable(backend_for(loaded.settings.storage, loaded.paths.data_file).description)}"
    if not loaded.settings.auth.secret_key:
        yield f"# Secret: {printable(str(loaded.paths.secret_file))}"
    for table, keys in groupby(KEYS.values(), lambda key: key.name.rpartition(".")[0]):
        yield f"\n[{table}]"
        for key in keys:
            short = key.name.rpartition(".")[2]
            yield f"{short} = {as_toml(_shown_value(loaded, key))}  # {printable(loaded.sources[key.name])}"
