"""From the command to the verdict: what a person at a terminal waits for.

Each command runs several times in a process of its own. *Cold* runs have a cache directory that is
empty, as on the first day; *warm* ones have the user's, filled by one run that does not count.
SPIN's row is the whole way from a small Promela file to its verdict: another model, but the same
kind of wait. The interpreter's own start is the floor under ours.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.outcome import processor_seconds
from benchmarks.protocols.sizes import MEASURED
from benchmarks.spin import CONFIGURATIONS, run_spin
from benchmarks.spin import missing as missing_spin

CHECK = ("check", "kvm", "--operations", "munmap")
SPIN_STATES = 1 << 18


@dataclass(frozen=True, slots=True)
class Timing:
    """All runs of one command, or why there are none."""

    name: str
    seconds: tuple[float, ...] = ()
    """of the wall clock"""
    busy: tuple[float, ...] = ()
    """of processors, user and system: what is left of the wall when nobody else is there"""
    skipped: str | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def time_commands(runs: int) -> list[Timing]:
    """Everything this file measures, our rows first."""
    program = Path(sys.executable).parent / "shootdown"
    label = f"shootdown {' '.join(CHECK)}"
    return [
        time_ours("shootdown --help", program, ("--help",), runs),
        time_ours(f"{label}, warm", program, CHECK, runs),
        time_ours(f"{label}, cold", program, CHECK, max(runs // 2, 2), cold=True),
        _timed("python, doing nothing", runs, lambda: _run([sys.executable, "-c", ""])),
        _spin(max(runs // 2, 2)),
    ]


def time_ours(
    name: str, program: Path, arguments: tuple[str, ...], runs: int, cold: bool = False
) -> Timing:
    if not program.exists():
        return Timing(name, skipped=f"there is no {program}: `make setup` installs it")
    words = [str(program), *arguments]
    first = _run(words)
    if first.returncode:
        said = (first.stderr or first.stdout).strip().splitlines()
        return Timing(name, skipped=f"exit {first.returncode}: {said[-1] if said else ''}")
    return (
        _timed(name, runs, lambda: _run_cold(words))
        if cold
        else _timed(name, runs, lambda: _run(words))
    )


def _spin(runs: int) -> Timing:
    instance, configuration = MEASURED[0], CONFIGURATIONS[0]
    name = f"spin, cc and pan: {instance.name}"
    reason = missing_spin()
    if reason:
        return Timing(name, skipped=reason)
    return _timed(name, runs, lambda: run_spin(instance, configuration, SPIN_STATES))


def _timed(name: str, runs: int, action: Callable[[], object]) -> Timing:
    seconds, busy = [], []
    for _ in range(runs):
        began, before = time.perf_counter(), processor_seconds()
        action()
        seconds.append(time.perf_counter() - began)
        busy.append(processor_seconds() - before)
    return Timing(name, tuple(seconds), tuple(busy))


def _run(words: list[str], **changes: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **changes}
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def _run_cold(words: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="shootdown-cold-") as cache:
        _run(words, XDG_CACHE_HOME=cache)
