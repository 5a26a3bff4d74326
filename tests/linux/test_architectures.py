"""When each architecture flushes CPUs, when it tells secondary TLBs, and which range it passes."""

from __future__ import annotations

import pytest

from shootdown.lang.declare import PageRange
from shootdown.linux.arch.architecture import Architecture
from shootdown.linux.arch.arm64 import Arm64, Arm64Btm
from shootdown.linux.arch.catalogue import (
    ARCHITECTURES,
    UnknownArchitectureError,
    find_architecture,
)
from shootdown.linux.arch.powerpc import Powerpc
from shootdown.linux.arch.x86 import X86
from shootdown.linux.operations.fault import write_fault
from shootdown.linux.operations.mprotect import mprotect
from shootdown.linux.operations.munmap import munmap
from shootdown.linux.task import Task
from shootdown.program.kind import PROT_NONE, READ_ONLY, READ_WRITE

from .recording import Page, record

PRIVATE, SHARED, LEFT = Page(1), Page(2, READ_ONLY, references=2), Page(1, READ_ONLY)
ALL = [X86, Arm64, Arm64Btm, Powerpc]


@pytest.mark.parametrize(
    ("arch", "kernel", "expected"),
    [
        (X86, "6.5", "[P^0]"),
        (X86, "6.19", "[P^0]"),
        (Arm64, "4.17", "[P^0 C0-1]"),
        (Arm64, "6.5", "[P^0 C0-1]"),
        (Arm64, "6.6", "[P^0 X0-1 C0-1]"),
        (Arm64, "6.18", "[P^0 X0-1 C0-1]"),
        (Arm64, "6.19", "[P^0 X0-1]"),
        (Arm64Btm, "6.19", "[P^0 X0-1]"),
        (Powerpc, "4.17", "[P^0]"),
        (Powerpc, "4.18", "[P-0 C0-1 P+0]"),
        (Powerpc, "6.6", "[P-0 C0-1 X0-1 P+0]"),
    ],
)
def test_an_upgrade(arch: type[Architecture], kernel: str, expected: str) -> None:
    """Row 12: x86 walks again; arm64 flushes, from 6.6 on secondary TLBs too, from 6.19 on not the
    other CPUs; powerpc flushes for a coprocessor, with the entry invalid meanwhile."""
    assert record(kernel, write_fault, [LEFT], choices=(0,), arch=arch).text == expected


@pytest.mark.parametrize(
    ("arch", "kernel", "expected"),
    [
        (X86, "6.6", "C0-1 X0-1"),
        (Arm64, "6.5", "C0-1 X0-1"),
        (Arm64, "6.6", "C0-1 X1-1"),
        (Arm64, "6.12", "X1-1 C0-1"),
        (Arm64, "6.13", "X1-1 C0-1"),
        (Arm64, "6.14", "X0-1 C0-1"),
        (Powerpc, "6.6", "C0-1 X0-1"),
    ],
)
def test_a_ranged_flush(arch: type[Architecture], kernel: str, expected: str) -> None:
    """Secondary TLBs hear of a range after the CPUs, on arm64 from 6.12 on before; from 6.6 to
    6.13 that range is empty there (B30)."""
    text = record(kernel, munmap, [PRIVATE], arch=arch).text
    before = " X0-1 E0-1" if kernel == "6.5" else " E0-1"
    assert text == f"S0-1 [P-0]{before} [U0] {expected} R1 T0"


@pytest.mark.parametrize("kernel", ["6.6", "6.12", "6.19"])
@pytest.mark.parametrize("arch", [Arm64, Arm64Btm])
def test_many_pages_become_everything(arch: type[Architecture], kernel: str) -> None:
    """MAX_DVM_OPS, the entries of a table: from there on arm64 flushes the whole address space, CPU
    first."""
    found = record(kernel, munmap, [PRIVATE, SHARED, Page(), Page()], arch=arch)
    assert found.text == "S0-4 [P-0] [P-1] E0-4 [U0] [U1] C0-4 X0-4 R1 T0 T1"
    found = record(kernel, mprotect, [PRIVATE, Page(), Page()], arch=arch)
    assert found.text == "S0-3 [P~0] E0-3 C0-3 X0-3"


@pytest.mark.parametrize("arch", [X86, Powerpc])
@pytest.mark.parametrize(("ceiling", "flushed"), [(1, "C0-4"), (2, "C1-3"), (0, "C1-3")])
def test_the_ceiling_is_for_cpus(arch: type[Architecture], ceiling: int, flushed: str) -> None:
    """Beyond so many pages CPUs drop everything; secondary TLBs are told the range all the same."""
    pages = [Page(), PRIVATE, SHARED, Page()]
    found = record("6.6", munmap, pages, range=PageRange(1, 3), arch=arch, ceiling=ceiling)
    assert found.text == f"S1-3 [P-1] [P-2] E1-3 {flushed} X1-3 R1"


@pytest.mark.parametrize("arch", ALL)
def test_a_page_is_replaced_under_the_lock(arch: type[Architecture]) -> None:
    """Row 11 everywhere: both flushes come between the old entry and the new one; arm64 tells
    secondary TLBs before it waits for the CPUs."""
    both = "X0-1 C0-1" if issubclass(arch, Arm64) else "C0-1 X0-1"
    found = record("6.14", write_fault, [SHARED], choices=(0,), arch=arch)
    assert found.text == f"S0-1 [P-0 {both} P+0] E0-1"


# --- whether mprotect has to flush ----------------------------------------------------------------


