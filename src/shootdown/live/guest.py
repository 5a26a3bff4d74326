"""A guest that only reads and writes: it sees a page of this process through a secondary MMU.

The guest runs user code in long mode, on page tables of its own that map 511 pages one to one; its
memory is a mapping of this process. What it reads comes through the page tables that KVM keeps in
step with this process, so whatever the kernel forgets to tell KVM, the guest shows.

Each access is a few bytes of code that end by writing to a page outside every slot, which makes the
vCPU come back. User mode is deliberate: where KVM has no hardware to run on (KVM_PVM), kernel code
of a guest is emulated, and emulation reads the memory of this process without any secondary MMU.
"""

from __future__ import annotations

import ctypes
from contextlib import ExitStack
from itertools import pairwise

from shootdown.closing import Closing
from shootdown.live.kvm import Kvm, Vcpu
from shootdown.live.kvm_state import Exit, Reason, Segment, SpecialRegisters
from shootdown.live.memory import MADV_NOHUGEPAGE, PAGE, madvise, mmap, munmap

PAGES = 512
SIZE = PAGES * PAGE
"""bytes of memory: what one page table maps"""

_TABLES = (0x1000, 0x2000, 0x3000, 0x4000)
"""PML4, PDPT, PD, PT"""
_CODE = 0x5000
FIRST_FREE = 6
"""pages before this one hold the page tables and the code of the guest"""
LAST_FREE = PAGES - 2
"""the page after this one leads outside"""

_OUTSIDE = 0xD0000000
_ENTRY = 0x7
"""present, writable, user"""

_READ = bytes.fromhex("488b07 488902 ebfe")
"""mov (%rdi),%rax; mov %rax,(%rdx); jmp ."""
_WRITE = bytes.fromhex("488937 488932 ebfe")
"""mov %rsi,(%rdi); mov %rsi,(%rdx); jmp ."""
_WRITE_AT = 0x40

_CR0, _CR4, _EFER = 0x80050033, 0x10620, 0xD01
"""paging and protection; PAE, OSFXSR, OSXMMEXCPT, FSGSBASE; long mode, NX, SYSCALL"""


class GuestError(Exception):
    """The guest came back for another reason than having done what it was to do."""

    def __init__(self, exit: Exit) -> None:
        super().__init__(f"the guest came back with {exit.name}: {exit}")
        self.exit = exit


class Guest(Closing):
    """A running guest with 2 MiB of memory, of which pages FIRST_FREE to LAST_FREE are free."""

    def __init__(self, kvm: Kvm, address: int = 0) -> None:
        """`address`: where in this process its memory is to lie, 0 for anywhere.

        Raises:
            MissingMeansError: if no virtual machine can be made.
        """
        with ExitStack() as stack:
            self.address = mmap(address, SIZE)
            stack.callback(munmap, self.address, SIZE)
            madvise(self.address, SIZE, MADV_NOHUGEPAGE)
            self._put_tables()
            self._put(_CODE, _READ)
            self._put(_CODE + _WRITE_AT, _WRITE)
            vm = stack.enter_context(kvm.create_vm())
            vm.set_memory(0, 0, self.address, SIZE)
            self._vcpu = stack.enter_context(vm.create_vcpu())
            self._vcpu.set_cpuid(kvm.supported_cpuid())
            _set_mode(self._vcpu)
            self._stack = stack.pop_all()

    def close(self) -> None:
        """The guest and its memory are gone."""
        self._stack.close()

    def page(self, number: int) -> int:
        """Where a page of the guest lies in this process."""
        return self.address + number * PAGE

    def read(self, page: int) -> int:
        """The first 8 bytes of a page, as the guest sees them.

        Raises:
            OSError: EFAULT, if this process cannot read them either.
        """
        done = self._access(_CODE, page, 0)
        return int.from_bytes(done.data, "little")

    def write(self, page: int, value: int) -> None:
        """The guest writes the first 8 bytes of a page.

        Raises:
            OSError: EFAULT, if this process cannot write them.
        """
        self._access(_CODE + _WRITE_AT, page, value)

    def _access(self, code: int, page: int, value: int) -> Exit:
        registers = self._vcpu.registers
        registers.rip, registers.rflags = code, 2
        registers.rdi, registers.rsi = page * PAGE, value
        registers.rdx = (PAGES - 1) * PAGE
        self._vcpu.registers = registers
        done = self._vcpu.run()
        while done.reason == Reason.INTR:
            done = self._vcpu.run()
        if done.reason != Reason.MMIO or done.address != _OUTSIDE or not done.is_write:
            raise GuestError(done)
        self._vcpu.finish()
        return done

    def _put(self, offset: int, data: bytes) -> None:
        ctypes.memmove(self.address + offset, data, len(data))

    def _put_tables(self) -> None:
        """Every level leads to the next; the last one maps one to one, but for its last entry."""
        for table, below in pairwise(_TABLES):
            self._put(table, (below | _ENTRY).to_bytes(8, "little"))
        pages = [number * PAGE for number in range(PAGES - 1)] + [_OUTSIDE]
        rows = b"".join((page | _ENTRY).to_bytes(8, "little") for page in pages)
        self._put(_TABLES[-1], rows)


def _set_mode(vcpu: Vcpu) -> None:
    """User mode of long mode, flat segments, no handlers: a mistake is a shutdown."""
    special: SpecialRegisters = vcpu.special_registers
    special.cr0, special.cr3, special.cr4, special.efer = _CR0, _TABLES[0], _CR4, _EFER
    special.cs = _segment(selector=0x33, type=11, l=1)
    for name in ("ds", "es", "fs", "gs", "ss"):
        setattr(special, name, _segment(selector=0x2B, type=3, db=1))
    vcpu.special_registers = special


def _segment(**fields: int) -> Segment:
    return Segment(base=0, limit=0xFFFFFFFF, present=1, dpl=3, s=1, g=1, **fields)
