"""Measures the figures of reichatd, and compares them with their targets. Machines are shared and noisy: medians count.

    python -m tests.bench.figures [NAME…] [--rounds 3] [--quick] [--json] [--scratch DIRECTORY]

Some need a C compiler, Node with npm, or the mongod of the test extra. Each figure takes a minute or two per round.
"""

import argparse
import resource
import sys
from pathlib import Path

import msgspec

from tests.bench import (
    backups,
    behind,
    changes,
    conversations,
    elsewhere,
    feed,
    followers,
    hot_rooms,
    other_figures,
    tickets,
    user_sockets,
)
from tests.bench.targets import Figure, Result, open_run, results

FIGURES = {
    figure.name: figure
    for figure in [
        *conversations.FIGURES,
        *changes.FIGURES,
        *other_figures.FIGURES,
        *followers.FIGURES,
        *feed.FIGURES,
        *behind.FIGURES,
        *elsewhere.FIGURES,
        *hot_rooms.FIGURES,
        *tickets.FIGURES,
        *user_sockets.FIGURES,
        *backups.FIGURES,
    ]
}
_QUICK = 0.1


def main() -> int:
    """Prints each figure as soon as it is measured, or all of them as JSON. Returns 1 if a target was missed, else 0."""
    parser = argparse.ArgumentParser(
        description="Measure the figures of reichatd, and compare them with their targets."
    )
    parser.add_argument("figures", nargs="*", metavar="NAME", help=f"of {', '.join(FIGURES)}; all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the work: shows whether it works, not how well"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--scratch", type=Path, help="where to keep what takes long to create: built peers, full stores"
    )
    options = parser.parse_args()
    if unknown := set(options.figures) - set(FIGURES):
        parser.error(f"there is no figure {', '.join(sorted(unknown))}")
    chosen = [FIGURES[name] for name in options.figures or FIGURES]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    measured: list[Result] = []
    with open_run(_QUICK if options.quick else 1.0, options.scratch) as run:
        for figure in chosen:
            new = list(results(figure, options.rounds, run))
            measured += new
            if not options.json:
                show(figure, new)
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(measured)).decode())
    return int(any(result.met is False for result in measured))


def show(figure: Figure, measured: list[Result]) -> None:
    print(f"\n{figure.name}: {figure.what} ({measured[0].machine})")
    for result in measured:
        value = f"{result.measured:,.4g}" if result.measured < 10_000 else f"{result.measured:,.0f}"
        verdict = {True: "met", False: "NOT MET", None: ""}[result.met]
        rounds = " ".join(f"{each:,.4g}" for each in result.rounds)
        print(f"  {value:>10} {result.unit:5} {result.asked:18} {verdict:7}  {result.what} ({rounds})", flush=True)


if __name__ == "__main__":
    sys.exit(main())
