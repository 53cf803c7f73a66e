"""The doctor's findings about daemons that run, and about some that cannot start."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
import trio

from reichatd.store.sqlite.inspection import inspect
from tests.client import open_room, registered_users
from tests.doctor.examination import Examination
from tests.end_to_end.conftest import stored_in_mongodb
from tests.mail.conftest import Certificates
from tests.mail.server import PASSWORD, USERNAME, MailServer, authenticator
from tests.mongod import free_port
from tests.process import DaemonProcess, environment, running

SHORT_IDLE = ("--idle", "0.1")


def data_file(directory: Path) -> Path:
    return directory / "share" / "reichatd" / "reichatd.sqlite3"


def contents(directory: Path) -> dict[str, str]:
    """The digest of every file, except SQLite's index of its log, which each reader may rebuild."""
    files = (file for file in directory.rglob("*") if file.is_file() and file.suffix != ".sqlite3-shm")
    return {str(file): sha256(file.read_bytes()).hexdigest() for file in files}


async def examine(daemon: DaemonProcess, *arguments: str, **environ: str) -> Examination:
    port = {"REICHATD_SERVER_PORT": str(daemon.port)}
    return await trio.to_thread.run_sync(
        lambda: Examination(daemon.directory, *SHORT_IDLE, *arguments, **port, **environ)
    )


@pytest.fixture
async def stopped(tmp_path: Path) -> DaemonProcess:
    """A daemon that has stopped, with one message in its store."""
    async with (
        running(tmp_path) as daemon,
        registered_users(daemon, 1) as (ada,),
        ada.talk(await open_room(ada)) as talk,
    ):
        await talk.post("text", "1")
    return daemon


@pytest.mark.parametrize(
    ("host", "trusted", "url", "level"),
    [
        ("127.0.0.1", "", "https://chat.example.invalid", "warning"),
        ("unix:/nowhere/http.sock", "", "https://chat.example.invalid", "warning"),
        ("127.0.0.1", "127.0.0.1", "https://chat.example.invalid", None),
        ("127.0.0.1", "", "http://127.0.0.1:9", None),
        ("127.0.0.1", "", "", None),
        ("0.0.0.0", "", "https://chat.example.invalid", None),
    ],
)
def test_behind_a_proxy_that_is_not_trusted_limits_cannot_work(
    tmp_path: Path, host: str, trusted: str, url: str, level: str | None
) -> None:
    found = Examination(
        tmp_path,
        *SHORT_IDLE,
        REICHATD_SERVER_HOST=host,
        REICHATD_SERVER_PORT=str(free_port()),
        REICHATD_SERVER_PUBLIC_URL=url,
        REICHATD_SERVER_TRUSTED_PROXIES=trusted,
        REICHATD_SERVER_INSECURE="true",
    )
    finding = found.found.get("settings.proxies")
    assert (finding and finding.level) == level
    if finding:
        assert f'trusted_proxies = ["{"unix" if "unix:" in host else "127.0.0.1"}"]' in finding.text


def test_before_the_first_start_nothing_is_created(tmp_path: Path) -> None:
    found = Examination(tmp_path, REICHATD_SERVER_PORT=str(free_port()))
    assert found["store.opens"].level == found["secret.present"].level == found["daemon.port"].level == "ok"
    assert found["daemon.running"].level == found["url.reachable"].level == "skipped"
    assert "it does not run" in found["daemon.running"].text
    assert list(tmp_path.iterdir()) == []


async def test_while_it_runs(tmp_path: Path, storage: dict[str, str]) -> None:
    async with running(tmp_path, **storage) as daemon, registered_users(daemon, 1):
        found = await examine(daemon, **storage)
        assert found.area("daemon") == dict.fromkeys(("running", "open_files", "ready"), "ok")
        assert found.area("url") == dict.fromkeys(
            ("reachable", "clock", "websocket", "forwarded", "page", "origin", "idle"), "ok"
        )
        assert {found[f"store.{subject}"].level for subject in ("opens", "schema", "secret")} == {"ok"}
        for subject in ("daemons", "housekeeping") if "REICHATD_STORAGE_BACKEND" in storage else ():
            assert f"(process {daemon.pid})" in found[f"store.{subject}"].text
        assert found["secret.strength"].level == "ok"
        assert found.status in (0, 1)  # this machine's clock may be unsynchronised
        assert not [
            code for code, result in found.found.items() if result.level in ("error", "warning") and "clock" not in code
        ]


