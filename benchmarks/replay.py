"""Replay: how fast a recorded workload goes through the checked program.

The workload is made here, from a fixed seed, so that it is the same everywhere: a program that
maps, protects, empties and unmaps regions of one to 64 pages, sixteen of them at a time, and now
and then forks a child that exits. Nothing else replays such a thing, so the peer is our own
reference interpreter, on a workload of the same make that it can finish.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from shootdown.drivers.catalogue import DRIVERS
from shootdown.machine.result import Engine
from shootdown.replay.run import replay
from shootdown.replay.script import Script
from shootdown.scenarios.kernels import default_kernel
from shootdown.traces.call import EXIT_MMAP, Call

NAMES = ("kvm", "sva")
"""one that mirrors the page table, one whose hardware walks it"""

PAGE = 4096
READ, READ_WRITE = 1, 3
PRIVATE_ANONYMOUS = 0x22
DONTNEED = 4
FIRST = 0x7F0000000000
SPACING = 64 * PAGE
REGIONS = 16
FORK_EVERY = 250
SEED = 20


@dataclass(frozen=True, slots=True)
class ReplayTiming:
    """One driver, one engine, one workload."""

    driver: str
    engine: Engine
    calls: int
    page_operations: int
    seconds: float

    @property
    def calls_per_second(self) -> float:
        return self.calls / self.seconds

    @property
    def page_operations_per_second(self) -> float:
        return self.page_operations / self.seconds


def workload(calls: int) -> Iterator[Call]:
    """About so many calls of one program and its children."""
    chance = random.Random(SEED)
    yield Call(0, 1, 1, "execve")
    mapped: dict[int, int] = {}
    for time in range(1, calls):
        slot = chance.randrange(REGIONS)
        start = FIRST + slot * SPACING
        if time % FORK_EVERY == 0:
            child = time + 1
            yield Call(time, 1, 1, "fork", child=child)
            yield Call(time, child, child, EXIT_MMAP)
        elif slot not in mapped:
            mapped[slot] = chance.randint(1, 64) * PAGE
            yield Call(
                time, 1, 1, "mmap", start, mapped[slot],
                protection=READ_WRITE, flags=PRIVATE_ANONYMOUS,
            )  # fmt: skip
        else:
            yield from _change(time, start, mapped, slot, chance)


def _change(
    time: int, start: int, mapped: dict[int, int], slot: int, chance: random.Random
) -> Iterator[Call]:
    """Something that happens to a mapped region."""
    match chance.randrange(4):
        case 0:
            yield Call(time, 1, 1, "munmap", start, mapped.pop(slot))
        case 1:
            yield Call(time, 1, 1, "madvise", start, mapped[slot], advice=DONTNEED)
        case 2:
            yield Call(time, 1, 1, "mprotect", start, mapped[slot], protection=READ)
        case _:
            yield Call(time, 1, 1, "mprotect", start, mapped[slot], protection=READ_WRITE)


def time_replays(native_calls: int, python_calls: int) -> list[ReplayTiming]:
    """For each driver the native engine, then the interpreter."""
    return [
        one
        for name in NAMES
        for one in (_time(name, "native", native_calls), _time(name, "python", python_calls))
    ]


def _time(name: str, engine: Engine, calls: int) -> ReplayTiming:
    driver = DRIVERS[name]
    kernel = default_kernel(driver)
    assert kernel is not None
    script = Script(lambda: workload(calls))
    bill = replay(script, [(name, driver, kernel)], "made for the benchmark", engine=engine)
    return ReplayTiming(name, engine, script.outline.calls, bill.page_operations, bill.seconds)
