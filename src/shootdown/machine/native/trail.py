"""Who found a state: from the numbers in `firsts` back to the parent.

`bfs` says why that is possible. The group is found by bisection; its states are expanded again,
in order, and the first that has the wanted successor is the parent, since states are found by
the first that leads to them.
"""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

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
        firsts, groups = store.firsts.array, -(-head // group)
        if head % group == 0 and head < store.most and firsts[head // group]:
            groups += 1  # a search that was cut may have begun to expand this state
        self._firsts: NDArray[np.uint32] = firsts[:groups]
        self._out = np.empty((code.room + 1, store.shape.words), np.uint64)
        self._marks = code.new_marks()

    def back(self, number: int, starts: int) -> list[int]:
        """The numbers of the states from a start to this one."""
        trail = [number]
        while trail[-1] >= starts:
            trail.append(self._parent(trail[-1]))
        return trail[::-1]

    def state(self, number: int) -> Words:
        """The words of a state."""
        return tuple(self._row(number).tolist())

    def _row(self, number: int) -> NDArray[np.uint64]:
        row: NDArray[np.uint64] = self._store.rows(number, number + 1)[0]
        return row

    def _parent(self, number: int) -> int:
        group = int(np.searchsorted(self._firsts, np.uint32(number), "right")) - 1
        wanted = self._row(number)
        for parent in range(group * self.group, min((group + 1) * self.group, self.head + 1)):
            if parent < number and (self._successors(parent) == wanted).all(axis=1).any():
                return parent
        raise AssertionError(f"state {number} has no parent in group {group}")

    def _successors(self, number: int) -> NDArray[np.uint64]:
        arrays = (self._row(number), self._out, self._marks)
        answer = self._expand(*(array.ctypes.data for array in arrays))
        return self._out[: answer & _COUNT_MASK]
