import pytest

from reichatd.settings import Auth, Limits, Mail, Metrics, MongoDB, Server, Settings, Storage
from reichatd.settings.problems import Problem
from reichatd.settings.rules import broken_rules


def broken(settings: Settings) -> list[str]:
    return [problem.key for problem in broken_rules(settings)]


def mongodb(uri: str, database: str) -> Storage:
    return Storage(mongodb=MongoDB(uri=uri, database=database))


def test_the_defaults_break_no_rule() -> None:
    assert broken(Settings()) == []


@pytest.mark.parametrize(
    "server",
    [
        Server(host="0.0.0.0", insecure=True),
        Server(host="0.0.0.0", trusted_proxies=("10.0.0.1",)),
        Server(host="0.0.0.0", tls_cert="a", tls_key="b"),
        Server(host=("127.0.0.1", "[::1]", "unix:/run/a.sock")),
    ],
)
def test_others_may_reach_a_server_that_is_guarded_or_told_to_be_insecure(server: Server) -> None:
    assert broken(Settings(server=server)) == []


def test_plain_http_beyond_this_machine_says_what_to_do() -> None:
    [problem] = broken_rules(Settings(server=Server(host=("127.0.0.1", "0.0.0.0"))))
    assert problem.key == "server.host"
    assert problem.found.startswith('"0.0.0.0", which other machines can reach')
    for way_out in ("server.tls_cert", "server.trusted_proxies", "server.insecure = true"):
        assert way_out in problem.allowed


@pytest.mark.parametrize(
    ("settings", "keys"),
    [
        (Settings(server=Server(tls_cert="a")), ["server.tls_key"]),
        (Settings(server=Server(tls_key="a")), ["server.tls_cert"]),
        (Settings(server=Server(trusted_proxies=("10.0.0.0/8", "::1", "2001:db8::/32", "unix"))), []),
        # A proxy that comes by the Unix socket guards nothing of what comes by the network.
        (Settings(server=Server(host=("unix:/a", "::"), trusted_proxies=("unix",))), ["server.host"]),
        (Settings(server=Server(host=("unix:/a", "::"), trusted_proxies=("unix", "10.0.0.1"))), []),
        (Settings(server=Server(host="127.0.0.1:8000")), ["server.host"] * 2),
        (Settings(server=Server(host=())), ["server.host"]),
        (
            Settings(server=Server(host=("[::1]", "[::1", "fe80::1%lo")), metrics=Metrics(host="::1:9464:x")),
            ["server.host"] * 3 + ["metrics.host"],
        ),
        (Settings(server=Server(trusted_proxies=("10.0.0.1/8", "::1", "proxy"))), ["server.trusted_proxies"] * 2),
        (Settings(storage=mongodb("mongodb://h/chat", "")), []),
        (Settings(storage=mongodb("mongodb://h/chat", "chat")), []),
        (Settings(storage=mongodb("mongodb://u:p@h/admin", "chat")), []),
        (Settings(storage=mongodb("mongodb://h/chat", "other")), ["storage.mongodb.database"]),
        (Settings(auth=Auth(secret_key="x" * 31)), ["auth.secret_key"]),
        (Settings(auth=Auth(secret_key="x" * 32)), []),
        (Settings(auth=Auth(secret_key="ä" * 16)), []),
        (Settings(auth=Auth(argon2_memory_kib=31, argon2_parallelism=4)), ["auth.argon2_memory_kib"]),
        (Settings(auth=Auth(argon2_memory_kib=32, argon2_parallelism=4)), []),
        (Settings(mail=Mail(username="a")), ["mail.password_file"]),
        *((Settings(mail=Mail(ehlo=name)), []) for name in ("", "a.example.org", "[192.0.2.1]", "[IPv6:2001:db8::1]")),
        *(
            (Settings(mail=Mail(ehlo=name)), ["mail.ehlo"])
            for name in ("[192.0.2]", "[2001:db8::1]", "[IPv6:192.0.2.1]")
        ),
        (Settings(mail=Mail(password_file="a")), ["mail.username"]),
        (Settings(mail=Mail(username="a", password_file="a", tls="none")), []),
        (Settings(mail=Mail(username="a", password_file="a", tls="none", host="mail.example.org")), ["mail.tls"]),
        (Settings(limits=Limits(password_min=129)), ["limits.password_min"]),
        (Settings(limits=Limits(username_min=9, username_max=8)), ["limits.username_min"]),
        (Settings(limits=Limits(room_id_min=9, room_id_max=8)), ["limits.room_id_min"]),
        (Settings(limits=Limits(message_chars=6000)), ["limits.frame_bytes"]),
        (Settings(limits=Limits(message_chars=6000, frame_bytes=100_000)), []),
        (Settings(limits=Limits(room_description_max=10_000)), ["limits.body_bytes"]),
    ],
)
def test_keys_that_must_fit_each_other(settings: Settings, keys: list[str]) -> None:
    assert broken(settings) == keys


def test_a_rule_that_looks_at_a_doubtful_key_says_nothing() -> None:
    settings = Settings(server=Server(host="0.0.0.0", tls_key="a"))
    assert [problem.key for problem in broken_rules(settings, {"server.insecure"})] == ["server.tls_cert"]


def test_a_problem_is_one_line() -> None:
    problem = Problem("a.b", "x\ny", "a\x1bz", "file \u2028")
    assert str(problem) == "file \\u2028: a.b: found x\\u000ay; allowed: a\\u001bz"
