"""Which processors the threads of a search run on: one each, and on cores of their own if they can.

Threads of a search wait for one another some hundred times a second, for a few microseconds at a
time. A kernel that takes such threads for light work may put them all on one processor, where they
only take turns, so each is tied to a processor for as long as the crew lives. Nothing is tied where
there are more threads than processors, or where the system knows no such ties.

The leader stays where it is; the others follow it in the order of numbers. Threads of others are
not tied, so the kernel moves those away if they are in the way; two crews of different processes
may meet on a processor, which costs time and nothing else.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

Places = frozenset[int]

_TOPOLOGY = Path("/sys/devices/system/cpu")


def allowed() -> Places:
    """The processors that the calling thread may use; none if the system does not say."""
    try:
        return frozenset(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return frozenset()


def choose(workers: int, among: Places, first: int, cores: dict[int, str]) -> Sequence[int]:
    """A processor for each worker, beginning with the one that is closest after `first`, no core
    twice before all have been used; empty if there are too few. `cores` names the core of each."""
    if workers > len(among):
        return ()
    in_turn = sorted(among, key=lambda cpu: (cpu < first, cpu))
    used: dict[str, int] = {}
    ranked = []
    for place, cpu in enumerate(in_turn):
        core = cores.get(cpu, str(cpu))
        ranked.append((used.get(core, 0), place, cpu))
        used[core] = used.get(core, 0) + 1
    return [cpu for _, _, cpu in sorted(ranked)[:workers]]


def places_for(workers: int) -> Sequence[int]:
    """A processor for each worker of a crew that the calling thread leads; or none at all."""
    among = allowed()
    return choose(workers, among, _current(), {cpu: _core(cpu) for cpu in among})


def tie(places: Places) -> None:
    """Let the calling thread run there only. Where that is forbidden it goes on as before."""
    with suppress(AttributeError, OSError):
        os.sched_setaffinity(0, places)


def _current() -> int:
    """Where the calling thread runs."""
    return max(int(ctypes.CDLL(None).sched_getcpu()), 0)


def _core(cpu: int) -> str:
    """A name for the core of a processor."""
    try:
        return (_TOPOLOGY / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text("ascii")
    except OSError:
        return str(cpu)
