"""`python -m benchmarks.run`: measures, prints tables, writes benchmarks/out/bench.json.

Nothing here asserts a time. States that are not counted equally end with exit code 1: then the two
did not search the same thing, and their times say nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from benchmarks.command import Timing, time_commands
from benchmarks.machine import describe_machine
from benchmarks.protocols.sizes import LARGE, MEASURED
from benchmarks.race import Race, race
from benchmarks.replay import time_replays
from benchmarks.spin import CONFIGURATIONS, missing
from benchmarks.tables import command_table, replay_table, search_table

OUT = Path(__file__).resolve().parent / "out"
PARTS = ("search", "command", "replay")
WIDTH = 160
NATIVE_CALLS, PYTHON_CALLS = 40_000, 400
"""replayed by each engine: a few seconds of either"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    wanted = _parser().parse_args(arguments)
    console = Console(width=WIDTH)
    report: dict[str, object] = {"format": "shootdown.bench/1", "machine": describe_machine()}
    races: list[Race] = []
    if "search" in wanted.parts:
        races = _search(console, wanted.rounds, wanted.large)
        report["search"] = [_race_record(one) for one in races]
    if "command" in wanted.parts:
        timings = time_commands(wanted.runs)
        console.print(command_table(timings))
        report["command"] = [_timing_record(timing) for timing in timings]
    if "replay" in wanted.parts:
        replays = time_replays(NATIVE_CALLS, PYTHON_CALLS)
        console.print(replay_table(replays))
        report["replay"] = [asdict(one) for one in replays]
    console.print(f"written to {_write(report)}")
    return 0 if all(one.counts_agree for one in races) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure")
    parser.add_argument("--rounds", type=int, default=3, help="searches of each kind (3)")
    parser.add_argument("--runs", type=int, default=7, help="runs of each command (7)")
    parser.add_argument("--large", action="store_true", help="also 1e7 to 5e7 states")
    return parser


def _search(console: Console, rounds: int, large: bool) -> list[Race]:
    reason = missing()
    if reason:
        console.print(f"without a peer: {reason}")
    configurations = () if reason else CONFIGURATIONS
    races = []
    for instance in (*MEASURED, *(LARGE if large else ())):
        print(f"{instance.name} …", file=sys.stderr)
        races.append(race(instance, configurations, rounds))
    console.print(search_table(races))
    return races


def _race_record(one: Race) -> dict[str, object]:
    return {**asdict(one), "counts_agree": one.counts_agree}


def _timing_record(timing: Timing) -> dict[str, object]:
    return {**asdict(timing), "median": timing.median if timing.seconds else None}


def _write(report: dict[str, object]) -> Path:
    OUT.mkdir(exist_ok=True)
    path = OUT / "bench.json"
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return path


if __name__ == "__main__":
    sys.exit(main())
