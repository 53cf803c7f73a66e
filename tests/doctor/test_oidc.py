"""The doctor's findings about the provider of logins."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doctor.examination import Examination
from tests.oidc_provider import OidcProvider

HERE = {"REICHATD_SERVER_PUBLIC_URL": "https://chat.example.invalid", "REICHATD_SERVER_PORT": "0"}


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    with OidcProvider() as provider:
        yield provider


def examine(directory: Path, provider: OidcProvider, **changes: str) -> Examination:
    environ = provider.environment(directory) | HERE | changes
    return Examination(directory, "--idle", "0.1", **environ)


def test_a_provider_that_works(tmp_path: Path, provider: OidcProvider) -> None:
    found = examine(tmp_path, provider)
    assert found.area("oidc") == {"issuer": "ok", "flow": "ok", "signatures": "ok", "secret": "ok"}
    assert "https://chat.example.invalid/oidc/callback" in found["oidc.issuer"].text
    assert found["files.client_secret_file"].level == "ok"


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ({"issuer": "https://127.0.0.1/"}, "oidc.issuer"),
        ({"response_types_supported": ["id_token"]}, "oidc.flow"),
        ({"code_challenge_methods_supported": ["plain"]}, "oidc.flow"),
        ({"id_token_signing_alg_values_supported": ["HS256"]}, "oidc.signatures"),
        ({"jwks_uri": "http://127.0.0.1/jwks"}, "oidc.issuer"),
    ],
)
def test_a_provider_that_cannot_work(
    tmp_path: Path, provider: OidcProvider, metadata: dict[str, Any], code: str
) -> None:
    provider.metadata = metadata
    assert examine(tmp_path, provider)[code].level == "error"


def test_files_that_are_missing(tmp_path: Path, provider: OidcProvider) -> None:
    missing = str(tmp_path / "missing")
    for key in ("CLIENT_SECRET_FILE", "CA_FILE"):
        found = examine(tmp_path, provider, **{f"REICHATD_AUTH_OIDC_{key}": missing})
        assert found["oidc.files"].level == "error"
        assert missing in found["oidc.files"].text


def test_a_provider_whose_certificate_is_not_trusted(tmp_path: Path, provider: OidcProvider) -> None:
    found = examine(tmp_path, provider, REICHATD_AUTH_OIDC_CA_FILE="", REICHATD_AUTH_OIDC_CLIENT_SECRET_FILE="")
    assert found["oidc.issuer"].level == "error"
    assert "certificate" in found["oidc.issuer"].text.lower()
