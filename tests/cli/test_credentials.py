"""Secrets that systemd passes as credentials."""

from pathlib import Path

import pytest

from reichatd.cli.daemon_configuration import configuration
from reichatd.cli.secret import load_secret
from reichatd.cli.settings_loader import load
from reichatd.settings import SettingsError
from tests.cli.conftest import Home


@pytest.fixture
def credentials(home: Home, tmp_path: Path) -> dict[str, str]:
    """The environment of a service, with an empty directory of credentials."""
    directory = tmp_path / "credentials"
    directory.mkdir()
    return {"CREDENTIALS_DIRECTORY": str(directory), "STATE_DIRECTORY": str(home.data)}


def put(credentials: dict[str, str], name: str, content: str) -> Path:
    path = Path(credentials["CREDENTIALS_DIRECTORY"], name)
    path.write_text(content)
    path.chmod(0o444)  # systemd protects the directory
    return path


SMTP = {"REICHATD_MAIL_BACKEND": "smtp", "REICHATD_MAIL_USERNAME": "chat"}
OIDC = {
    "REICHATD_AUTH_OIDC_ISSUER": "https://login.example.org",
    "REICHATD_AUTH_OIDC_CLIENT_ID": "chat",
    "REICHATD_SERVER_PUBLIC_URL": "https://chat.example.org",
}


def test_all_credentials_are_found(credentials: dict[str, str]) -> None:
    put(credentials, "secret.key", "s" * 32 + "\n")
    put(credentials, "mail-password", "hunter2\n")
    put(credentials, "oidc-secret", "hunter3\n")
    loaded = load(None, credentials | SMTP | OIDC)
    assert load_secret(loaded) == b"s" * 32
    assert configuration(loaded).mail_password == "hunter2"
    oidc = configuration(loaded).oidc
    assert oidc is not None
    assert oidc.secret == "hunter3"
    assert loaded.sources["auth.secret_key_file"] == "credential secret.key"
    assert loaded.sources["mail.password_file"] == "credential mail-password"


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_blank_or_missing_credential_counts_as_none(credentials: dict[str, str], content: str | None) -> None:
    if content is not None:
        put(credentials, "secret.key", content)
        put(credentials, "mail-password", content)
    loaded = load(None, credentials)
    assert loaded.paths.secret_file == Path(credentials["STATE_DIRECTORY"], "secret.key")
    assert load_secret(loaded) == loaded.paths.secret_file.read_bytes().strip()
    assert loaded.settings.mail.password_file == ""


def test_other_sources_override_a_credential(credentials: dict[str, str], tmp_path: Path) -> None:
    put(credentials, "secret.key", "s" * 32)
    put(credentials, "mail-password", "hunter2")
    file = tmp_path / "reichatd.toml"
    other = tmp_path / "other"
    other.write_text("o" * 32)
    other.chmod(0o400)
    file.write_text(f'[auth]\nsecret_key_file = "{other}"\n')
    environ = credentials | SMTP | {"REICHATD_MAIL_PASSWORD_FILE": str(other)}
    loaded = load(file, environ)
    assert load_secret(loaded) == b"o" * 32
    assert configuration(loaded).mail_password == "o" * 32
    assert load_secret(load(file, environ | {"SECRET_KEY": "e" * 32})) == b"e" * 32


def test_a_mail_password_needs_a_username(credentials: dict[str, str]) -> None:
    put(credentials, "mail-password", "hunter2")
    with pytest.raises(SettingsError, match=r"mail\.username: found nothing") as caught:
        load(None, credentials)
    assert "hunter2" not in str(caught.value)


def test_an_unreadable_credential_does_not_lead_to_a_new_secret(credentials: dict[str, str]) -> None:
    Path(credentials["CREDENTIALS_DIRECTORY"], "secret.key").mkdir()
    with pytest.raises(SettingsError) as caught:
        load(None, credentials)
    assert "credential secret.key: auth.secret_key_file: found" in str(caught.value)
    assert "Is a directory" in str(caught.value)