def change_to_read_only(task: Task, range: PageRange) -> None:
    """change_pte_range(), and a flush only if the architecture asks for one."""
    mm = task.mm
    for page in range:
        old = mm.pte[page]
        new = old.with_rights(READ_ONLY)
        mm.pte[page] = new
        if mm.arch.pte_needs_flush(old, new):
            mm.arch.flush_tlb_page(page)


@pytest.mark.parametrize(
    ("arch", "kernel", "old", "flushes"),
    [
        (X86, "5.18", PROT_NONE, True),
        (X86, "5.19", PROT_NONE, False),
        (X86, "5.18", READ_ONLY, True),
        (X86, "5.19", READ_ONLY, False),
        (X86, "5.19", READ_WRITE, True),
        (Arm64, "6.18", PROT_NONE, True),
        (Arm64, "6.19", PROT_NONE, False),
        (Arm64, "6.19", READ_WRITE, True),
        (Powerpc, "6.19", PROT_NONE, True),
    ],
)
def test_pte_needs_flush(arch: type[Architecture], kernel: str, old: int, flushes: bool) -> None:
    """What hardware could not use before needs no flush: x86 knows from 5.19 on, arm64 from 6.19;
    the generic answer is yes."""
    text = record(kernel, change_to_read_only, [Page(1, old)], arch=arch).text
    assert ("C0-1" in text) is flushes


# --- reclaim: many pages, one flush ---------------------------------------------------------------


def unmap_two(task: Task, range: PageRange) -> None:
    """try_to_unmap_one() twice, then the flush that was put off."""
    mm = task.mm
    for page in range:
        with mm.page_table_lock:
            mm.pte[page] = mm.pte[page].with_rights(0)
            task.tlb_ubc.set_tlb_ubc_flush_pending(PageRange(page, page + 1), True)
    task.tlb_ubc.try_to_unmap_flush_dirty()
    task.tlb_ubc.try_to_unmap_flush()


@pytest.mark.parametrize(
    ("arch", "kernel", "expected"),
    [
        (X86, "4.3", "[P-0] [P-1] C0-2"),
        (X86, "6.6", "[P-0 X0-2] [P-1 X0-2] C0-2"),
        (Arm64, "6.6", "[P-0 X0-1] [P-1 X1-2] C0-1 C1-2"),
    ],
)
def test_a_batched_unmap(arch: type[Architecture], kernel: str, expected: str) -> None:
    """CPUs are flushed once at the end; secondary TLBs at once, on x86 all of them each time (B29).
    The flush for dirty pages leaves nothing to do for the other."""
    found = record(kernel, unmap_two, [PRIVATE, Page(2)], arch=arch)
    assert found.text == expected
    assert found.state["task0.tlb_ubc.flush_required"] == [0]
    assert found.state["task0.tlb_ubc.writable"] == [0]


def look_at_pending(task: Task, range: PageRange) -> None:
    """Somebody put a flush off; somebody else works on the same entries."""
    task.mm.arch.tlb_flush_batched = True
    task.mm.arch.flush_tlb_batched_pending()


@pytest.mark.parametrize(
    ("arch", "kernel", "expected", "left"),
    [
        (X86, "4.12", "", 1),
        (X86, "4.13", "C0-1", 0),
        (X86, "6.6", "C0-1 X0-1", 0),
        (Arm64, "6.15", "", 0),
        (Arm64, "6.16", "C0-1 X0-1", 0),
    ],
)
def test_a_pending_batch(arch: type[Architecture], kernel: str, expected: str, left: int) -> None:
    """B27, B28: before 4.13 nobody looks; arm64 up to 6.15 waits for its own instructions only."""
    found = record(kernel, look_at_pending, [PRIVATE], arch=arch)
    assert found.text == expected
    assert found.state.get("mm.tlb_flush_batched", [1]) == [left]


@pytest.mark.parametrize(
    ("arch", "first"),
    [(X86, (4, 3, 0)), (Arm64, (6, 6, 0)), (Arm64Btm, (6, 6, 0)), (Powerpc, None)],
)
def test_who_may_put_a_flush_off(
    arch: type[Architecture], first: tuple[int, int, int] | None
) -> None:
    """x86 since 4.3, arm64 since 6.6, powerpc never."""
    kernels = [(4, 2, 0), (4, 3, 0), (6, 5, 0), (6, 6, 0), (6, 19, 0)]
    may = [arch(_Entries(), kernel).arch_tlbbatch_should_defer for kernel in kernels]
    assert may == [first is not None and kernel >= first for kernel in kernels]


class _Entries:
    """As much of an address space as an architecture looks at when it is made."""

    entries = 2


# --- names ----------------------------------------------------------------------------------------


def test_architectures_by_name() -> None:
    """Each by its title; the first is what is checked unless somebody says otherwise."""
    assert list(ARCHITECTURES) == ["x86", "arm64", "arm64-btm", "powerpc"]
    assert [find_architecture(name) for name in ARCHITECTURES] == ALL
    assert all(arch.summary for arch in ALL)


@pytest.mark.parametrize(
    ("name", "near"),
    [("arm", "arm64"), ("aarch64", "arm64"), ("PPC64le", "powerpc"), ("x86_64", "x86")],
)
def test_an_unknown_architecture(name: str, near: str) -> None:
    """The nearest name is offered, and what others call it is known."""
    with pytest.raises(
        UnknownArchitectureError, match=f"did you mean {near}\\? known are x86, arm64"
    ):
        find_architecture(name)
    with pytest.raises(UnknownArchitectureError, match="`riscv`; known are x86"):
        find_architecture("riscv")
