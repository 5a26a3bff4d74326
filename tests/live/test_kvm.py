"""/dev/kvm: a VM is made, code of it runs, and errors say what is missing."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from shootdown.live.errors import MissingMeansError
from shootdown.live.kvm import Kvm, Vcpu, Vm
from shootdown.live.kvm_state import Exit, Reason, decode_exit
from shootdown.live.memory import PAGE, mmap, munmap, store

from .unprivileged import run_as_nobody

CODE = 0x1000


@pytest.fixture
def vm(kvm: Kvm) -> Iterator[Vm]:
    """With two pages of memory at CODE; the first is at `vm_memory`."""
    with kvm.create_vm() as machine:
        yield machine


@pytest.fixture
def memory(vm: Vm) -> Iterator[int]:
    """The address of the two pages."""
    address = mmap(0, 2 * PAGE)
    vm.set_memory(0, CODE, address, 2 * PAGE)
    yield address
    munmap(address, 2 * PAGE)


@pytest.fixture
def vcpu(vm: Vm, memory: int) -> Iterator[Vcpu]:
    """In real mode, about to run what is at CODE."""
    with vm.create_vcpu() as cpu:
        special = cpu.special_registers
        special.cs.base = special.cs.selector = 0
        cpu.special_registers = special
        registers = cpu.registers
        registers.rip, registers.rflags, registers.rax, registers.rbx = CODE, 2, 3, 4
        cpu.registers = registers
        yield cpu


def test_real_mode(memory: int, vcpu: Vcpu) -> None:
    """Adds, writes the sum to a port, stops: add al,bl; mov dx,0x3f8; out dx,al; hlt."""
    store(memory, bytes.fromhex("00d8 baf803 ee f4"))
    assert vcpu.run() == Exit(Reason.IO, 0x3F8, b"\x07", True)
    done = vcpu.run()
    assert (done.reason, done.name) == (Reason.HLT, "HLT")
    assert vcpu.registers.rax & 0xFF == 7


def test_reads_and_writes_outside(memory: int, vcpu: Vcpu) -> None:
    """Memory outside every slot: mov [0x9000],al; mov bl,[0x9001]; hlt. What is read is given."""
    store(memory, bytes.fromhex("a20090 8a1e0190 f4"))
    assert vcpu.run() == Exit(Reason.MMIO, 0x9000, b"\x03", True)
    vcpu.finish()
    outside = vcpu.run()
    assert (outside.address, len(outside.data), outside.is_write) == (0x9001, 1, False)
    assert vcpu.run().reason == Reason.HLT


def test_finish(memory: int, vcpu: Vcpu) -> None:
    """What it came back with is done with; nothing after it has run: out 0x10,al; inc al; hlt."""
    store(memory, bytes.fromhex("e610 fec0 f4"))
    assert vcpu.run().reason == Reason.IO
    vcpu.finish()
    assert vcpu.registers.rip == CODE + 2
    assert vcpu.registers.rax & 0xFF == 3
    assert vcpu.run().reason == Reason.HLT
    assert vcpu.registers.rax & 0xFF == 4


def test_memory_of_the_process(vm: Vm, memory: int, vcpu: Vcpu) -> None:
    """What the guest writes is in the memory of the process: mov [0x2000],al; hlt."""
    from shootdown.live.memory import load

    store(memory, bytes.fromhex("a20020 f4"))
    assert vcpu.run().reason == Reason.HLT
    assert load(memory + PAGE, 1) == b"\x03"
    vm.set_memory(0, CODE, memory, 0)
    with pytest.raises(OSError) as caught:
        vm.set_memory(0, CODE, memory + 1, PAGE)
    assert caught.value.errno == errno.EINVAL


def test_exits() -> None:
    """From the bytes of struct kvm_run."""
    run = bytearray(4096)
    run[8] = Reason.INTERNAL_ERROR
    run[32] = 4
    assert decode_exit(memoryview(run)) == Exit(Reason.INTERNAL_ERROR, code=4)
    run[8] = 99
    assert decode_exit(memoryview(run)).name == "99"


def test_no_device(tmp_path: Path) -> None:
    """A machine without KVM."""
    with pytest.raises(MissingMeansError, match="modprobe kvm_intel or kvm_amd"):
        Kvm(tmp_path / "kvm")


def test_some_other_device() -> None:
    """What is no KVM says so by its own error."""
    with pytest.raises(OSError) as caught:
        Kvm(Path("/dev/null"))
    assert caught.value.errno == errno.ENOTTY


def test_not_allowed(kvm: Kvm) -> None:
    """Who may not open it is told how to be allowed, unless everybody may."""
    told = run_as_nobody(
        "from shootdown.live.kvm import Kvm\n"
        "from shootdown.live.errors import MissingMeansError\n\n"
        "try: Kvm(); print('granted')\n"
        "except MissingMeansError as error: print(error)\n"
    )
    assert told == "granted\n" or "join the group" in told
