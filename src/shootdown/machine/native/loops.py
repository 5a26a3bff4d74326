"""Compiled functions as Python calls them: made once for each shape of state, kept, loaded.

Calls let go of the interpreter lock. Arrays go over by address, records as arrays of their fields,
which live here for as long as the call takes.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, TypeAlias

from shootdown.machine.native import bfs, control, phases, table, team
from shootdown.machine.native.cache import cached
from shootdown.machine.native.compiled import Shape
from shootdown.machine.native.jit import ObjectCode, make_object

Numbers: TypeAlias = "array[int]"
"""64-bit numbers with sign"""


class Module:
    """Some compiled functions for states of one shape; `name` is that of the file they are kept in.

    Their `Shape` is left out when they are called.
    """

    def __init__(self, name: str, functions: Sequence[Callable[..., Any]], shape: Shape) -> None:
        file = f"{name}-{shape.words}-{shape.size}.o"
        self.shape = shape
        self._code = ObjectCode(cached(file, lambda: _make(functions, shape)))
        self._callers: dict[str, Callable[..., int]] = {}

    def call(self, name: str, *arguments: Any) -> int:
        """Call a function with numbers, arrays and records of these."""
        if name not in self._callers:
            kinds = [ctypes.c_int64] * (len(arguments) + 1)
            self._callers[name] = ctypes.CFUNCTYPE(*kinds)(self._code.function(name))
        records: list[Numbers] = []
        return self._callers[name](*(_word(one, records) for one in arguments))


def _make(functions: Sequence[Callable[..., Any]], shape: Shape) -> bytes:
    from shootdown.machine.native.translate import Translation

    module = Translation(shape)
    for function in functions:
        module.entry(function)
    return make_object(module.text)


def _word(argument: Any, records: list[Numbers]) -> int:
    """An argument as 64 bits; the arrays that are made for it."""
    if isinstance(argument, array):
        return argument.buffer_info()[0]
    if isinstance(argument, tuple):
        fields = numbers(_word(field, records) for field in argument)
        records.append(fields)
        return fields.buffer_info()[0]
    return int(argument)


def numbers(values: Iterable[int]) -> Numbers:
    """An array of these numbers; addresses beyond half of all keep their bits."""
    return array("q", (value - (1 << 64) if value >> 63 > 0 else value for value in values))


def zeros(length: int) -> Numbers:
    """An array of so many zeros."""
    return array("q", bytes(length * 8))


class Loops:
    """The functions of `bfs`, and those of `team` for searches with many threads."""

    def __init__(self, shape: Shape) -> None:
        functions = (bfs.explore, bfs.refill, bfs.mark, table.tally, team.take_part)
        self.shape = shape
        self._module = Module("search", (*functions, control.announce, control.draw), shape)

    def explore(self, expand: int, room: int, arrays: bfs.Arrays, board: Numbers) -> None:
        """See `bfs.explore`."""
        self._module.call("explore", expand, room, arrays, board)

    def refill(self, arrays: bfs.Arrays, board: Numbers, start: int, stop: int) -> bool:
        """See `bfs.refill`."""
        return bool(self._module.call("refill", arrays, board, start, stop))

    def mark(self, expand: int, start: int, stop: int, arrays: bfs.Arrays) -> None:
        """See `bfs.mark`."""
        self._module.call("mark", expand, start, stop, arrays)

    def tally(self, entries: int, slots: int, low: int) -> tuple[int, int]:
        """See `table.tally`: how many, and the sum."""
        sums = zeros(1)
        return self._module.call("tally", entries, slots, low, sums), int(sums[0])

    def take_part(
        self,
        role: int,
        room: int,
        *,
        arrays: bfs.Arrays,
        own: bfs.Arrays,
        shared: phases.Shared,
        board: Numbers,
        control: Numbers,
    ) -> None:
        """See `team.take_part`."""
        self._module.call("take_part", role, room, arrays, own, shared, board, control)

    def announce(self, control: Numbers) -> None:
        """See `control.announce`."""
        self._module.call("announce", control)

    def draw(self, control: Numbers) -> int:
        """See `control.draw`."""
        return self._module.call("draw", control)


@cache
def load_loops(shape: Shape) -> Loops:
    """The loops for a shape; loaded once in a process."""
    return Loops(shape)
