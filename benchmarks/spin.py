"""SPIN over one instance: generate, compile, run, read what it prints.

Always exact and over the full space: `-DNOREDUCE`, no bitstate, no hash compaction. Within that it
gets every configuration below, a table that suits the number of states (which it could not know by
itself), and huge pages where the C library can ask for them. The fastest is the peer.

Its breadth-first search can use two cores (`-DBFS_PAR`), and is run so too. Its depth-first search
on two cores (`-DNCORE`) is left out: where it was tried it took three times as long as `-DBFS_PAR`.

SPIN searches depth first unless told otherwise; that is its fast mode and it gets it, although ours
is breadth first and yields the shortest counterexample.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.outcome import Outcome, processor_seconds
from benchmarks.protocols.sizes import Instance

EXACT = ("-DSAFETY", "-DNOREDUCE", "-DNOFAIR", "-DMEMLIM=16000", "-w")
NATIVE = ("-O3", "-march=native")
UNCHECKED = (*NATIVE, "-DNOBOUNDCHECK", "-DNOCOMP")
STACK = 10_000
"""steps a depth-first search may go deep, to begin with; they count as its memory, so there are no
more than a search turns out to need"""
_TOO_SHALLOW = "max search depth too small"


class SpinFailedError(RuntimeError):
    """SPIN, the compiler or the generated program failed; the message is theirs."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """One way to compile and run SPIN's verifier."""

    name: str
    flags: tuple[str, ...]
    huge_pages: bool = False
    cores: int = 1


CONFIGURATIONS = (
    Configuration("DFS O2", ("-O2",)),
    Configuration("DFS O3", NATIVE),
    Configuration("DFS O3 unchecked", UNCHECKED),
    Configuration("DFS O3 unchecked, huge pages", UNCHECKED, huge_pages=True),
    Configuration("BFS O3 unchecked", (*UNCHECKED, "-DBFS")),
    Configuration("BFS O3 unchecked, 2 cores", (*UNCHECKED, "-DBFS_PAR"), cores=2),
)
QUICKLY_MADE = Configuration("BFS -O0", ("-O0", "-DBFS"))
"""for tests, which search little"""


def missing() -> str | None:
    """What SPIN needs and is not here; None if it can run."""
    for tool, package in (("spin", "spin"), ("gcc", "gcc")):
        if shutil.which(tool) is None:
            return f"{tool} is not installed (Debian: apt-get install {package})"
    return None


class Verifier:
    """SPIN's program for one instance and one configuration: made once, run as often as wanted."""

    def __init__(self, instance: Instance, configuration: Configuration, folder: Path) -> None:
        self.configuration = configuration
        self.folder = folder
        self._depth = STACK
        began, before = time.perf_counter(), processor_seconds()
        _command(["spin", *instance.defines, "-a", str(instance.promela)], folder)
        _command(["gcc", *configuration.flags, *EXACT, "-o", "pan", "pan.c"], folder)
        self.making_seconds = time.perf_counter() - began
        self.making_busy = processor_seconds() - before

    def run(self, states: int) -> Outcome:
        """One search; `states` is how many there will be, to size the table. A search that needed
        more depth does not count: it is made again with ten times as much."""
        environment = dict(os.environ)
        if self.configuration.huge_pages:
            environment["GLIBC_TUNABLES"] = "glibc.malloc.hugetlb=1"
        cores, bits = self.configuration.cores, max(states.bit_length(), 16)
        shared = [f"-u{cores}"] if cores > 1 else []
        while True:
            began, before = time.perf_counter(), processor_seconds()
            words = ["./pan", f"-m{self._depth}", f"-w{bits}", *shared]
            text = _command(words, self.folder, environment)
            if _TOO_SHALLOW not in text or self._depth > states:
                break
            self._depth *= 10
        busy = processor_seconds() - before
        total = self.making_seconds + time.perf_counter() - began
        found = read_outcome(text, self.configuration, total)
        return replace(found, search_busy=busy, total_busy=self.making_busy + busy)


def run_spin(instance: Instance, configuration: Configuration, states: int) -> Outcome:
    """Everything from the Promela file to the outcome."""
    with tempfile.TemporaryDirectory(prefix="shootdown-spin-") as folder:
        return Verifier(instance, configuration, Path(folder)).run(states)


def _command(words: Sequence[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SpinFailedError(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def read_outcome(text: str, configuration: Configuration, total: float) -> Outcome:
    """The figures in what the verifier prints, counts with eight digits: exact below 1e8. What the
    processor was busy it does not print."""
    if _TOO_SHALLOW in text or "out of memory" in text:
        raise SpinFailedError(text)
    return Outcome(
        tool="spin",
        configuration=configuration.name,
        cores=configuration.cores,
        holds=_number(r"errors: (\d+)", text) == 0,
        states=int(_number(r"([\d.e+]+) states, stored", text)),
        transitions=int(_number(r"([\d.e+]+) transitions", text)) - 1,
        depth=_depth(text),
        search_seconds=_number(r"elapsed time ([\d.e+-]+)", text),
        total_seconds=total,
        search_busy=0.0,
        total_busy=0.0,
        memory=_memory(text),
    )


def _depth(text: str) -> int:
    """Steps to the deepest state; to a violation, with the step that is one."""
    failed_at = re.search(r"\(at depth (\d+)\)", text)
    return int(failed_at[1]) + 1 if failed_at else int(_number(r"depth reached (\d+)", text))


def _memory(text: str) -> int:
    """Bytes; what processes share is told apart from what each has."""
    own = _number(r"([\d.]+)\s+(?:memory usage \(Mbyte\)|total actual)", text)
    shared = re.search(r"([\d.]+)\s+total shared memory usage", text)
    return int((own + (float(shared[1]) if shared else 0.0)) * 2**20)


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if found is None:
        raise SpinFailedError(f"no {pattern!r} in:\n{text}")
    return float(found[1])
