"""What threads need to wait for one another: atomic words, a pause, a sleep.

Every access here is sequentially consistent: what a thread wrote before it stored or added is seen
by whoever loads the new value, and two threads that each store one word and then load the other's
cannot both miss. Addresses are those of 64-bit words of an array that outlives the threads.

A sleep is the futex of Linux, called through libc's `syscall`, whose address and number the caller
passes in (so that the machine code can be kept). Where the number is not known the call fails at
once, and those who wait just look more often.
"""

from __future__ import annotations

import ctypes
import platform
from typing import TYPE_CHECKING

from shootdown.machine.native.compiled import Primitive, inlined
from shootdown.machine.native.primitives import element, pointer

if TYPE_CHECKING:
    from shootdown.machine.native.expressions import Expressions

_PAUSES = {
    "x86_64": ("llvm.x86.sse2.pause", "", ""),
    "aarch64": ("llvm.aarch64.hint", "i32", "i32 1"),
}
_FUTEXES = {"x86_64": 202, "aarch64": 98, "riscv64": 98, "ppc64le": 221, "s390x": 238}
_WAIT_PRIVATE, _WAKE_PRIVATE, _EVERYBODY = 128, 129, 0x7FFFFFFF


def futex_number() -> int:
    """The system call's number on this machine; -1 if it is not known here."""
    return _FUTEXES.get(platform.machine(), -1)


def syscall_address() -> int:
    """Where libc's `syscall` lies in this process."""
    return ctypes.cast(ctypes.CDLL(None).syscall, ctypes.c_void_p).value or 0


def _load(writer: Expressions, address: str) -> str:
    """The word at an address."""
    return writer.text.set(f"load atomic i64, ptr {pointer(writer, address)} seq_cst, align 8")


def _store(writer: Expressions, address: str, value: str) -> str:
    """Put a word at an address."""
    at = pointer(writer, address)
    writer.text.line(f"store atomic i64 {value}, ptr {at} seq_cst, align 8")
    return ""


def _add(writer: Expressions, address: str, amount: str) -> str:
    """Add to the word at an address; what it was before."""
    at = pointer(writer, address)
    return writer.text.set(f"atomicrmw add ptr {at}, i64 {amount} seq_cst")


def _load32(writer: Expressions, address: str, index: str) -> str:
    """An element of an array of 32-bit numbers without sign."""
    at = element(writer, 32, address, index)
    value = writer.text.set(f"load atomic i32, ptr {at} seq_cst, align 4")
    return writer.text.set(f"zext i32 {value} to i64")


def _exchange32(writer: Expressions, address: str, index: str, old: str, new: str) -> str:
    """Replace an element of such an array, if it is what it is thought to be; whether it was."""
    at = element(writer, 32, address, index)
    narrow = [writer.text.set(f"trunc i64 {value} to i32") for value in (old, new)]
    both = f"i32 {narrow[0]}, i32 {narrow[1]} seq_cst seq_cst"
    pair = writer.text.set(f"cmpxchg ptr {at}, {both}, align 4")
    done = writer.text.set(f"extractvalue {{ i32, i1 }} {pair}, 1")
    return writer.text.set(f"zext i1 {done} to i64")


def _pause(writer: Expressions) -> str:
    """Tell the processor that this thread only waits."""
    name, kind, operand = _PAUSES.get(platform.machine(), ("", "", ""))
    if name:
        writer.module.declare(f"void @{name}({kind})")
        writer.text.line(f"call void @{name}({operand})")
    return ""


def _futex(writer: Expressions, syscall: str, *operands: str) -> str:
    """`syscall(number, word, what, value, time)`."""
    given = ", ".join(f"i64 {operand}" for operand in operands)
    return writer.text.set(f"call i64 {pointer(writer, syscall)}({given})")


load = Primitive("load", _load)
store = Primitive("store", _store, "None")
add = Primitive("add", _add)
load32 = Primitive("load32", _load32)
exchange32 = Primitive("exchange32", _exchange32)
pause = Primitive("pause", _pause, "None")
call_futex = Primitive("call_futex", _futex)


@inlined
def sleep(syscall: int, number: int, word: int, value: int, time: int) -> None:
    """Sleep while the low half of a word has a value, for at most the timespec at `time`."""
    call_futex(syscall, number, word, _WAIT_PRIVATE, value & 0xFFFFFFFF, time)


@inlined
def wake(syscall: int, number: int, word: int) -> None:
    """Wake everybody who sleeps on a word."""
    call_futex(syscall, number, word, _WAKE_PRIVATE, _EVERYBODY, 0)