async def test_nothing_is_changed(stopped: DaemonProcess) -> None:
    before = contents(stopped.directory)
    found = await examine(stopped)
    assert found["store.integrity"].level == "ok"
    assert contents(stopped.directory) == before


async def test_the_write_ahead_log_of_a_crash_is_read_and_kept(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, registered_users(daemon, 1):
        daemon.signal(signal.SIGKILL)
        await daemon.wait()
    assert data_file(tmp_path).with_name("reichatd.sqlite3-wal").stat().st_size
    before = contents(tmp_path)
    found = await examine(daemon)
    assert (found["store.schema"].level, found["store.integrity"].level) == ("ok", "ok")
    assert contents(tmp_path) == before


async def test_a_damaged_file(stopped: DaemonProcess) -> None:
    file = data_file(stopped.directory)
    with file.open("r+b") as raw:
        raw.seek(4096 * 3)
        raw.write(os.urandom(4096 * 3))
    found = await examine(stopped)
    assert found["store.integrity"].level == "error"
    assert found.status == 2


async def test_a_newer_schema_and_a_file_of_another_program(stopped: DaemonProcess) -> None:
    file = data_file(stopped.directory)
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA user_version = 99")
    found = await examine(stopped)
    assert found["store.schema"].level == "error"
    assert "restore the backup" in found["store.schema"].text
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA application_id = 1")
    assert "of another program" in (await examine(stopped))["store.opens"].text
    file.write_text("not a database at all" * 1000)
    assert "not a database" in (await examine(stopped))["store.opens"].text


async def test_the_integrity_check_of_a_large_file_ends_in_time(stopped: DaemonProcess) -> None:
    file = data_file(stopped.directory)
    with closing(sqlite3.connect(file)) as db:
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT i FROM n"
        db.execute(f"CREATE TABLE large AS {numbers}")
        db.execute("CREATE INDEX large_index ON large (i)")
        db.commit()
    in_no_time, in_time = inspect(file, 0.0), inspect(file, 60.0)
    assert in_no_time is not None
    assert in_time is not None
    assert (in_no_time.fault, in_time.fault) == (None, "")


async def test_files_that_others_can_read(stopped: DaemonProcess) -> None:
    directory = data_file(stopped.directory).parent
    config, key = stopped.directory / "reichatd.toml", directory / "secret.key"
    secret = key.read_text().strip()
    config.write_text(f'[auth]\nsecret_key = "{secret}"\n')
    data_file(stopped.directory).chmod(0o644)
    key.chmod(0o644)
    found = await examine(stopped, "--config", str(config))
    assert found["files.data"].level == found["files.config"].level == "warning"
    assert "chmod o=" in found["files.data"].text
    assert found["secret.present"].level == "ok"
    assert found.status == 1
    # Without a secret in the settings, the secret file is checked.
    found = await examine(stopped)
    assert found["secret.present"].level == "error"
    assert "chmod g-w,o=" in found["secret.present"].text
    assert secret[:16] not in found.output


def test_a_weak_secret(tmp_path: Path) -> None:
    found = Examination(tmp_path, REICHATD_SERVER_PORT="0", SECRET_KEY="hidden" * 10)
    assert found["secret.strength"].level == "warning"
    assert "hidden" not in found.output


def test_invalid_settings(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "reichatd", "doctor"],
        env=environment(tmp_path, {"REICHATD_SERVER_PORT": "many", "REICHATD_SERVER_HOST": "0.0.0.0"}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert result.stdout.count("error    settings.valid") == 2
    assert result.stdout.endswith("\n2 errors\n")


def test_settings_that_may_not_be_intended(tmp_path: Path) -> None:
    found = Examination(
        tmp_path,
        *SHORT_IDLE,
        REICHATD_SERVER_PORT="0",
        REICHATD_SERVER_INSECURE="true",
        REICHATD_SERVER_ALLOWED_ORIGINS="*",
        REICHATD_SERVER_PUBLIC_URL="http://127.0.0.1:9",
    )
    assert {found[f"settings.{subject}"].level for subject in ("insecure", "origins", "mail")} == {"warning"}
    assert found["url.reachable"].level == "error"
    assert "refused" in found["url.reachable"].text


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    server = MailServer(authenticator=authenticator, auth_require_tls=False)
    yield server
    server.stop()


def smtp_settings(server: MailServer, directory: Path, password: str) -> dict[str, str]:
    (directory / "password").write_text(password)
    (directory / "password").chmod(0o600)
    return {
        "REICHATD_SERVER_PORT": "0",
        "REICHATD_MAIL_BACKEND": "smtp",
        "REICHATD_MAIL_HOST": "127.0.0.1",
        "REICHATD_MAIL_PORT": str(server.port),
        "REICHATD_MAIL_TLS": "none",
        "REICHATD_MAIL_USERNAME": USERNAME,
        "REICHATD_MAIL_PASSWORD_FILE": str(directory / "password"),
    }


def test_the_mail_server(tmp_path: Path, mail_server: MailServer) -> None:
    found = Examination(tmp_path, **smtp_settings(mail_server, tmp_path, PASSWORD))
    assert (found["mail.login"].level, "does not answer" in found["mail.login"].text) == ("error", True)
    mail_server.start()
    found = Examination(tmp_path, **smtp_settings(mail_server, tmp_path, PASSWORD))
    assert (found["mail.login"].level, found["files.password_file"].level) == ("ok", "ok")
    assert "AUTH LOGIN PLAIN" in found["mail.login"].text
    assert (found["mail.encryption"].level, found["mail.ehlo"].level) == ("ok", "ok")
    assert PASSWORD not in found.output
    found = Examination(tmp_path, **smtp_settings(mail_server, tmp_path, "wrong"))
    assert (found["mail.login"].level, "refuses" in found["mail.login"].text) == ("error", True)
    (tmp_path / "password").unlink()
    found = Examination(
        tmp_path, **{**smtp_settings(mail_server, tmp_path, ""), "REICHATD_MAIL_PASSWORD_FILE": "/no/such"}
    )
    assert (found["mail.login"].level, found["files.password_file"].level) == ("error", "error")
    assert mail_server.messages == []


def test_a_mail_server_that_could_encrypt(tmp_path: Path) -> None:
    server = MailServer(tls_context=Certificates().server)
    server.start()
    # The doctor does not recognise this as an address of this machine.
    elsewhere = smtp_settings(server, tmp_path, "") | {"REICHATD_MAIL_HOST": "127.1"}
    del elsewhere["REICHATD_MAIL_USERNAME"], elsewhere["REICHATD_MAIL_PASSWORD_FILE"]
    found = Examination(tmp_path, **elsewhere)
    near = Examination(tmp_path, **elsewhere | {"REICHATD_MAIL_HOST": "127.0.0.1"})
    server.stop()
    assert "STARTTLS" in found["mail.login"].text
    assert (found["mail.encryption"].level, found["mail.ehlo"].level) == ("warning", "warning")
    assert "mail.tls" in found["mail.encryption"].text
    assert (near["mail.encryption"].level, near["mail.ehlo"].level) == ("ok", "ok")
    assert server.names == ["localhost", "localhost"]


def test_a_mail_server_that_hangs_up(tmp_path: Path) -> None:
    server = MailServer(closing_reply="550 5.7.1 not with that name")
    server.start()
    found = Examination(tmp_path, **smtp_settings(server, tmp_path, PASSWORD))
    server.stop()
    assert found["mail.login"].level == "error"
    assert "550 5.7.1 not with that name" in found["mail.login"].text


def test_a_port_of_another_program(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = str(other.getsockname()[1])
        held = Examination(tmp_path, REICHATD_SERVER_PORT=port)
        assert (held["daemon.running"].level, held["daemon.port"].level) == ("skipped", "error")
        other.listen()
        silent = Examination(tmp_path, "--timeout", "0.5", REICHATD_SERVER_PORT=port)
        assert silent["daemon.examined"].level == "error"
    away = Examination(
        tmp_path,
        REICHATD_SERVER_PORT="8000",
        REICHATD_SERVER_HOST="192.0.2.1",
        REICHATD_SERVER_INSECURE="1",
    )
    assert away["daemon.port"].level == "error"
    assert "an address of this machine" in away["daemon.port"].text
    nowhere = Examination(
        tmp_path, REICHATD_SERVER_HOST=f"127.0.0.1,unix:{tmp_path}/nowhere/a.sock", REICHATD_SERVER_PORT=port
    )
    assert f"there is no directory {tmp_path}/nowhere" in nowhere["daemon.port"].text
    assert "RuntimeDirectory=" in nowhere["daemon.port"].text


async def test_one_of_several_addresses(tmp_path: Path) -> None:
    async with running(tmp_path, REICHATD_SERVER_HOST="127.0.0.1,127.0.0.2") as daemon:
        both = await examine(daemon, REICHATD_SERVER_HOST="127.0.0.2,127.0.0.1")
        changed = await examine(daemon, REICHATD_SERVER_HOST="127.0.0.1,127.0.0.3")
    assert f"http://127.0.0.2:{daemon.port} and http://127.0.0.1:{daemon.port}" in both["daemon.running"].text
    assert (both["daemon.running"].level, changed["daemon.running"].level) == ("ok", "warning")
    assert f"but not at http://127.0.0.3:{daemon.port}" in changed["daemon.running"].text


@pytest.mark.parametrize("kind", ["replica", "standalone"])
def test_mongodb(tmp_path: Path, request: pytest.FixtureRequest, kind: str) -> None:
    uri = request.getfixturevalue(f"mongod_{kind}")
    with stored_in_mongodb(uri) as storage:
        found = Examination(tmp_path, REICHATD_SERVER_PORT="0", **storage)
        assert "version 6.0.5" in found["store.opens"].text
        assert "the first start creates the schema" in found["store.schema"].text
        if kind == "replica":
            assert (found["store.replica_set"].level, found["store.write_concern"].level) == ("ok", "ok")
        else:
            assert found["store.replica_set"].level == "warning"
    away = {"REICHATD_STORAGE_MONGODB_URI": f"mongodb://ada:hidden@127.0.0.1:{free_port()}"}
    found = Examination(
        tmp_path, REICHATD_SERVER_PORT="0", **{**storage, **away, "REICHATD_STORAGE_MONGODB_TIMEOUT_SECONDS": "0.5"}
    )
    assert found["store.opens"].level == "error"
    assert "hidden" not in found.output


async def test_another_secret(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        found = await examine(daemon, SECRET_KEY="0123456789abcdefghijklmnopqrstuvwxyz")
    assert (found["url.forwarded"].level, found["url.idle"].level) == ("error", "skipped")
    assert "another secret" in found["url.forwarded"].text
    assert found["store.secret"].level == "error"
    assert "reichatd secret accept" in found["store.secret"].text


async def test_a_clock_that_was_fast(stopped: DaemonProcess) -> None:
    os.utime(data_file(stopped.directory), (4e9, 4e9))
    found = await examine(stopped)
    assert found["clock.files"].level == "warning"
    assert "2096" in found["clock.files"].text


async def test_few_open_files(tmp_path: Path) -> None:
    async with running(tmp_path, REICHATD_SERVER_MAX_CONNECTIONS="999999999") as daemon:
        found = await examine(daemon, REICHATD_SERVER_MAX_CONNECTIONS="999999999")
    assert found["daemon.open_files"].level == "warning"
    assert "LimitNOFILE" in found["daemon.open_files"].text


def test_a_url_that_was_given_is_not_asked_for(tmp_path: Path) -> None:
    given = Examination(tmp_path, "--url", f"http://127.0.0.1:{free_port()}", REICHATD_SERVER_PORT=str(free_port()))
    assert given["url.reachable"].level == "error"
    assert "--url" not in given["settings.public_url"].text
    assert "--url" in Examination(tmp_path, REICHATD_SERVER_PORT=str(free_port()))["settings.public_url"].text


def test_an_invalid_url(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reichatd", "doctor", "--url", "chat.example.org"]
    result = subprocess.run(command, env=environment(tmp_path, {}), capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "http(s)://host" in result.stderr


def test_no_web_framework_is_imported(tmp_path: Path) -> None:
    script = f"""if True:
        import sys
        from reichatd.cli import main
        try:
            main({["doctor", *SHORT_IDLE]!r})
        finally:
            print({{"quart", "flask", "jinja2", "reichatd.api", "reichatd.daemon"}} & set(sys.modules))
    """
    environ = environment(tmp_path, {"REICHATD_SERVER_PORT": "0"})
    result = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=False)
    assert result.stdout.endswith("\nset()\n"), result.stdout
