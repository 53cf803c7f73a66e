"""The files for containers agree with the daemon, the systemd unit and each other. etc/container/try builds and runs the image."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from reichatd.cli.settings_loader import load
from reichatd.settings import ServerSettings
from reichatd.settings.problems import SettingsError

ROOT = Path(__file__).parents[2]
CONTAINER = ROOT / "etc" / "container"
CONTAINERFILE = (CONTAINER / "Containerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((CONTAINER / "compose.yaml").read_text())
DAEMON: dict[str, Any] = COMPOSE["services"]["reichatd"]
CADDY: dict[str, Any] = COMPOSE["services"]["caddy"]
UNIT = (ROOT / "systemd" / "reichatd.service").read_text()


def instructions(name: str) -> list[str]:
    """The arguments of each instruction of this name, in order, without comments and line breaks."""
    lines = re.sub(r"^#.*\n", "", CONTAINERFILE, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    return [" ".join(line.split()[1:]) for line in lines if line.startswith(f"{name} ")]


def environment(tmp_path: Path) -> dict[str, str]:
    """The variables that the image sets, with paths in `tmp_path`."""
    (variables,) = instructions("ENV")
    found = dict(pair.split("=", 1) for pair in variables.split())
    return found | {"HOME": str(tmp_path), "STATE_DIRECTORY": str(tmp_path), "CREDENTIALS_DIRECTORY": str(tmp_path)}


def test_the_image_keeps_its_data_in_a_volume_and_is_not_root() -> None:
    assert instructions("USER") == ["10001:10001"]
    assert instructions("VOLUME") == ["/var/lib/reichatd"]
    assert f"STATE_DIRECTORY={instructions('VOLUME')[0]}" in instructions("ENV")[0]
    assert instructions("STOPSIGNAL") == ["SIGTERM"]
    assert instructions("ENTRYPOINT") == ['["reichatd"]'], "without a shell: the daemon itself gets SIGTERM"
    assert instructions("CMD") == ['["serve"]']


def test_the_image_has_the_required_python() -> None:
    (base,) = instructions("ARG")
    match = re.fullmatch(r"BASE=docker\.io/library/python:(3\.\d+)-slim-bookworm", base)
    assert match
    assert f'requires-python = ">={match[1]}"' in (ROOT / "pyproject.toml").read_text()


def test_the_image_listens_on_the_network_only_if_it_is_secured_or_allowed(tmp_path: Path) -> None:
    given = environment(tmp_path)
    with pytest.raises(SettingsError) as caught:
        load(None, given)
    assert [problem.key for problem in caught.value.problems] == ["server.host"]
    loaded = load(None, given | {"REICHATD_SERVER_INSECURE": "true"})
    assert loaded.settings.server.hosts == ("0.0.0.0",)
    assert instructions("EXPOSE") == [str(loaded.settings.server.port)]


def test_secrets_are_read_where_container_engines_put_them(tmp_path: Path) -> None:
    assert "CREDENTIALS_DIRECTORY=/run/secrets " in instructions("ENV")[0]
    for name in re.findall(r"^#   ([\w.-]+): \{file:", (CONTAINER / "compose.yaml").read_text(), re.MULTILINE):
        (tmp_path / name).write_text("x" * 32)
    variables = {"REICHATD_SERVER_INSECURE": "true", "REICHATD_MAIL_USERNAME": "chat"}
    loaded = load(None, environment(tmp_path) | variables)
    assert loaded.sources["auth.secret_key_file"] == "credential secret.key"
    assert loaded.sources["mail.password_file"] == "credential mail-password"


def test_the_settings_of_compose_are_valid(tmp_path: Path) -> None:
    variables = {
        name: re.sub(r"\$\{CHAT_NAME[^}]*\}", "chat.example.org", text) for name, text in DAEMON["environment"].items()
    }
    server = load(None, environment(tmp_path) | variables).settings.server
    assert server.public_url == "https://chat.example.org"
    assert not server.insecure
    assert server.trusted_proxies == (CADDY["networks"]["chat"]["ipv4_address"],)
    assert CADDY["environment"]["CHAT_UPSTREAM"] == f"reichatd:{server.port}"
    assert "ports" not in DAEMON, "a client that bypasses Caddy has no TLS"


def test_compose_confines_the_daemon_and_lets_it_stop() -> None:
    assert (DAEMON["read_only"], DAEMON["cap_drop"], DAEMON["tmpfs"]) == (True, ["ALL"], ["/tmp"])
    assert DAEMON["security_opt"] == ["no-new-privileges:true"]
    assert DAEMON["restart"] == CADDY["restart"] == "unless-stopped"
    assert float(DAEMON["stop_grace_period"].removesuffix("s")) > ServerSettings().drain_seconds
    assert f"TimeoutStopSec={DAEMON['stop_grace_period'].removesuffix('s')}\n" in UNIT
    assert f"LimitNOFILE={DAEMON['ulimits']['nofile']}\n" in UNIT
    assert instructions("VOLUME")[0] in [volume.partition(":")[2] for volume in DAEMON["volumes"]]
    assert instructions("HEALTHCHECK"), "Caddy waits for it"


def test_files_and_volumes_of_compose_exist() -> None:
    context = CONTAINER / DAEMON["build"]["context"]
    assert (context / DAEMON["build"]["dockerfile"]).is_file()
    for service in DAEMON, CADDY:
        for source, _, _ in (volume.partition(":") for volume in service["volumes"]):
            assert (CONTAINER / source).is_file() if source.startswith(".") else source in COMPOSE["volumes"]
    caddyfile = (ROOT / "etc" / "caddy" / "Caddyfile").read_text()
    assert all(f"{{${name}:" in caddyfile for name in CADDY["environment"])


def test_the_build_context_has_the_sources_of_the_wheel() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    shown = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert all(any(file == name or file.startswith(f"{name}/") for file in files) for name in shown)
    project = (ROOT / "pyproject.toml").read_text()
    made_of = re.findall(r'^"([^"]+)" = "reichatd/files/', project, re.MULTILINE)
    assert made_of
    assert shown == {"reichatd", "pyproject.toml", "README.md", "LICENSE", *made_of}
