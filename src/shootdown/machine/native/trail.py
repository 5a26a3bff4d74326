"""Who found a state: from the numbers in `firsts` back to the parent.

`bfs` says why that is possible. The group is found by bisection; its states are expanded again,
in order, and the first that has the wanted successor is the parent, since states are found by
the first that leads to them.
"""

from __future__ import annotations

import ctypes
from array import array
from bisect import bisect_right
from collections.abc import Iterator

from shootdown.machine.interpreter import Words
from shootdown.machine.native.packed import PackedCode
from shootdown.machine.native.store import Store

_POINTER = ctypes.c_void_p
_PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int64, _POINTER, _POINTER, _POINTER)
_COUNT_MASK = 0xFFFFFFFF


class Trail:
    """Finds parents among the states of a search that has expanded `head` states."""

    def __init__(
        self, expand: int, code: PackedCode, group: int, store: Store, *, head: int
    ) -> None:
        self._store = store
        self.group = group
        self.head = head
        self._expand = _PROTOTYPE(expand)
        self._groups = -(-head // group)
        if head % group == 0 and head < store.most and store.firsts.array[head // group]:
            self._groups += 1  # a search that was cut may have begun to expand this state
        self._out = array("Q", bytes((code.room + 1) * store.shape.words * 8))
        self._marks = code.new_marks()

    def back(self, number: int, starts: int) -> list[int]:
        """The numbers of the states from a start to this one."""
        trail = [number]
        while trail[-1] >= starts:
            trail.append(self._parent(trail[-1]))
        return trail[::-1]

    def state(self, number: int) -> Words:
        """The words of a state."""
        return self._store.state(number)

    def _parent(self, number: int) -> int:
        group = bisect_right(self._store.firsts.array, number, 0, self._groups) - 1
        wanted = self.state(number)
        for parent in range(group * self.group, min((group + 1) * self.group, self.head + 1)):
            if parent < number and wanted in self.successors(parent):
                return parent
        raise AssertionError(f"state {number} has no parent in group {group}")

    def successors(self, number: int) -> Iterator[Words]:
        """Of a state, in order."""
        words = self._store.shape.words
        arrays = (array("Q", self.state(number)), self._out, self._marks)
        answer = self._expand(*(one.buffer_info()[0] for one in arrays))
        for place in range(answer & _COUNT_MASK):
            yield tuple(self._out[place * words : (place + 1) * words])
