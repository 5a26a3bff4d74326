"""One run of a program in this process: what every operation did, as plain as it was seen.

What is called here is all that happens in a process that was forked for a program, so it is kept
short: names are looked up and records made elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from shootdown.live.callbacks import CallbackLog
from shootdown.live.memory import PAGE
from shootdown.live.programs import Program, Range
from shootdown.live.region import Region
from shootdown.live.tracepoints import Tracepoint

STACK = 12
"""addresses of a call chain: the cause is among the innermost"""

Told = tuple[str, Range, tuple[int, ...]]
"""callback, pages, call chain"""

Row = tuple[
    int, list[Told], tuple[tuple[int, int, str, str, int], ...], tuple[tuple[int, int, str], ...]
]
"""of an operation: result, callbacks, VMAs, pages"""


def run_here(program: Program, tracepoints: Sequence[Tracepoint], room: int) -> list[Row]:
    """Every operation, with so many pages of room for events. What the program leaves behind
    outside its region stays.

    Raises:
        LostEventsError: if the room did not suffice.
    """
    low, high = program.base, program.base + program.pages * PAGE
    rows: list[Row] = []
    with (
        Region(low, program.pages) as region,
        CallbackLog(low, high, tracepoints, pages=room, stack=STACK) as log,
    ):
        for operation in program.operations:
            result = region.perform(operation)
            told: list[Told] = [
                (call.callback, _pages(low, call.start, call.end), call.addresses)
                for call in log.take()
            ]
            state = region.state()
            rows.append((result, told, state.vmas, state.pages))
        log.check()
    return rows


def _pages(base: int, start: int, end: int) -> Range:
    return (start - base) // PAGE, -((base - end) // PAGE)
