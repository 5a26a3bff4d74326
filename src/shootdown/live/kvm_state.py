"""The structures of /dev/kvm on x86-64: registers, memory slots, and why a vCPU came back.

include/uapi/linux/kvm.h and arch/x86/include/uapi/asm/kvm.h; Documentation/virt/kvm/api.rst.
"""

from __future__ import annotations

import ctypes
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

_u8, _u16, _u32, _u64 = ctypes.c_uint8, ctypes.c_uint16, ctypes.c_uint32, ctypes.c_uint64

REGISTERS = (
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15", "rip", "rflags",
)  # fmt: skip
SEGMENTS = ("cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt")


class Registers(ctypes.Structure):
    """struct kvm_regs"""

    _fields_: ClassVar = [(name, _u64) for name in REGISTERS]


class Segment(ctypes.Structure):
    """struct kvm_segment"""

    _fields_: ClassVar = [
        ("base", _u64), ("limit", _u32), ("selector", _u16), ("type", _u8), ("present", _u8),
        ("dpl", _u8), ("db", _u8), ("s", _u8), ("l", _u8), ("g", _u8), ("avl", _u8),
        ("unusable", _u8), ("padding", _u8),
    ]  # fmt: skip


class Table(ctypes.Structure):
    """struct kvm_dtable"""

    _fields_: ClassVar = [("base", _u64), ("limit", _u16), ("padding", _u16 * 3)]


class SpecialRegisters(ctypes.Structure):
    """struct kvm_sregs"""

    _fields_: ClassVar = [
        *((name, Segment) for name in SEGMENTS),
        ("gdt", Table), ("idt", Table),
        ("cr0", _u64), ("cr2", _u64), ("cr3", _u64), ("cr4", _u64), ("cr8", _u64),
        ("efer", _u64), ("apic_base", _u64), ("interrupt_bitmap", _u64 * 4),
    ]  # fmt: skip


class MemorySlot(ctypes.Structure):
    """struct kvm_userspace_memory_region"""

    _fields_: ClassVar = [
        ("slot", _u32), ("flags", _u32), ("guest_physical", _u64), ("size", _u64), ("host", _u64),
    ]  # fmt: skip


class Reason(IntEnum):
    """Why KVM_RUN came back, as far as guests of this package can cause it."""

    UNKNOWN = 0
    EXCEPTION = 1
    IO = 2
    HYPERCALL = 3
    DEBUG = 4
    HLT = 5
    MMIO = 6
    IRQ_WINDOW_OPEN = 7
    SHUTDOWN = 8
    FAIL_ENTRY = 9
    INTR = 10
    INTERNAL_ERROR = 17
    MEMORY_FAULT = 39


@dataclass(frozen=True, slots=True)
class Exit:
    """Why the vCPU came back. `address`, `data` and `is_write` are of a port (IO) or of memory
    outside every slot (MMIO); `code` is the error of the others."""

    reason: int
    address: int = 0
    data: bytes = b""
    is_write: bool = False
    code: int = 0

    @property
    def name(self) -> str:
        """`HLT`, or the number of a reason that has no name here."""
        known = {reason.value: reason.name for reason in Reason}
        return known.get(self.reason, str(self.reason))


IMMEDIATE_EXIT, EXIT_REASON, UNION = 1, 8, 32
"""offsets in struct kvm_run"""

_io = struct.Struct("=BBHIQ")
_mmio = struct.Struct("=Q8sIB")
_error = struct.Struct("=I")


def decode_exit(run: memoryview) -> Exit:
    """The exit that struct kvm_run tells of."""
    (reason,) = struct.unpack_from("=I", run, EXIT_REASON)
    if reason == Reason.IO:
        direction, size, port, count, offset = _io.unpack_from(run, UNION)
        return Exit(reason, port, bytes(run[offset : offset + size * count]), direction == 1)
    if reason == Reason.MMIO:
        address, data, size, is_write = _mmio.unpack_from(run, UNION)
        return Exit(reason, address, data[:size], bool(is_write))
    if reason in (Reason.INTERNAL_ERROR, Reason.FAIL_ENTRY):
        return Exit(reason, code=_error.unpack_from(run, UNION)[0])
    return Exit(reason)
