"""Our search, in a process of its own: this module is both the one that asks and the one that runs.

A process of its own, because that is what SPIN gets: its memory is fresh, and its total time has a
beginning and an end that mean the same. The search itself is timed after a tiny other search has
loaded the compiled loop, as SPIN's clock starts when its program has been loaded.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, replace

from benchmarks.outcome import Outcome, processor_seconds
from benchmarks.protocols.sizes import Instance
from shootdown.machine.reductions import Reductions
from shootdown.machine.result import Engine, SearchResult
from shootdown.machine.search import search

EVERY_STATE = replace(Reductions.none(), merge=True, dead_variables=True)
"""SPIN searches without its reductions, and so do we. What is merged into one step and when a local
is set to 0 stands in the Promela, where our compiler finds it."""

WARM_UP = Instance("shadow", (1, 1, 1, 1))


class SearchFailedError(RuntimeError):
    """The child did not come back with a result."""


def run_ours(instance: Instance, workers: int = 1) -> Outcome:
    """Start a process for one search; its total is the life of that process."""
    request = json.dumps({"workers": workers, **asdict(instance)})
    began, before = time.perf_counter(), processor_seconds()
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks.ours", request],
        capture_output=True,
        text=True,
        check=False,
    )
    total, busy = time.perf_counter() - began, processor_seconds() - before
    if child.returncode:
        raise SearchFailedError(child.stderr)
    found = Outcome(**json.loads(child.stdout))
    return replace(found, total_seconds=total, total_busy=busy)


def search_here(instance: Instance, engine: Engine = "native", workers: int = 1) -> Outcome:
    """The search in this process."""
    before = time.process_time()
    result = search(instance.build(), engine=engine, workers=workers, reductions=EVERY_STATE)
    return _outcome(result, workers, time.process_time() - before)


def _outcome(result: SearchResult, workers: int, busy: float) -> Outcome:
    return Outcome(
        tool="shootdown",
        configuration=result.engine,
        cores=workers,
        holds=result.verdict == "holds",
        states=result.states,
        transitions=result.transitions,
        depth=len(result.path) or result.depth,
        search_seconds=result.seconds,
        total_seconds=result.seconds,
        search_busy=busy,
        total_busy=busy,
        memory=result.memory,
    )


def main() -> None:
    """The child: one request on the command line, one outcome on standard output."""
    request = json.loads(sys.argv[1])
    workers = request.pop("workers")
    instance = Instance(request["protocol"], tuple(request["sizes"]), request["careless"])
    search_here(WARM_UP)
    print(json.dumps(asdict(search_here(instance, workers=workers))))


if __name__ == "__main__":
    main()
