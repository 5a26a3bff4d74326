"""The runner's native engine: a program's wide code, called through ctypes.

One call drives many rows, so what the call costs does not matter; ctypes lets go of the
interpreter lock.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from shootdown.machine.native.cache import cached, forget_all_but
from shootdown.machine.native.jit import MachineCode, ObjectCode, make_quick_object
from shootdown.machine.native.wide import emit_wide
from shootdown.machine.wide import Buffers, Making, Numbers, Pace, Status, WideLayout
from shootdown.program.program import Program

_POINTER = ctypes.c_void_p
_NUMBER = ctypes.c_int64
_PROTOTYPE = ctypes.CFUNCTYPE(
    _NUMBER, _POINTER, _POINTER, _POINTER, _POINTER, _NUMBER, _NUMBER, _POINTER
)


class NativeDriver:
    """Drives actors of one program in machine code."""

    def __init__(
        self,
        program: Program,
        layout: WideLayout,
        pace: Pace,
        making: Making,
    ) -> None:
        def emit() -> str:
            return emit_wide(program, layout, pace, making.check_bounds)

        kept = making.kept
        self._code = _kept_code(kept, emit) if kept else MachineCode(emit())
        self._drives = [
            _PROTOTYPE(self._code.function(f"drive_{n}")) for n in range(len(program.actors))
        ]

    def drive(self, buffers: Buffers, actor: int, digits: Numbers, board: Numbers) -> Status:
        """See `wide.Driver`."""
        arrays = (buffers.mm, buffers.machine, buffers.counters, digits)
        addresses = [array.ctypes.data for array in arrays]
        rows, width = digits.shape
        return Status(self._drives[actor](*addresses, rows, width, board.ctypes.data))


KEPT = 8
"""programs whose code is kept"""


def _kept_code(kept: str, emit: Callable[[], str]) -> ObjectCode:
    code = cached(f"wide-{kept}", lambda: make_quick_object(emit()))
    forget_all_but(KEPT, "wide-")
    return ObjectCode(code)
