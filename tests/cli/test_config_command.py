"""`reichatd config`, as a real process."""

import json
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from reichatd import __version__
from reichatd.api.web import FILES
from reichatd.cli import exit_status, main
from reichatd.settings import Settings
from reichatd.settings.keys import KEYS
from tests.cli.conftest import Home
from tests.test_settings import flat

SECRET = "hunter2" * 5


class Shell:
    """Runs commands with the environment of a home directory only. The settings file is empty, unless a command names one."""

    def __init__(self, home: Home, empty: Path) -> None:
        empty.touch()
        self.environ = home.environ | {"REICHATD_CONFIG": str(empty)}

    def __call__(self, *arguments: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
        return self.python("-m", "reichatd", *map(str, arguments), **environ)

    def python(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, env=self.environ | environ, capture_output=True, text=True, timeout=30, check=False
        )


@pytest.fixture
def shell(home: Home, tmp_path: Path) -> Shell:
    return Shell(home, tmp_path / "empty.toml")


def test_check_says_ok_and_which_file(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text("server.port = 1234")
    done = shell("config", "check", file)
    assert (done.returncode, done.stdout, done.stderr) == (exit_status.OK, f"ok: {file}\n", "")
    assert shell("config", "check", REICHATD_CONFIG=str(file)).stdout == f"ok: {file}\n"


@pytest.mark.usefixtures("home")
def test_check_says_ok_without_a_file() -> None:
    done = CliRunner(env={"REICHATD_CONFIG": None}).invoke(main, ["config", "check"])
    assert (done.exit_code, done.output) == (exit_status.OK, "ok: no file found, so defaults and the environment\n")


def test_check_prints_each_problem_on_one_line(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text("server.port = 'x'\nserver.hots = 1\n")
    done = shell("config", "check", file, REICHATD_LOG_LEVEL="loud")
    assert (done.returncode, done.stdout) == (exit_status.CONFIGURATION, "")
    assert done.stderr.splitlines() == [
        f'reichatd: file {file}: server.port: found "x"; allowed: a whole number from 0 up to 65_535',
        f"reichatd: file {file}: server.hots: found an unknown key; allowed: server.host is the nearest known one",
        'reichatd: environment REICHATD_LOG_LEVEL: log.level: found "loud"; '
        'allowed: "debug" or "error" or "info" or "warning"',
    ]


def test_check_looks_at_the_logo(shell: Shell, tmp_path: Path) -> None:
    logo = tmp_path / "logo.png"
    for make, reason in ((lambda: None, "No such file or directory"), (lambda: logo.write_text("x"), "is neither PNG")):
        make()
        for command in ("config check", "serve"):
            done = shell(*command.split(), REICHATD_WEB_LOGO=str(logo), REICHATD_SERVER_PORT="0")
            assert (done.returncode, done.stdout) == (exit_status.UNREADABLE, "")
            assert done.stderr.startswith(f"reichatd: web.logo: {logo}: {reason}")
    logo.write_bytes((FILES / "icon-192.png").read_bytes())
    assert shell("config", "check", REICHATD_WEB_LOGO=str(logo)).returncode == exit_status.OK


def test_show_prints_the_settings_in_force_as_toml(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text('[server]\nport = 1234\ntrusted_proxies = ["::1"]\n')
    done = shell("config", "show", "--config", file, REICHATD_STORAGE_PATH='/a "b"')
    assert (done.returncode, done.stderr) == (exit_status.OK, "")
    shown = flat(tomllib.loads(done.stdout))
    values = {name: key.default for name, key in KEYS.items()}
    defaults = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    changed = {"server.port": 1234, "server.trusted_proxies": ["::1"], "storage.path": '/a "b"'}
    assert shown == defaults | changed
    lines = done.stdout.splitlines()
    assert f"# Settings: {file}" in lines
    assert '# Data: /a "b"' in lines
    assert f"port = 1234  # file {file}" in lines
    assert 'path = "/a \\"b\\""  # environment REICHATD_STORAGE_PATH' in lines
    assert 'host = "127.0.0.1"  # default' in lines


def test_show_as_json(shell: Shell) -> None:
    shown = json.loads(shell("config", "show", "--json", REICHATD_SERVER_PORT="1").stdout)
    assert list(shown) == list(KEYS)
    assert shown["server.port"] == {"value": 1, "source": "environment REICHATD_SERVER_PORT"}
    assert shown["log.level"] == {"value": Settings().log.level, "source": "default"}


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_show_hides_secrets(shell: Shell, options: list[str]) -> None:
    done = shell("config", "show", *options, SECRET_KEY=SECRET, MONGODB_USERNAME="u", MONGODB_PASSWORD=SECRET)
    assert done.returncode == exit_status.OK
    assert SECRET not in done.stdout + done.stderr
    assert "environment SECRET_KEY" in done.stdout


def test_show_of_invalid_settings_prints_the_problems(shell: Shell) -> None:
    done = shell("config", "show", SECRET_KEY="short")
    assert (done.returncode, done.stdout) == (exit_status.CONFIGURATION, "")
    assert len(done.stderr.splitlines()) == 1


def test_init_writes_the_annotated_file_where_the_daemon_looks_first_and_never_overwrites(
    home: Home, shell: Shell
) -> None:
    del shell.environ["REICHATD_CONFIG"]
    done = shell("config", "init")
    assert (done.returncode, done.stdout.splitlines()[0]) == (exit_status.OK, f"wrote {home.user}")
    assert home.user.read_text() == (Path(__file__).parents[2] / "etc" / "reichatd.toml").read_text()
    assert stat.S_IMODE(home.user.stat().st_mode) == 0o600
    assert shell("config", "check").stdout == f"ok: {home.user}\n"
    home.user.write_text("server.port = 1234")
    for arguments in ([], [home.user]):
        done = shell("config", "init", *arguments)
        assert (done.returncode, done.stdout) == (exit_status.CANNOT_CREATE, "")
        assert f"{home.user} exists already" in done.stderr
    assert home.user.read_text() == "server.port = 1234"


def test_init_writes_a_named_file(shell: Shell, tmp_path: Path) -> None:
    done = shell("config", "init", tmp_path / "x y.toml")
    assert f"reichatd config check '{tmp_path}/x y.toml'" in done.stdout
    assert f"reichatd serve --config '{tmp_path}/x y.toml'" in done.stdout
    assert shell("config", "check", tmp_path / "x y.toml").returncode == exit_status.OK
    nowhere = shell("config", "init", tmp_path / "no" / "x.toml")
    assert (nowhere.returncode, f"the directory {tmp_path}/no does not exist" in nowhere.stderr) == (73, True)
    other = shell("config", "init", REICHATD_CONFIG=str(tmp_path / "other.toml"))
    assert other.stdout.startswith(f"wrote {tmp_path}/other.toml\n")


def test_the_login_variables_of_send_are_no_settings(shell: Shell) -> None:
    login = {"REICHATD_EMAIL": "a@b.c", "REICHATD_PASSWORD": "secret", "REICHATD_PASSWORD_FILE": "/x"}
    assert shell("config", "check", **login).returncode == exit_status.OK


def test_wrong_usage_exits_with_2(shell: Shell) -> None:
    assert shell("config", "chekc").returncode == 2
    assert shell("srve").returncode == 2


def test_version(shell: Shell) -> None:
    assert shell("--version").stdout == f"reichatd, version {__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["config", "show"]])
def test_help_and_config_import_nothing_of_the_daemon(shell: Shell, arguments: list[str]) -> None:
    script = f"""if True:
        import sys
        from reichatd.cli import main
        main({arguments!r}, standalone_mode=False)
        heavy = {{"trio", "quart", "hypercorn", "pymongo", "structlog", "asyncio", "argon2"}} & set(sys.modules)
        sys.exit(f"imported: {{heavy}}" if heavy else 0)
    """
    done = shell.python("-c", script)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_list_of_commands_has_the_first_line_of_each_commands_help(shell: Shell) -> None:
    commands = shell("--help").stdout.partition("Commands:\n")[2]
    assert [line.split()[0] for line in commands.splitlines()] == [
        "serve",
        "reload",
        "config",
        "service",
        "doctor",
        "user",
        "room",
        "message",
        "invite",
        "audit",
        "stats",
        "backup",
        "restore",
        "import",
        "retention",
        "secret",
        "chat",
        "send",
        "bench",
        "help",
    ]
    for line in commands.splitlines():
        name, _, summary = line.strip().partition(" ")
        assert summary.strip() in shell(name, "--help").stdout


def test_fail_prints_its_message_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        exit_status.fail(exit_status.CANNOT_LISTEN, "port 80:\nin use")
    assert caught.value.code == exit_status.CANNOT_LISTEN
    assert capsys.readouterr() == ("", "reichatd: port 80: in use\n")


def test_the_database_may_be_in_the_uri_but_not_differ_from_the_setting(shell: Shell) -> None:
    named = {"REICHATD_STORAGE_MONGODB_URI": "mongodb://ann:sesame@host/talk"}
    shown = json.loads(shell("config", "show", "--json", **named).stdout)["storage.mongodb.database"]
    assert shown == {"value": "talk", "source": "storage.mongodb.uri"}
    done = shell("config", "check", **named, MONGODB_DATABASE="other")
    assert done.returncode == exit_status.CONFIGURATION
    assert done.stderr.startswith(
        'reichatd: environment MONGODB_DATABASE: storage.mongodb.database: found "other"; allowed: "talk"'
    )
    assert "sesame" not in done.stderr
    assert (
        "\n# Data: MongoDB, database reichatd\n" in shell("config", "show", REICHATD_STORAGE_BACKEND="mongodb").stdout
    )


def test_the_path_of_a_settings_file_may_have_bytes_that_are_not_utf8(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "\udcff.toml"
    file.write_text("server.port = 1234")
    shown = json.loads(shell("config", "show", "--json", REICHATD_CONFIG=str(file)).stdout)
    assert shown["server.port"] == {"value": 1234, "source": f"file {tmp_path}/\\udcff.toml"}
