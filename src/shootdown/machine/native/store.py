"""The memory of a search: states, what tells their parents, the table, and what all that weighs.

Everything is reserved once, at the size it may have in the end, and nothing ever moves (see
`arena`): what is not used costs nothing. Only the table is built again when it is full: emptied,
made longer, and refilled from the states, all in its place, so growing never needs two tables at
once. A small table doubles; a large one grows by a quarter, so that in
the end it is at least 70 percent full. Per state that makes

    the state   as many bytes as it has use for (see `states`)
     0.25       `firsts`: one 32-bit number for every 16 states
     4.6 to 5.7 the table, between 70 and 87 percent full

bytes; a limit on memory becomes a limit on states, again with each new table, so it is kept
exactly and without looking.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING

from shootdown.machine.native.arena import Arena
from shootdown.machine.native.compiled import Shape
from shootdown.machine.native.sizes import LINE
from shootdown.program.layout import Layout

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FIRST_LINES = 4096
MOST_STATES = (1 << 32) - (1 << 20)
"""numbers in the table have 32 bits, and some room is left for numbers of states on their way"""

_SMALL, _MEDIUM = 1 << 20, 1 << 25


def fullest(lines: int) -> int:
    """The most states a table takes with so many lines."""
    slots = lines * LINE
    return slots // 2 if slots < _SMALL else slots // 8 * 7


def lines_for(count: int) -> int:
    """The fewest lines that take so many states."""
    lines = FIRST_LINES
    while fullest(lines) < count:
        lines = more_lines(lines)
    return lines


def more_lines(lines: int) -> int:
    """The next size of a table."""
    return lines * 2 if lines * LINE < _MEDIUM else lines * 5 // 4


def shape_of(layout: Layout) -> Shape:
    """As few bytes as hold what any field of the last word reaches."""
    fields = [field for frame in layout.actors for row in frame.registers for _, field in row]
    fields += [frame.pc for frame in layout.actors]
    fields += [slots.at(index) for slots in layout.variables for index in range(slots.length)]
    last = layout.words - 1
    bits = max((f.shift + f.bits for f in fields if f.word == last and f.bits), default=0)
    return Shape(layout.words, last * 8 + max(-(-bits // 8), 1))


class Store:
    """Arrays for at most `most` states of a shape, with a table that grows in place."""

    def __init__(self, shape: Shape, group: int, most: int, margin: int, other: int) -> None:
        """`margin`: states that must find room in the table beyond those there are; `other`: bytes
        that the search uses elsewhere.

        Raises:
            OSError: if not even a few states can be reserved.
        """
        self.shape = shape
        self.group = group
        self.margin = margin
        self.other = other
        self.most = most
        self.lines = FIRST_LINES
        self._reserve()

    def _reserve(self) -> None:
        """Half as many states while the process may not have so many addresses."""
        while True:
            arenas: list[Arena] = []
            try:
                arenas.append(Arena(self.most * self.shape.size, "B"))
                arenas.append(Arena(self.most // self.group + 1, "I"))
                slots = lines_for(self.most + self.margin) * LINE
                arenas.append(Arena(slots, "I"))
            except OSError:
                for arena in arenas:
                    arena.close()
                if self.most < self.margin:
                    raise
                self.most //= 2
            else:
                self.states, self.firsts, self.table = arenas
                return

    def close(self) -> None:
        """Give all memory back."""
        for arena in (self.states, self.firsts, self.table):
            arena.close()

    def state(self, number: int) -> tuple[int, ...]:
        """The words of a state."""
        words, size = self.shape
        stored = bytes(self.states.array[number * size : (number + 1) * size])
        return struct.unpack(f"<{words}Q", stored.ljust(words * 8, b"\0"))

    def rows(self, start: int, stop: int) -> NDArray[np.uint64]:
        """The words of the states with numbers from `start` to before `stop`, a row each."""
        import numpy as np

        words, size = self.shape
        stored = self.states.array[start * size : stop * size]
        narrow = np.frombuffer(stored, np.uint8).reshape(-1, size)
        wide = np.zeros((len(narrow), words * 8), "B")
        wide[:, :size] = narrow
        return wide.view("<u8").astype(np.uint64, copy=False)

    def put_first(self, states: Iterable[tuple[int, ...]]) -> None:
        """Make the words of some states the first ones."""
        words, size = self.shape
        narrow = b"".join(struct.pack(f"<{words}Q", *state)[:size] for state in states)
        self.states.array[: len(narrow)] = narrow

    @property
    def fullest(self) -> int:
        """The most states the table takes at its size."""
        return fullest(self.lines)

    @property
    def low(self) -> int:
        """A mask for the number in an entry, as wide as numbers get before the table grows."""
        return (1 << (self.fullest + self.margin + 1).bit_length()) - 1

    def memory(self, count: int, lines: int | None = None) -> int:
        """Bytes in use with so many states (and a table of that size)."""
        groups = -(-count // self.group)
        slots = (lines or self.lines) * LINE
        return count * self.shape.size + groups * 4 + slots * 4 + self.other

    def affordable(self, limit: int, lines: int | None = None) -> int:
        """The most states that stay within a limit on memory while the table has its size."""
        per_group = self.group * self.shape.size + 4
        return max(limit - self.memory(0, lines), 0) // per_group * self.group

    def within(self, limit: int) -> int:
        """The most states that a limit on memory allows, tables that grow included."""
        lines = self.lines
        while True:
            count = max(min(fullest(lines) - self.margin, self.affordable(limit, lines)), 0)
            larger = more_lines(lines)
            if larger * LINE > len(self.table.array) or self.memory(count, larger) > limit:
                return count
            lines = larger

    def grow(self, count: int, limit: int) -> bool:
        """Empty the table and make it larger, to be refilled; False where a limit on memory forbids
        it."""
        lines = more_lines(self.lines)
        while fullest(lines) < count + self.margin:
            lines = more_lines(lines)
        if lines * LINE > len(self.table.array) or self.memory(count, lines) > limit:
            return False
        ctypes.memset(self.table.address, 0, self.lines * LINE * 4)
        self.lines = lines
        return True
