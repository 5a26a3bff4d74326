"""What threads need to wait for one another, for numba: atomic words, a pause, a sleep.

Every access here is sequentially consistent: what a thread wrote before it stored or added is seen
by whoever loads the new value, and two threads that each store one word and then load the other's
cannot both miss. Addresses are those of 64-bit words of an array that outlives the threads.

A sleep is the futex of Linux, called through libc's `syscall`, whose address and number the caller
passes in (so that the machine code can be cached). Where the number is not known the call fails at
once, and those who wait just look more often.
"""

# ruff: noqa: PLR0917 (compiled functions have positions, not names)
from __future__ import annotations

import ctypes
import platform
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

_I64 = ir.IntType(64)
_POINTER = ir.PointerType()
_PAUSES: dict[str, tuple[str, list[int]]] = {
    "x86_64": ("llvm.x86.sse2.pause", []),
    "aarch64": ("llvm.aarch64.hint", [1]),
}
_FUTEXES = {"x86_64": 202, "aarch64": 98, "riscv64": 98, "ppc64le": 221, "s390x": 238}
_WAIT_PRIVATE, _WAKE_PRIVATE = 128, 129


def futex_number() -> int:
    """The system call's number on this machine; -1 if it is not known here."""
    return _FUTEXES.get(platform.machine(), -1)


def syscall_address() -> int:
    """Where libc's `syscall` lies in this process."""
    return ctypes.cast(ctypes.CDLL(None).syscall, ctypes.c_void_p).value or 0


def _load(typing: Any, address: Any) -> Any:
    """The word at an address."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        pointer = builder.inttoptr(values[0], _POINTER)
        return builder.load_atomic(pointer, "seq_cst", 8, typ=_I64)

    return types.int64(types.int64), generate


def _store(typing: Any, address: Any, value: Any) -> Any:
    """Put a word at an address."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        pointer = builder.inttoptr(values[0], _POINTER)
        builder.atomic_rmw("xchg", pointer, values[1], "seq_cst")
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


def _add(typing: Any, address: Any, amount: Any) -> Any:
    """Add to the word at an address; what it was before."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        pointer = builder.inttoptr(values[0], _POINTER)
        return builder.atomic_rmw("add", pointer, values[1], "seq_cst")

    return types.int64(types.int64, types.int64), generate


def _pause(typing: Any) -> Any:
    """Tell the processor that this thread only waits."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        name, operands = _PAUSES.get(platform.machine(), ("", []))
        if name:
            word = ir.IntType(32)
            shape = ir.FunctionType(ir.VoidType(), [word] * len(operands))
            insert: Any = cgutils.get_or_insert_function
            builder.call(insert(builder.module, shape, name), [word(o) for o in operands])
        return context.get_dummy_value()

    return types.void(), generate


def _futex(typing: Any, syscall: Any, number: Any, word: Any, what: Any, value: Any, t: Any) -> Any:
    """`syscall(number, word, what, value, t)`."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        shape = ir.FunctionType(_I64, [_I64] * 5)
        called = builder.inttoptr(values[0], shape.as_pointer())
        return builder.call(called, values[1:])

    return types.int64(*[types.int64] * 6), generate


load: Any = intrinsic(_load)
store: Any = intrinsic(_store)
add: Any = intrinsic(_add)
pause: Any = intrinsic(_pause)
_call_futex: Any = intrinsic(_futex)


@njit(inline="always")
def sleep(syscall: int, number: int, word: int, value: int, time: int) -> None:
    """Sleep while the low half of a word has a value, for at most the timespec at `time`."""
    _call_futex(syscall, number, word, _WAIT_PRIVATE, value & 0xFFFFFFFF, time)


@njit(inline="always")
def wake(syscall: int, number: int, word: int) -> None:
    """Wake everybody who sleeps on a word."""
    _call_futex(syscall, number, word, _WAKE_PRIVATE, 0x7FFFFFFF, 0)
