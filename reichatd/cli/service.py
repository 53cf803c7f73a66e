"""`reichatd service`: makes this installation of reichatd a system service of systemd."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

import click

from reichatd.cli import exit_status
from reichatd.cli.distribution import distributed
from reichatd.cli.manual.pages import PAGES, place

_SERVICE = Path("etc/systemd/system/reichatd.service")
_CONFIG = Path("etc/reichatd/reichatd.toml")
_FILES = {
    _SERVICE: "systemd/reichatd.service",
    Path("etc/systemd/system/reichatd.socket"): "systemd/reichatd.socket",
    Path("etc/sysusers.d/reichatd.conf"): "systemd/sysusers.d/reichatd.conf",
    Path("etc/tmpfiles.d/reichatd.conf"): "systemd/tmpfiles.d/reichatd.conf",
    _CONFIG: "etc/reichatd.toml",
}
"""Where each file goes, and what it is in our distribution."""
_MANUAL = {Path("usr/local/share/man", place(page)): f"etc/man/{page}" for page in PAGES.values()}
"""The same for the man pages."""
_USUAL_PROGRAM = "/usr/local/bin/reichatd"
"""What the unit has where the program's path belongs."""
_DATA_FILE = "/var/lib/reichatd/reichatd.sqlite3"
_OUT_OF_REACH = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")
"""What the service does not see (ProtectHome, PrivateTmp)."""
_UNITS = ("reichatd.socket", "reichatd.service")


class _File(NamedTuple):
    path: Path
    content: str


_root_option = click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Put the files below DIR and touch nothing else: for packages.",
)
_program_option = click.option(
    "--program",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What the service starts; by default the reichatd that you are calling.",
)


@click.group()
def service() -> None:
    """Make reichatd a system service: unit, socket, user and settings."""


@service.command()
@_program_option
def show(program: Path | None) -> None:
    """Show the files that `install` would write; of the manual, only where its pages go (`reichatd help` shows them)."""
    for file in _files(Path("/"), program or _this_program()):
        click.echo(f"# {file.path}\n{file.content}")
    for target in _MANUAL:
        click.echo(f"# /{target}")


@service.command()
@_root_option
@_program_option
def install(root: Path | None, program: Path | None) -> None:
    """Write the units, the user's entry, the man pages and, unless there is one, the settings file.

    May be repeated: then files that are out of date are written again. A settings file that is there stays as it is.
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
        click.echo(f"Next: look at /{_CONFIG}, then: systemctl enable --now {' '.join(_UNITS)}")


@service.command()
@_root_option
def uninstall(root: Path | None) -> None:
    """Stop the service and remove what `install` wrote, but for settings, data and user."""
    if root is None:
        _require_root()
        if Path("/", _SERVICE).exists():
            _tell_systemd("disable", "--now", *_UNITS)
    for target in _FILES | _MANUAL:
        if target != _CONFIG:
            click.echo(f"{_remove((root or Path('/')) / target):<9} {(root or Path('/')) / target}")
    if root is None:
        _tell_systemd("daemon-reload")
        click.echo(f"Left as they are: /{_CONFIG.parent}, {Path(_DATA_FILE).parent}, and the user reichatd")


def _files(root: Path, program: Path) -> Iterator[_File]:
    for target, source in _FILES.items():
        content = distributed(source)
        if target == _SERVICE:
            content = content.replace(_USUAL_PROGRAM, _as_command(program))
        elif target == _CONFIG:
            # Said, so that commands find the data too when somebody calls them without the service's environment.
            content = content.replace('# path = ""', f'path = "{_DATA_FILE}"')
        yield _File(root / target, content)


def _pages(root: Path) -> Iterator[_File]:
    for target, source in _MANUAL.items():
        yield _File(root / target, distributed(source))


def _this_program() -> Path:
    called = Path(sys.executable if getattr(sys, "frozen", False) else shutil.which(sys.argv[0]) or sys.argv[0])
    if called.name == "__main__.py":  # python -m reichatd
        called = Path(sys.executable).with_name("reichatd")
    return called.absolute()


def _as_command(program: Path) -> str:
    """A path as the first word of a command in a unit (systemd.service(5))."""
    text = str(program).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return text if text.isprintable() and not set(text) & set(" '\\\";") else f'"{text}"'


def _require_root() -> None:
    if os.geteuid() != 0:
        exit_status.fail(
            exit_status.NOT_PERMITTED,
            "only root can change the system's services: sudo; or see them: reichatd service show",
        )


def _require_reachable(program: Path | None) -> None:
    """The service runs as its own user, who sees nobody's home."""
    chosen = program or _this_program()
    if not os.access(chosen, os.X_OK):
        exit_status.fail(exit_status.UNREADABLE, f"{chosen} is no program; name it with --program")
    in_one = program or getattr(sys, "frozen", False)  # then there is nothing else that it stands on
    behind = [chosen.absolute(), chosen.resolve()] + ([] if in_one else [Path(sys.prefix), Path(sys.base_prefix)])
    for path in behind:
        if any(path.is_relative_to(place) for place in _OUT_OF_REACH):
            exit_status.fail(
                exit_status.UNREADABLE,
                f"{path} is out of the service's reach; install reichatd for all users: "
                "PIPX_HOME=/opt/pipx PIPX_BIN_DIR=/usr/local/bin pipx install reichatd",
            )


def _put(file: _File) -> str:
    """Writes a file, whole or not at all; says what became of it."""
    try:
        there = file.path.read_text(encoding="utf-8", errors="replace") if file.path.exists() else None
        if there == file.content:
            return "unchanged"
        if there is not None and file.path.match(str(_CONFIG)):
            return "kept"
        file.path.parent.mkdir(parents=True, exist_ok=True)
        unnamed = file.path.with_name(f".{file.path.name}.new")
        unnamed.write_text(file.content, encoding="utf-8")
        unnamed.chmod(0o644)
        unnamed.replace(file.path)
    except OSError as error:
        _cannot(error)
    return "wrote" if there is None else "updated"


def _remove(path: Path) -> str:
    try:
        path.unlink()
    except FileNotFoundError:
        return "not there"
    except OSError as error:
        _cannot(error)
    return "removed"


def _cannot(error: OSError) -> NoReturn:
    exit_status.fail(exit_status.CANNOT_CREATE, f"{error.filename}: {error.strerror}")


def _tell_systemd(*arguments: str) -> None:
    if Path("/run/systemd/system").exists():  # as sd_booted(3) finds out
        _run("systemctl", *arguments)
    else:
        click.echo(f"systemd does not run here; left out: systemctl {' '.join(arguments)}")


def _run(*command: str) -> None:
    try:
        status = subprocess.run(command).returncode
    except OSError as error:
        exit_status.fail(exit_status.UNREADABLE, f"{command[0]}: {error.strerror}")
    if status:
        exit_status.fail(exit_status.CANNOT_CREATE, f"{' '.join(command)} has failed with status {status}")
