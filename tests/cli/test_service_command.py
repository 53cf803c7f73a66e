"""`reichatd service`, and the units that it installs."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reichatd.cli import main, service
from reichatd.settings import Settings
from reichatd.settings.keys import KEYS
from tests.test_settings import flat

ROOT = Path(__file__).parent.parent.parent
PROGRAM = Path(sys.executable).with_name("reichatd")
FILES = {
    "etc/systemd/system/reichatd.service",
    "etc/systemd/system/reichatd.socket",
    "etc/systemd/system/reichatd@.service",
    "etc/systemd/system/reichatd@.service.d/instance.conf",
    "etc/sysusers.d/reichatd.conf",
    "etc/tmpfiles.d/reichatd.conf",
    "etc/reichatd/reichatd.toml",
}
MANUAL = {
    "usr/local/share/man/man1/reichatd.1",
    "usr/local/share/man/man5/reichatd.toml.5",
    "usr/local/share/man/man7/reichatd-protocol.7",
    "usr/local/share/man/man8/reichatd.8",
}
MOST_EXPOSED = 12
"""The highest exposure that is allowed, in tenths of the unit of `systemd-analyze security`."""


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["service", *map(str, arguments)])


def install(root: Path) -> str:
    result = call("install", "--root", root, "--program", PROGRAM)
    assert result.exit_code == 0, result.output
    return result.output


def files_below(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_install_writes_everything_that_a_service_needs(tmp_path: Path) -> None:
    install(tmp_path)
    assert files_below(tmp_path) == FILES | MANUAL
    unit = (tmp_path / "etc/systemd/system/reichatd.service").read_text()
    assert f"\nExecStart={PROGRAM} serve\n" in unit
    settings = (tmp_path / "etc/reichatd/reichatd.toml").read_text()
    assert flat(tomllib.loads(settings)) == {"storage.path": "/var/lib/reichatd/reichatd.sqlite3"}


def test_install_can_run_again_and_updates_all_files_but_the_settings(tmp_path: Path) -> None:
    install(tmp_path)
    unit, settings = (tmp_path / "etc/systemd/system/reichatd.service", tmp_path / "etc/reichatd/reichatd.toml")
    before = unit.read_text()
    assert set(re.findall(r"^(\S+)", install(tmp_path), re.MULTILINE)) == {"unchanged"}
    unit.write_text("[Unit]\n")
    settings.write_text("[server]\nport = 9000\n")
    output = install(tmp_path)
    assert f"updated   {unit}" in output
    assert f"kept      {settings}" in output
    assert unit.read_text() == before
    assert settings.read_text() == "[server]\nport = 9000\n"
    assert files_below(tmp_path) == FILES | MANUAL


def test_uninstall_keeps_the_settings(tmp_path: Path) -> None:
    install(tmp_path)
    assert call("uninstall", "--root", tmp_path).exit_code == 0
    assert not any((tmp_path / "etc/systemd/system").iterdir())
    assert files_below(tmp_path) == {"etc/reichatd/reichatd.toml"}
    again = call("uninstall", "--root", tmp_path)
    assert again.exit_code == 0
    assert again.output.count("not there") == len(FILES) - 1 + len(MANUAL)


def test_show_prints_the_files_that_install_would_write(tmp_path: Path) -> None:
    install(tmp_path)
    shown = call("show", "--program", PROGRAM).output
    for file in FILES:
        assert f"# /{file}\n{(tmp_path / file).read_text()}" in shown
    for page in MANUAL:
        assert f"# /{page}\n" in shown


@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_only_root_may_install_and_uninstall(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = call(command)
    assert result.exit_code == 77
    assert "only root" in result.output


def test_a_program_in_a_directory_hidden_from_the_service_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(service, "_HIDDEN", (str(tmp_path),))
    program = tmp_path / "venv" / "reichatd"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    refused = call("install", "--program", program)
    assert (refused.exit_code, refused.output.count("PIPX_HOME=")) == (66, 0)
    program.chmod(0o755)
    link = tmp_path.parent / f"{tmp_path.name}-link"
    link.symlink_to(program)
    for each in (program, link):
        refused = call("install", "--program", each)
        assert (refused.exit_code, refused.output.count("PIPX_HOME=")) == (66, 1)


def test_a_path_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("a file")
    result = call("install", "--root", tmp_path)
    assert result.exit_code == 73
    assert str(tmp_path / "etc") in result.output


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/usr/bin/reichatd", "/usr/bin/reichatd"),
        ("/opt/a b/reichatd", '"/opt/a b/reichatd"'),
        ("/opt/50%/$x/reichatd", "/opt/50%%/$$x/reichatd"),
        ('/opt/"/\\/r', '"/opt/\\"/\\\\/r"'),
    ],
)
def test_a_path_is_quoted_as_one_word_of_a_command(path: str, word: str) -> None:
    assert service._as_command(Path(path)) == word


def test_systemd_accepts_the_units_and_rates_them_as_hardened(tmp_path: Path) -> None:
    install(tmp_path)
    units = [tmp_path / "etc/systemd/system" / f"reichatd.{kind}" for kind in ("service", "socket")]
    verified = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", units[0]],
        capture_output=True,
        text=True,
    )
    assert rated.returncode == 0, rated.stdout


def test_systemd_accepts_instances_behind_one_socket(tmp_path: Path) -> None:
    install(tmp_path)
    units = tmp_path / "etc/systemd/system"
    assert f"\nExecStart={PROGRAM} serve\n" in (units / "reichatd@.service").read_text()
    verified = subprocess.run(
        ["systemd-analyze", "verify", "reichatd@1.service", "reichatd.socket"],
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{units}:"},
        capture_output=True,
        text=True,
    )
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
    drop_in = (units / "reichatd@.service.d/instance.conf").read_text()
    for key in re.findall(r"^Environment=REICHATD_(\w+)=", drop_in, re.MULTILINE):
        table, _, name = key.lower().partition("_")
        assert f"{table}.{name}" in KEYS


def test_the_unit_fits_the_settings() -> None:
    unit = (ROOT / "systemd/reichatd.service").read_text()
    socket = (ROOT / "systemd/reichatd.socket").read_text()
    server = Settings().server
    numbers = {name: int(number) for name, number in re.findall(r"^(\w+)=(\d+)$", unit, re.MULTILINE)}
    assert numbers["LimitNOFILE"] > server.max_connections + 100
    assert numbers["TimeoutStopSec"] > server.drain_seconds
    # Even a start that fails immediately is retried forever.
    assert numbers["StartLimitIntervalSec"] <= numbers["StartLimitBurst"] * numbers["RestartSec"]
    assert f"ListenStream={server.host}:{server.port}\n" in socket


def test_a_wheel_contains_the_files() -> None:
    """A wheel is built from this list; `bundled_files` reads the files."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included == {source: f"reichatd/files/{source}" for source in ("etc/reichatd.toml", "etc/man", "systemd")}
    for source in (service._FILES | service._MANUAL).values():
        assert (ROOT / source).is_file()
