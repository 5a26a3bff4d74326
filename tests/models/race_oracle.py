"""Data races of small programs found by trying everything, without any of the machinery.

A thread is a list of operations. What `lines` writes as a model in the language, `races` runs here:
one operation after the other, in all orders, on plain Python values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Element = tuple[str, int]
Race = tuple[str, frozenset[int]]
"""a variable and the lines of both accesses"""


@dataclass(frozen=True)
class Op:
    """One line of a thread. `skip` is how many operations after it belong to its block."""

    text: str
    kind: str
    name: str = ""
    index: int | None = 0
    """None: what the thread read last"""
    value: int = 0
    skip: int = 0


@dataclass(frozen=True)
class Access:
    """What happens next to one element."""

    element: Element
    write: bool
    marked: bool
    line: int


HEADER = """from shootdown import *

class M(Model):
    def __init__(self):
        self.a = Flag()
        self.b = Flag(True)
        self.i = Int(0, 1)
        self.cells = Array(Flag, 2)
        self.at = Atomic(Flag())
        self.mutex = Mutex()
        self.rw = RwLock()

    @indivisible
    def hardware(self):
        x = self.a
        self.cells[self.i] = True
"""
HARDWARE = 15
"""its first line"""
START = {("a", 0): 0, ("b", 0): 1, ("i", 0): 0, ("cells", 0): 0, ("cells", 1): 0, ("at", 0): 0}


def source(threads: list[list[Op]]) -> tuple[str, list[list[int]]]:
    """The model as text, and the line of every operation."""
    rows = HEADER.splitlines()
    lines: list[list[int]] = []
    for number, thread in enumerate(threads):
        rows += ["", "    @thread", f"    def thread{number}(self):"]
        lines.append([])
        depth: list[int] = []
        for op in thread:
            rows.append("    " * (2 + len(depth)) + op.text)
            lines[-1].append(len(rows))
            depth = [left - 1 for left in depth]
            if op.skip:
                depth.append(op.skip)
            depth = [left for left in depth if left]
        rows.append("        pass")
    return "\n".join(rows) + "\n", lines


@dataclass(frozen=True)
class State:
    """Where every thread is, what it read last, and all values."""

    pcs: tuple[int, ...]
    last: tuple[int, ...]
    held: tuple[tuple[tuple[str, int], ...], ...]
    """(lock, end of its block) per thread"""
    values: tuple[tuple[Element, int], ...]


def races(threads: list[list[Op]], lines: list[list[int]]) -> set[Race]:
    """All of them."""
    start = State((0,) * len(threads), (0,) * len(threads), ((),) * len(threads),
                  tuple(START.items()))  # fmt: skip
    seen, work, found = {start}, [start], set()
    while work:
        state = work.pop()
        ahead = [list(_accesses(threads, lines, state, who)) for who in range(len(threads))]
        for first, accesses in enumerate(ahead):
            for others in ahead[first + 1 :]:
                found.update(_meetings(accesses, others))
        for who in range(len(threads)):
            following = _step(threads, state, who)
            if following is not None and following not in seen:
                seen.add(following)
                work.append(following)
    return found


def _meetings(accesses: list[Access], others: list[Access]) -> Iterator[Race]:
    for one in accesses:
        for two in others:
            conflict = one.element == two.element and (one.write or two.write)
            if conflict and not (one.marked and two.marked):
                yield one.element[0], frozenset((one.line, two.line))


def _accesses(
    threads: list[list[Op]], lines: list[list[int]], state: State, who: int
) -> Iterator[Access]:
    """What the next step of a thread touches."""
    pc, values = state.pcs[who], dict(state.values)
    if pc == len(threads[who]):
        return
    op, line = threads[who][pc], lines[who][pc]
    if op.kind == "hardware":
        yield Access(("a", 0), False, True, HARDWARE)
        yield Access(("i", 0), False, True, HARDWARE + 1)
        yield Access(("cells", values["i", 0]), True, True, HARDWARE + 1)
        return
    if op.kind in ("read", "write", "atomic", "branch", "marked read", "marked write"):
        index = state.last[who] if op.index is None else op.index
        element = op.name, index
        marked = op.kind.startswith(("marked", "atomic")) or op.name == "at"
        if op.kind == "atomic":
            yield Access(element, False, True, line)
        yield Access(element, op.kind in ("write", "atomic", "marked write"), marked, line)


def _step(threads: list[list[Op]], state: State, who: int) -> State | None:
    """The state after the next step of a thread, if it can take one."""
    pc = state.pcs[who]
    if pc == len(threads[who]):
        return None
    op, values, last, following = threads[who][pc], dict(state.values), state.last[who], pc + 1
    held = state.held[who]
    if op.kind in ("mutex", "rw read", "rw write"):
        if not _is_free(state, who, op.kind):
            return None
        held = (*held, (op.kind, pc + 1 + op.skip))
    elif op.kind == "hardware":
        values["cells", values["i", 0]] = 1
    elif op.kind in ("read", "marked read", "branch"):
        last = values[op.name, state.last[who] if op.index is None else op.index]
        if op.kind == "branch" and not last:
            following = pc + 1 + op.skip
    else:
        values[op.name, state.last[who] if op.index is None else op.index] = op.value
    held = tuple(row for row in held if row[1] > following)
    return State(
        _put(state.pcs, who, following),
        _put(state.last, who, last),
        _put(state.held, who, held),
        tuple(values.items()),
    )


def _is_free(state: State, who: int, kind: str) -> bool:
    others = [lock for number, row in enumerate(state.held) if number != who for lock, _ in row]
    if kind == "mutex":
        return "mutex" not in others
    if kind == "rw read":
        return "rw write" not in others
    return not {"rw read", "rw write"} & set(others)


def _put(row, at, value):
    return (*row[:at], value, *row[at + 1 :])
