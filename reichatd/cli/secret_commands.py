"""`reichatd secret`: what is to be done when the secret is replaced."""

from pathlib import Path

import click
import trio

from reichatd.accounts.keys import Keys
from reichatd.cli import exit_status
from reichatd.cli.exit_status import Failure
from reichatd.cli.output import confirm, yes_option
from reichatd.cli.secret import load_secret, place_of_secret
from reichatd.cli.settings_loader import Loaded, config_option, load_or_fail
from reichatd.cli.store_access import opened_store, store_errors_reported
from reichatd.settings import SettingsError

_QUESTION = (
    "Use the store with the secret in {} from now on? All users have to log in again; second factors, app passwords, tokens and "
    "invitations made with the former one are lost."
)


@click.group()
def secret() -> None:
    """Replace the secret that tokens and codes are made with."""


@secret.command()
@config_option
@yes_option
def accept(config: Path | None, yes: bool) -> None:
    """Use the store with the secret that is in place now.

    A daemon does not start on a store that was used with another secret. After this command it does. All users then have to log
    in again, and second factors, app passwords, tokens and invitations of before are lost. If you still have the former secret,
    put that in place instead.

    To replace a secret: stop all daemons, put the new secret in place for each of them, run this, and start them.
    """
    loaded = load_or_fail(config)
    try:
        keys = Keys(load_secret(loaded))
    except SettingsError as error:
        exit_status.fail(exit_status.CONFIGURATION, *map(str, error.problems))
    except OSError as error:
        exit_status.fail(exit_status.CANNOT_CREATE, f"the secret cannot be created: {error}")
    confirm(_QUESTION.format(place_of_secret(loaded)), yes=yes)
    with store_errors_reported("interrupted; run it again"):
        trio.run(_accept, loaded, keys)
    click.echo("The store is used with this secret from now on. Second factors of before: reichatd user remove-totp")


async def _accept(loaded: Loaded, keys: Keys) -> None:
    async with opened_store(loaded) as store:
        if running := await store.daemons.running():
            names = ", ".join(f"{each.daemon.host} (process {each.daemon.pid})" for each in running)
            raise Failure(exit_status.REFUSED, f"stop all daemons first: {names}")
        await store.daemons.replace_fingerprint(await trio.to_thread.run_sync(keys.fingerprint))
