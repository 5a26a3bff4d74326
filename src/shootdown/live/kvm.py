"""/dev/kvm: virtual machines of this process, their memory, and vCPUs that run real code.

    with Kvm() as kvm, kvm.create_vm() as vm:
        ...

A VM is more than a computer: creating one registers an mmu_notifier on the address space of the
process, and it stays registered until the VM is closed. No memory and no vCPU is needed for that,
so an empty VM is the cheapest way to have the kernel notify somebody.

A VM belongs to the process that made it; a child that was forked can keep it open, but not use it.
Code for x86-64 (Documentation/virt/kvm/api.rst).
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import platform
from pathlib import Path

from shootdown.live.descriptor import Descriptor
from shootdown.live.errors import MissingMeansError, is_refusal
from shootdown.live.kvm_state import (
    IMMEDIATE_EXIT,
    Exit,
    MemorySlot,
    Registers,
    SpecialRegisters,
    decode_exit,
)
from shootdown.live.system import ioctl

DEVICE = Path("/dev/kvm")
API = 12
WHY = "to make the virtual machine for whose sake the kernel sends notifications"

_GET_API_VERSION, _CREATE_VM, _GET_VCPU_MMAP_SIZE = 0xAE00, 0xAE01, 0xAE04
_GET_SUPPORTED_CPUID, _SET_CPUID2 = 0xC008AE05, 0x4008AE90
_CREATE_VCPU, _SET_USER_MEMORY_REGION, _RUN = 0xAE41, 0x4020AE46, 0xAE80
_GET_REGS, _SET_REGS, _GET_SREGS, _SET_SREGS = 0x8090AE81, 0x4090AE82, 0x8138AE83, 0x4138AE84

READ_ONLY = 1 << 1
"""flag of a memory slot, KVM_MEM_READONLY"""

_CPUID_ENTRIES, _CPUID_ENTRY = 256, 40


class Kvm(Descriptor):
    """The device."""

    def __init__(self, device: Path = DEVICE) -> None:
        """Raises MissingMeansError if it is not there, not allowed, or speaks another API."""
        super().__init__(_open(device))
        version = ioctl(self.fd, _GET_API_VERSION)
        if version != API:
            self.close()
            raise MissingMeansError(
                f"{device} speaks version {version} of its API, not {API}", WHY, "use Linux 2.6.22+"
            )

    def create_vm(self) -> Vm:
        """A virtual machine without memory or vCPUs; this process is notified from now on."""
        try:
            return Vm(self, ioctl(self.fd, _CREATE_VM))
        except OSError as error:
            if error.errno in (errno.ENODEV, errno.EOPNOTSUPP, errno.EBUSY):
                raise MissingMeansError(
                    f"this machine cannot run virtual machines now ({error.strerror})",
                    WHY,
                    "switch on virtualization in the firmware, or nested virtualization in the "
                    "hypervisor, and see that no other hypervisor holds it",
                ) from error
            raise

    def supported_cpuid(self) -> bytes:
        """What CPUID can tell a guest, in the form that `Vcpu.set_cpuid` takes."""
        size = 8 + _CPUID_ENTRIES * _CPUID_ENTRY
        buffer = ctypes.create_string_buffer(_CPUID_ENTRIES.to_bytes(4, "little"), size)
        ioctl(self.fd, _GET_SUPPORTED_CPUID, ctypes.addressof(buffer))
        return buffer.raw

    @property
    def run_size(self) -> int:
        """Bytes of struct kvm_run with what follows it."""
        return ioctl(self.fd, _GET_VCPU_MMAP_SIZE)


class Vm(Descriptor):
    """A virtual machine. While it is open, the address space of this process has a notifier."""

    def __init__(self, kvm: Kvm, fd: int) -> None:
        super().__init__(fd)
        self._kvm = kvm

    def set_memory(
        self, slot: int, guest_physical: int, host: int, size: int, flags: int = 0
    ) -> None:
        """Guest physical memory: bytes of this process from address `host` on, whole pages.

        `size` 0 takes the slot away.
        """
        region = MemorySlot(slot, flags, guest_physical, size, host)
        ioctl(self.fd, _SET_USER_MEMORY_REGION, ctypes.addressof(region))

    def create_vcpu(self, number: int = 0) -> Vcpu:
        """A virtual CPU, to be run by one thread at a time."""
        return Vcpu(ioctl(self.fd, _CREATE_VCPU, number), self._kvm.run_size)


class Vcpu(Descriptor):
    """A virtual CPU: it has registers, and runs until something makes it come back."""

    def __init__(self, fd: int, run_size: int) -> None:
        super().__init__(fd)
        self._run = mmap.mmap(fd, run_size)

    def close(self) -> None:
        """Once is enough."""
        self._run.close()
        super().close()

    @property
    def registers(self) -> Registers:
        """A copy of the general registers."""
        registers = Registers()
        ioctl(self.fd, _GET_REGS, ctypes.addressof(registers))
        return registers

    @registers.setter
    def registers(self, registers: Registers) -> None:
        ioctl(self.fd, _SET_REGS, ctypes.addressof(registers))

    @property
    def special_registers(self) -> SpecialRegisters:
        """A copy of segments and control registers."""
        special = SpecialRegisters()
        ioctl(self.fd, _GET_SREGS, ctypes.addressof(special))
        return special

    @special_registers.setter
    def special_registers(self, special: SpecialRegisters) -> None:
        ioctl(self.fd, _SET_SREGS, ctypes.addressof(special))

    def set_cpuid(self, table: bytes) -> None:
        """What CPUID tells the guest; `Kvm.supported_cpuid` is all there is."""
        buffer = ctypes.create_string_buffer(table, len(table))
        ioctl(self.fd, _SET_CPUID2, ctypes.addressof(buffer))

    def run(self) -> Exit:
        """Run until it comes back. Other threads run meanwhile.

        An access to memory (MMIO) or a port that it came back with is only finished by the next
        run; `finish` does just that.

        Raises:
            OSError: EFAULT, if the guest touches memory of a slot that this process cannot
                touch so; EINTR, for a signal.
        """
        ioctl(self.fd, _RUN)
        return decode_exit(memoryview(self._run))

    def finish(self) -> None:
        """Finish what the vCPU came back with, without running on."""
        self._run[IMMEDIATE_EXIT] = 1
        try:
            ioctl(self.fd, _RUN)
        except InterruptedError:
            pass  # what it was asked for
        finally:
            self._run[IMMEDIATE_EXIT] = 0


def _open(device: Path) -> int:
    if platform.machine() != "x86_64":
        raise MissingMeansError(
            f"KVM on {platform.machine()} is not supported here", WHY, "use an x86-64 machine"
        )
    try:
        return os.open(device, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise MissingMeansError(
            f"{device} is not there",
            WHY,
            "load the module (modprobe kvm_intel or kvm_amd), or use a kernel with CONFIG_KVM on a "
            "machine with virtualization; a container needs --device /dev/kvm",
        ) from error
    except OSError as error:
        if is_refusal(error):
            raise MissingMeansError(
                f"{device} may not be opened for reading and writing",
                WHY,
                "join the group that owns it (often kvm), or run as root",
            ) from error
        if error.errno in (errno.ENODEV, errno.ENXIO):
            raise MissingMeansError(
                f"{device} has no driver behind it", WHY, "load kvm_intel or kvm_amd"
            ) from error
        raise
