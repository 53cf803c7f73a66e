"""`reichatd service`: installs and removes the files of the systemd service."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

import click

from reichatd.cli import exit_status
from reichatd.cli.bundled_files import bundled
from reichatd.cli.manual.pages import PAGES, place

_SERVICE = Path("etc/systemd/system/reichatd.service")
_INSTANCES = Path("etc/systemd/system/reichatd@.service")
_DROP_IN = Path("etc/systemd/system/reichatd@.service.d/instance.conf")
_CONFIG = Path("etc/reichatd/reichatd.toml")
_FILES = {
    _SERVICE: "systemd/reichatd.service",
    _INSTANCES: "systemd/reichatd.service",
    _DROP_IN: "systemd/reichatd@.service.d/instance.conf",
    Path("etc/systemd/system/reichatd.socket"): "systemd/reichatd.socket",
    Path("etc/sysusers.d/reichatd.conf"): "systemd/sysusers.d/reichatd.conf",
    Path("etc/tmpfiles.d/reichatd.conf"): "systemd/tmpfiles.d/reichatd.conf",
    _CONFIG: "etc/reichatd.toml",
}
"""The target of each file, and its source among the bundled files. An instance is the same service, changed by the drop-in."""
_MANUAL = {Path("usr/local/share/man", place(page)): f"etc/man/{page}" for page in PAGES.values()}
"""The same, for the man pages."""
_USUAL_PROGRAM = "/usr/local/bin/reichatd"
"""The path of the program in the bundled unit. `install` replaces it."""
_DATA_FILE = "/var/lib/reichatd/reichatd.sqlite3"
_HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")
"""Directories that the unit hides from the service (ProtectHome, PrivateTmp)."""
_UNITS = ("reichatd.socket", "reichatd.service")


class _File(NamedTuple):
    path: Path
    content: str


_root_option = click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write the files below DIR, and change nothing else. For packages.",
)
_program_option = click.option(
    "--program",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The program that the service starts. Default: the reichatd that you run.",
)


@click.group()
def service() -> None:
    """Install reichatd as a systemd service, or remove it."""


@service.command()
@_program_option
def show(program: Path | None) -> None:
    """Show the files that `install` would write. Of the man pages, only the paths are shown (`reichatd help` shows the pages)."""
    for file in _files(Path("/"), program or _this_program()):
        click.echo(f"# {file.path}\n{file.content}")
    for target in _MANUAL:
        click.echo(f"# /{target}")


@service.command()
@_root_option
@_program_option
def install(root: Path | None, program: Path | None) -> None:
    """Write the units, the entry for the user, the man pages and the settings file.

    It can run again; it then updates old files. An existing settings file is not changed.
    """
    if root is None:
        _require_root()
        _require_reachable(program)
    for file in (*_files(root or Path("/"), program or _this_program()), *_pages(root or Path("/"))):
        click.echo(f"{_put(file):<9} {file.path}")
    if root is None:
        _run("systemd-sysusers", "reichatd.conf")
        _run("systemd-tmpfiles", "--create", "reichatd.conf")
        _tell_systemd("daemon-reload")
        click.echo(f"Next: check the settings in /{_CONFIG}, then: systemctl enable --now {' '.join(_UNITS)}")


@service.command()
@_root_option
def uninstall(root: Path | None) -> None:
    """Stop the service and remove the files of `install`. Settings, data and user stay."""
    if root is None:
        _require_root()
        if Path("/", _SERVICE).exists():
            _tell_systemd("disable", "--now", *_UNITS)
        if Path("/", _INSTANCES).exists():
            _tell_systemd("stop", "reichatd@*.service")
            _tell_systemd("disable", "reichatd@.service")
    for target in _FILES | _MANUAL:
        if target != _CONFIG:
            click.echo(f"{_remove((root or Path('/')) / target):<9} {(root or Path('/')) / target}")
    with suppress(OSError):  # an operator's drop-ins stay
        (root or Path("/")).joinpath(_DROP_IN.parent).rmdir()
    if root is None:
        _tell_systemd("daemon-reload")
        click.echo(f"Not removed: /{_CONFIG.parent}, {Path(_DATA_FILE).parent}, and the user reichatd")


def _files(root: Path, program: Path) -> Iterator[_File]:
    for target, source in _FILES.items():
        content = bundled(source)
        if target in (_SERVICE, _INSTANCES):
            content = content.replace(_USUAL_PROGRAM, _as_command(program))
        elif target == _CONFIG:
            # So that commands find the data without the environment of the service, too.
            content = content.replace('# path = ""', f'path = "{_DATA_FILE}"')
        yield _File(root / target, content)


def _pages(root: Path) -> Iterator[_File]:
    for target, source in _MANUAL.items():
        yield _File(root / target, bundled(source))


def _this_program() -> Path:
    called = Path(sys.executable if getattr(sys, "frozen", False) else shutil.which(sys.argv[0]) or sys.argv[0])
    if called.name == "__main__.py":  # python -m reichatd
        called = Path(sys.executable).with_name("reichatd")
    return called.absolute()


def _as_command(program: Path) -> str:
    """A path, quoted as the first word of a command in a unit (systemd.service(5))."""
    text = str(program).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return text if text.isprintable() and not set(text) & set(" '\\\";") else f'"{text}"'


def _require_root() -> None:
    if os.geteuid() != 0:
        exit_status.fail(
            exit_status.NOT_PERMITTED,
            "only root can change the system's services: use sudo. To see the files: reichatd service show",
        )


def _require_reachable(program: Path | None) -> None:
    """Ends the program if the service could not start this program: it runs as its own user, and sees no home directory."""
    chosen = program or _this_program()
    if not os.access(chosen, os.X_OK):
        exit_status.fail(exit_status.UNREADABLE, f"{chosen} is not executable; name the program with --program")
    is_single_file = program or getattr(sys, "frozen", False)  # which needs no Python installation
    needed = [chosen.absolute(), chosen.resolve()] + (
        [] if is_single_file else [Path(sys.prefix), Path(sys.base_prefix)]
    )
    for path in needed:
        if any(path.is_relative_to(place) for place in _HIDDEN):
            exit_status.fail(
                exit_status.UNREADABLE,
                f"the service cannot see {path}; install reichatd for all users: "
                "PIPX_HOME=/opt/pipx PIPX_BIN_DIR=/usr/local/bin pipx install reichatd",
            )


def _put(file: _File) -> str:
    """Writes a file, whole or not at all. Returns the outcome in a word."""
    try:
        old = file.path.read_text(encoding="utf-8", errors="replace") if file.path.exists() else None
        if old == file.content:
            return "unchanged"
        if old is not None and file.path.match(str(_CONFIG)):
            return "kept"
        file.path.parent.mkdir(parents=True, exist_ok=True)
        unnamed = file.path.with_name(f".{file.path.name}.new")
        unnamed.write_text(file.content, encoding="utf-8")
        unnamed.chmod(0o644)
        unnamed.replace(file.path)
    except OSError as error:
        _fail_unwritable(error)
    return "wrote" if old is None else "updated"


def _remove(path: Path) -> str:
    try:
        path.unlink()
    except FileNotFoundError:
        return "not there"
    except OSError as error:
        _fail_unwritable(error)
    return "removed"


def _fail_unwritable(error: OSError) -> NoReturn:
    exit_status.fail(exit_status.CANNOT_CREATE, f"{error.filename}: {error.strerror}")


def _tell_systemd(*arguments: str) -> None:
    if Path("/run/systemd/system").exists():  # the test of sd_booted(3)
        _run("systemctl", *arguments)
    else:
        click.echo(f"systemd does not run here; not done: systemctl {' '.join(arguments)}")


def _run(*command: str) -> None:
    try:
        status = subprocess.run(command).returncode
    except OSError as error:
        exit_status.fail(exit_status.UNREADABLE, f"{command[0]}: {error.strerror}")
    if status:
        exit_status.fail(exit_status.CANNOT_CREATE, f"{' '.join(command)} failed with status {status}")
