"""Metrics and readiness, and the dashboard and alert rules in etc/, which use no other metrics."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families

from reichatd.rate_limits import Action
from tests.client import http_client, open_room, registered_users
from tests.end_to_end.conftest import stored_in_mongodb
from tests.mongod import Mongod
from tests.process import DaemonProcess, running

ETC = Path(__file__).parents[2] / "etc"
READY_SECONDS = 1
"""A healthy store on a busy machine answers within this time."""
WATCHED = {
    "REICHATD_METRICS_ENABLED": "true",
    "REICHATD_METRICS_PORT": "0",
    "REICHATD_SERVER_READY_SECONDS": str(READY_SECONDS),
}
FINE = {"daemon": "ok", "store": "ok", "scribe": "ok"}


def monitor(daemon: DaemonProcess) -> httpx.AsyncClient:
    """A client of the port for metrics, which the daemon has printed."""
    return http_client(re.findall(r"metrics   (http://127\.0\.0\.1:\d+)/metrics", daemon.output)[-1])


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


class Numbers:
    """One scrape."""

    def __init__(self, text: str) -> None:
        self._samples = samples(text)
        self.names = {name for name, _ in self._samples}

    def __call__(self, name: str, **labels: str) -> float:
        return self._samples[f"reichatd_{name}", frozenset(labels.items())]


async def scrape(client: httpx.AsyncClient) -> str:
    response = await client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain")
    return response.text


def promtool(*arguments: str, text: str = "") -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    result = subprocess.run([program, *arguments], input=text, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout + result.stderr


async def test_metrics_count_events(tmp_path: Path, storage: dict[str, str]) -> None:
    async with (
        running(tmp_path, **storage, **WATCHED) as daemon,
        registered_users(daemon, 2) as (ada, bob),
        monitor(daemon) as client,
    ):
        room_id = await open_room(ada, bob)
        assert (await ada.try_login("wrong password")).status_code == 400
        assert (await ada.http.post("/login", json={"email": "x@example.org", "password": "x" * 9})).status_code == 404
        async with ada.talk(room_id) as one, bob.talk(room_id) as other:
            for talk in (one, other):
                await talk.start_listening()
            for number in (1, 2, 3):
                assert await one.post("text", f"nonce {number}") == number
            assert await one.post("text", "nonce 3") == 3
            await other.latest(3)
            text = await scrape(client)
            now = Numbers(text)
            assert now("connections") == 2
            assert now("live_rooms") == 1
            assert now("lagging_readers") == 0
            assert now("tcp_connections") >= 2
            assert now("posts_total", outcome="stored") == 3
            assert now("posts_total", outcome="repeated") == 1
            assert now("posts_total", outcome="failed") == 0
            assert now("deliveries_total") == 6
            assert now("commit_duration_seconds_count") == 4
            assert now("broadcast_duration_seconds_count") == 3
            assert 0 < now("commit_duration_seconds_sum") < 60
            assert now("store_errors_total", kind="unavailable") == 0
            assert now("logins_total", outcome="ok") == 2
            assert now("logins_total", outcome="invalid_password") == 1
            assert now("logins_total", outcome="user_not_found") == 1
            for action in Action:
                assert now("refusals_total", limit=action.value) == 0
            assert now("mail_queue_letters") == 0
            assert now("letters_total", outcome="sent") == 2
            assert "process_resident_memory_bytes" in now.names
            await other.send("listen_latest", after_id=3, after_change=0)
            await other.receive("caught_up")
            for nonce in ("first", "again"):
                await one.send("react", message_id=1, emoji="👍", nonce=nonce)
                await one.receive("ack")
            await other.receive("reactions_changed")
            now = Numbers(text := await scrape(client))
            assert now("changes_total", outcome="changed") == 1
            assert now("changes_total", outcome="unchanged") == 1
            assert now("changes_delivered_total") == 1
        promtool("check", "metrics", text=text)
        with trio.fail_after(20):
            while not Numbers(await scrape(client))("event_loop_delay_seconds_count"):
                pass


async def test_dashboard_and_alerts_use_exactly_the_metrics_that_exist(tmp_path: Path) -> None:
    async with running(tmp_path, **WATCHED) as daemon, monitor(daemon) as client:
        names = Numbers(await scrape(client)).names
    dashboard = json.loads((ETC / "grafana" / "reichatd.json").read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    alerts = (ETC / "prometheus" / "reichatd.rules.yml").read_text(encoding="utf-8")
    queries += re.findall(r"^ +expr: (.+)$", alerts, re.MULTILINE)
    asked = {name for query in queries for name in re.findall(r"\b(?:reichatd|process)_\w+", query)}
    assert asked
    assert asked <= names
    shown = {re.sub(r"_(bucket|count|sum|created)$", "", name) for name in names if name.startswith("reichatd_")}
    assert shown == {name.removesuffix("_bucket") for name in asked if name.startswith("reichatd_")}


def test_alert_rules_are_valid() -> None:
    promtool("check", "rules", str(ETC / "prometheus" / "reichatd.rules.yml"))


@pytest.mark.parametrize(("sent", "alerts"), [("0+0x60", 1), ("0+1x60", 0)])
def test_refused_mail_is_an_alert_unless_other_mail_is_sent(tmp_path: Path, sent: str, alerts: int) -> None:
    test = {
        "interval": "1m",
        "input_series": [
            {"series": f'reichatd_letters_total{{instance="here",outcome="{outcome}"}}', "values": values}
            for outcome, values in {"refused": "0+1x60", "sent": sent}.items()
        ],
        "promql_expr_test": [
            {
                "expr": 'count(ALERTS{alertname="ReichatdMailRefused"}) or vector(0)',
                "eval_time": "30m",
                "exp_samples": [{"labels": "{}", "value": alerts}],
            }
        ],
    }
    check_alerts(tmp_path, test)


@pytest.mark.parametrize(
    ("limit", "refusals", "alert", "alerts"),
    [
        ("login", "0+120x60", "ReichatdUnderSiege", 1),
        ("login", "0+6x60", "ReichatdUnderSiege", 0),
        ("min_free_bytes", "0+120x60", "ReichatdUnderSiege", 0),
        ("min_free_bytes", "0+6x60", "ReichatdDiskAlmostFull", 1),
        ("login", "0+120x60", "ReichatdDiskAlmostFull", 0),
    ],
)
def test_many_refusals_are_an_alert(tmp_path: Path, limit: str, refusals: str, alert: str, alerts: int) -> None:
    """Two a second, and one in ten seconds."""
    test = {
        "interval": "1m",
        "input_series": [
            {"series": f'reichatd_refusals_total{{instance="here",limit="{name}"}}', "values": values}
            for name, values in {limit: refusals, "mail": "0+0x60"}.items()
        ],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)',
                "eval_time": "30m",
                "exp_samples": [{"labels": "{}", "value": alerts}],
            }
        ],
    }
    check_alerts(tmp_path, test)


def check_alerts(directory: Path, test: dict[str, Any]) -> None:
    rules = {"rule_files": [str(ETC / "prometheus" / "reichatd.rules.yml")], "tests": [test]}
    file = directory / "test.yml"
    file.write_text(json.dumps(rules), encoding="utf-8")  # JSON is YAML, too
    promtool("test", "rules", str(file))


async def test_the_metrics_port_serves_nothing_else(tmp_path: Path) -> None:
    async with running(tmp_path, **WATCHED) as daemon, monitor(daemon) as client:
        assert (await client.get("/healthz")).json() == {"message": "ok"}
        assert (await client.get("/user")).status_code == 404
        assert (await client.post("/metrics")).status_code == 405
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
        assert (await client.get("/ws/chat/room", headers=upgrade)).status_code == 404
        async with http_client(daemon.url) as public:
            assert (await public.get("/metrics")).status_code == 404


async def test_metrics_are_off_by_default(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        assert "/metrics" not in daemon.output


async def ready(client: httpx.AsyncClient) -> tuple[int, Mapping[str, Any]]:
    response = await client.get("/readyz")
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code, response.json()


async def ready_when(
    client: httpx.AsyncClient, condition: Callable[[dict[str, str]], bool]
) -> tuple[int, Mapping[str, Any]]:
    """Asks until the checks meet the condition; returns that answer."""
    with trio.fail_after(30):
        while not condition((answer := await ready(client))[1]["checks"]):
            pass
        return answer


async def test_readiness_follows_the_store(tmp_path: Path) -> None:
    late = {
        "store": f"an answer takes longer than {READY_SECONDS} s",
        "scribe": f"a commit takes longer than {READY_SECONDS} s",
    }
    with Mongod(replica_set=False) as mongod, stored_in_mongodb(mongod.uri) as storage:
        async with (
            running(tmp_path, **storage, **WATCHED, REICHATD_STORAGE_MONGODB_TIMEOUT_SECONDS="10") as daemon,
            registered_users(daemon, 1) as (ada,),
            monitor(daemon) as client,
        ):
            room_id = await open_room(ada)
            async with ada.talk(room_id) as talk:
                await talk.receive("initial_state")
                assert await ready(client) == (200, {"message": "ok", "checks": FINE})
                os.kill(mongod.pid, signal.SIGSTOP)
                try:
                    await talk.send("message", content="waits")
                    status, body = await ready_when(client, lambda checks: checks == FINE | late)
                    assert (status, body["code"]) == (503, "not_ready")
                    assert body["message"] == f"Not ready: store: {late['store']}; scribe: {late['scribe']}"
                    assert await ready(ada.http) == (status, body)
                    assert (await ada.http.get("/healthz")).json() == {"message": "ok"}
                finally:
                    os.kill(mongod.pid, signal.SIGCONT)
                assert (await ready_when(client, lambda checks: checks == FINE))[0] == 200
            mongod.kill()
            await ready_when(client, lambda checks: checks["store"] == "failing")
            assert Numbers(await scrape(client))("store_errors_total", kind="unavailable") > 0
            mongod.restart()
            assert (await ready_when(client, lambda checks: checks == FINE))[0] == 200


def size_of_write_ahead_log(directory: Path) -> int:
    [file] = directory.rglob("*.sqlite3-wal")
    return file.stat().st_size


async def test_readiness_follows_the_disk(tmp_path: Path) -> None:
    async with running(tmp_path, **WATCHED) as daemon, registered_users(daemon, 1) as (ada,), monitor(daemon) as client:
        room_id = await open_room(ada)
        async with ada.talk(room_id) as talk:
            assert await talk.post("text", "1") == 1
            before = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)
            # As on a disk with room for two more pages of the write-ahead log. (The daemon's output may grow: it is smaller.)
            nearly_full = size_of_write_ahead_log(tmp_path) + 2 * 4096
            resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (nearly_full, before[1]))
            await talk.send("message", content="lost", nonce="2")
            assert (await talk.receive("error"))["code"] == "unavailable"
            for _ in range(2):  # the second answer must be the same
                status, body = await ready_when(client, lambda checks: checks["scribe"] == "commits fail")
                assert (status, body["checks"]) == (503, FINE | {"scribe": "commits fail"})
            resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, before)
            assert (await ready_when(client, lambda checks: checks == FINE))[0] == 200, "without a new post"
            assert await talk.post("text", "2") == 2
        assert '"event": "not ready"' in daemon.output
