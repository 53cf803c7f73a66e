import pytest

from reichatd.settings import (
    AuthSettings,
    LimitSettings,
    MailSettings,
    MetricsSettings,
    MongoDBSettings,
    OidcSettings,
    ServerSettings,
    Settings,
    StorageSettings,
)
from reichatd.settings.problems import SettingsProblem
from reichatd.settings.rules import broken_rules


def broken(settings: Settings) -> list[str]:
    return [problem.key for problem in broken_rules(settings)]


def mongodb(uri: str, database: str) -> StorageSettings:
    return StorageSettings(mongodb=MongoDBSettings(uri=uri, database=database))


def with_heartbeats(heartbeat_seconds: float, lease_seconds: float) -> Settings:
    mongodb = MongoDBSettings(heartbeat_seconds=heartbeat_seconds, lease_seconds=lease_seconds)
    return Settings(storage=StorageSettings(mongodb=mongodb))


def test_the_defaults_break_no_rule() -> None:
    assert broken(Settings()) == []


@pytest.mark.parametrize(
    "server",
    [
        ServerSettings(host="0.0.0.0", insecure=True),
        ServerSettings(host="0.0.0.0", trusted_proxies=("10.0.0.1",)),
        ServerSettings(host="0.0.0.0", tls_cert="a", tls_key="b"),
        ServerSettings(host=("127.0.0.1", "[::1]", "unix:/run/a.sock")),
    ],
)
def test_a_server_may_be_reachable_with_tls_or_a_proxy_or_if_insecure_is_set(server: ServerSettings) -> None:
    assert broken(Settings(server=server)) == []


def test_the_problem_of_plain_http_to_other_machines_says_what_to_do() -> None:
    [problem] = broken_rules(Settings(server=ServerSettings(host=("127.0.0.1", "0.0.0.0"))))
    assert problem.key == "server.host"
    assert problem.found.startswith('"0.0.0.0", which other machines can reach')
    for way_out in ("server.tls_cert", "server.trusted_proxies", "server.insecure = true"):
        assert way_out in problem.allowed


@pytest.mark.parametrize(
    ("settings", "keys"),
    [
        (Settings(server=ServerSettings(tls_cert="a")), ["server.tls_key"]),
        (with_heartbeats(4.0, 12.0), []),
        (with_heartbeats(4.1, 12.0), ["storage.mongodb.lease_seconds"]),
        (Settings(server=ServerSettings(tls_key="a")), ["server.tls_cert"]),
        (Settings(server=ServerSettings(trusted_proxies=("10.0.0.0/8", "::1", "2001:db8::/32", "unix"))), []),
        # A proxy on the Unix socket does not protect connections from the network.
        (Settings(server=ServerSettings(host=("unix:/a", "::"), trusted_proxies=("unix",))), ["server.host"]),
        (Settings(server=ServerSettings(host=("unix:/a", "::"), trusted_proxies=("unix", "10.0.0.1"))), []),
        (Settings(server=ServerSettings(host="127.0.0.1:8000")), ["server.host"] * 2),
        (Settings(server=ServerSettings(host=())), ["server.host"]),
        (
            Settings(
                server=ServerSettings(host=("[::1]", "[::1", "fe80::1%lo")), metrics=MetricsSettings(host="::1:9464:x")
            ),
            ["server.host"] * 3 + ["metrics.host"],
        ),
        (
            Settings(server=ServerSettings(trusted_proxies=("10.0.0.1/8", "::1", "proxy"))),
            ["server.trusted_proxies"] * 2,
        ),
        (Settings(storage=mongodb("mongodb://h/chat", "")), []),
        (Settings(storage=mongodb("mongodb://h/chat", "chat")), []),
        (Settings(storage=mongodb("mongodb://u:p@h/admin", "chat")), []),
        (Settings(storage=mongodb("mongodb://h/chat", "other")), ["storage.mongodb.database"]),
        (Settings(auth=AuthSettings(secret_key="x" * 31)), ["auth.secret_key"]),
        (Settings(auth=AuthSettings(secret_key="x" * 32)), []),
        (Settings(auth=AuthSettings(secret_key="ä" * 16)), []),
        (Settings(auth=AuthSettings(argon2_memory_kib=31, argon2_parallelism=4)), ["auth.argon2_memory_kib"]),
        (Settings(auth=AuthSettings(argon2_memory_kib=32, argon2_parallelism=4)), []),
        (Settings(auth=AuthSettings(oidc=OidcSettings(client_secret_file="a"))), []),
        (
            Settings(auth=AuthSettings(oidc=OidcSettings(issuer="https://a", scopes=()))),
            ["auth.oidc.client_id", "auth.oidc.scopes", "server.public_url"],
        ),
        (
            Settings(
                auth=AuthSettings(oidc=OidcSettings(issuer="https://a", client_id="b")),
                server=ServerSettings(public_url="https://c"),
            ),
            [],
        ),
        (Settings(mail=MailSettings(username="a")), ["mail.password_file"]),
        *(
            (Settings(mail=MailSettings(ehlo=name)), [])
            for name in ("", "a.example.org", "[192.0.2.1]", "[IPv6:2001:db8::1]")
        ),
        *(
            (Settings(mail=MailSettings(ehlo=name)), ["mail.ehlo"])
            for name in ("[192.0.2]", "[2001:db8::1]", "[IPv6:192.0.2.1]")
        ),
        (Settings(mail=MailSettings(password_file="a")), ["mail.username"]),
        (Settings(mail=MailSettings(username="a", password_file="a", tls="none")), []),
        (
            Settings(mail=MailSettings(username="a", password_file="a", tls="none", host="mail.example.org")),
            ["mail.tls"],
        ),
        (Settings(limits=LimitSettings(password_min=129)), ["limits.password_min"]),
        (Settings(limits=LimitSettings(room_password_min=129)), ["limits.room_password_min"]),
        (Settings(limits=LimitSettings(username_min=9, username_max=8)), ["limits.username_min"]),
        (Settings(limits=LimitSettings(room_id_min=9, room_id_max=8)), ["limits.room_id_min"]),
        (Settings(limits=LimitSettings(message_chars=6000)), ["limits.frame_bytes"]),
        (Settings(limits=LimitSettings(message_chars=6000, frame_bytes=100_000)), []),
        (Settings(limits=LimitSettings(room_description_max=10_000)), ["limits.body_bytes"]),
    ],
)
def test_keys_that_depend_on_each_other(settings: Settings, keys: list[str]) -> None:
    assert broken(settings) == keys


def test_a_rule_about_a_key_with_an_invalid_value_is_not_applied() -> None:
    settings = Settings(server=ServerSettings(host="0.0.0.0", tls_key="a"))
    assert [problem.key for problem in broken_rules(settings, {"server.insecure"})] == ["server.tls_cert"]


def test_a_problem_is_printed_on_one_line() -> None:
    problem = SettingsProblem("a.b", "x\ny", "a\x1bz", "file \u2028")
    assert str(problem) == "file \\u2028: a.b: found x\\u000ay; allowed: a\\u001bz"
