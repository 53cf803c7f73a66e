"""The scenario `siege`: what honest users feel while others try to wear the daemon down.

It is no measurement of how much a machine can handle, but of whether the limits on clients hold. So the daemon has the default
limits, and the attacks only ever go to the private daemon that the bench has started itself.
"""

import time
from typing import NamedTuple

from reichatd.bench.scenarios import Row, decoded_outcome, load_process
from reichatd.bench.specs import Attack, AttackOutcome, Honest, HonestOutcome, Latency, Outcome
from reichatd.bench.target import PrivateTarget

NAME = "siege"
WHAT = "what honest users feel under attack"

_PHASE_SECONDS = 5.0
_LEAST_SECONDS = 1.0
_HEAD_START_SECONDS = 0.7
"""Attacks last longer than honest users act, by this much, and begin earlier."""
_SAMPLE_SECONDS = 0.2
"""How often the daemon's memory is measured."""
_RECOVERED_SECONDS = 0.05
"""A daemon that answers within this time has recovered from an attack."""


class _Plan(NamedTuple):
    """An attack: its name, in how many connections, from how many addresses."""

    attack: str
    clients: int
    spread: bool = False


_PLANS = (
    _Plan("guesses", 80),
    _Plan("room passwords", 40),
    _Plan("codes", 40),
    _Plan("mails", 20),
    _Plan("rooms", 100),
    _Plan("connections", 5000, spread=True),
    _Plan("frames", 100),
    _Plan("posts", 20),
    _Plan("fetches", 50),  # after the posts, which it fetches
)


def run(target: PrivateTarget, scale: float) -> list[Row]:
    """Takes a minute at scale 1, and two at most.

    Arguments:
        target: a daemon with the default limits on clients.
        scale: 1 for all of the work, 0.1 for a tenth.

    Returns: for each attack, how long each action of an honest user took, and how much more than in calm times; the attempts of the
    attackers; the daemon's memory at most.
    """
    seconds = max(_LEAST_SECONDS, _PHASE_SECONDS * scale)
    honest = _honest(target, seconds)
    mallory = target.as_another("mallory")
    request = mallory.rooms(1)
    private_room = target.private_room()
    calm, _ = _feel(target, honest)
    rows = [_row("calm", name, outcome, outcome.latency) for name, outcome in calm.actions.items()]
    for plan in _PLANS:
        attack = Attack(
            host=target.host,
            port=target.port,
            requests=request,
            clients=max(1, int(plan.clients * scale)) if plan.spread else plan.clients,
            seconds=seconds + 2 * _HEAD_START_SECONDS,
            attack=plan.attack,
            email=target.account["email"],
            token=mallory.token,
            room=private_room,
            spread=plan.spread,
        )
        with load_process(attack) as attackers:
            time.sleep(_HEAD_START_SECONDS)
            felt, peak_kib = _feel(target, honest)
            attempts = decoded_outcome(attackers, AttackOutcome)
        rows += [_row(plan.attack, name, outcome, calm.actions[name].latency) for name, outcome in felt.actions.items()]
        recovery = _recover(target, 2 * seconds)
        rows += [
            _attempts(plan.attack, attempts, attack.seconds),
            _figure(plan.attack, "memory of the daemon at most", round(peak_kib / 1024), "MiB"),
            _figure(plan.attack, "until the daemon answers at once again", round(recovery, 1), "s"),
        ]
    return rows


def _honest(target: PrivateTarget, seconds: float) -> Honest:
    return Honest(
        host=target.host,
        port=target.port,
        requests=target.rooms(1),
        clients=1,
        seconds=seconds,
        token=target.token,
        email=target.account["email"],
        password=target.account["password"],
    )


def _feel(target: PrivateTarget, honest: Honest) -> tuple[HonestOutcome, int]:
    """What the honest user felt, and the most memory that the daemon had meanwhile, in KiB."""
    peak = 0
    with load_process(honest) as process:
        while process.poll() is None:
            peak = max(peak, target.resident_kib())
            time.sleep(_SAMPLE_SECONDS)
        return decoded_outcome(process, HonestOutcome), peak


def _row(attack: str, action: str, outcome: Outcome, calm: Latency) -> Row:
    ratio = round(outcome.latency.p99 / calm.p99, 1) if calm.p99 else 0.0
    return Row(f"{NAME}: {attack}", f"honest: {action}", ratio, "x calm p99", outcome.latency, outcome.lost)


def _attempts(attack: str, attempts: AttackOutcome, seconds: float) -> Row:
    outcomes = sorted(attempts.outcomes.items())
    what = ", ".join(f"{name}: {count:,}" for name, count in outcomes)
    return _figure(attack, what, round(sum(attempts.outcomes.values()) / seconds), "attempts/s")


def _figure(attack: str, what: str, figure: float, unit: str) -> Row:
    return Row(f"{NAME}: {attack}", what, figure, unit, Latency(), 0)


def _recover(target: PrivateTarget, seconds: float) -> float:
    """Waits until the daemon has done what the attack left behind, at most `seconds`; returns how long that took."""
    begun = time.monotonic()
    while (asked := time.monotonic()) - begun < seconds:
        target.call("GET", "/healthz")
        if time.monotonic() - asked < _RECOVERED_SECONDS:
            return asked - begun
    return seconds
