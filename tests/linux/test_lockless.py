"""CPUs that walk page tables without a lock, or keep what they had: gup-fast and lazy TLB mode."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shootdown.drivers.catalogue import DRIVERS
from shootdown.lang.declare import PageRange
from shootdown.lang.geometry import Geometry
from shootdown.linux.arch.architecture import Architecture
from shootdown.linux.arch.arm64 import Arm64
from shootdown.linux.arch.powerpc import Powerpc
from shootdown.linux.arch.x86 import X86
from shootdown.linux.cpu import Cpu
from shootdown.linux.gup_fast import PinningCpu
from shootdown.linux.lazy_tlb import LazyCpu
from shootdown.linux.operations.catalogue import find_operation
from shootdown.linux.version import parse_version
from shootdown.scenarios.check import check_case
from shootdown.scenarios.driver_request import Request
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.system import Scenario
from shootdown.scenarios.verdict import ScenarioResult

from .broken_cpus import ForgetfulLazyCpu, GrabbingCpu, RangedLazyCpu


def check(
    operation: str, cpu: type[Cpu], arch: type[Architecture] = X86, kernel: str = "6.19"
) -> ScenarioResult:
    """One such CPU, no device."""
    geometry = Geometry(pages=2, entries=2, frames=5, devices=0)
    scenario = Scenario(
        DRIVERS["kvm"],
        parse_version(kernel),
        (find_operation(operation),),
        geometry,
        user_cpus=1,
        arch=arch,
        cpu=cpu,
    )
    return check_case(scenario.sized, Effort())


def outcome(result: ScenarioResult) -> str | None:
    """The rule; for what holds None."""
    assert result.verdict == ("violated" if result.rule else "holds")
    return result.rule


class HastyX86(X86):
    """Frees page tables without a wait for lockless walks."""

    def tlb_remove_table_sync(self) -> None:
        pass


class HastyArm64(Arm64):
    """The same."""

    def tlb_remove_table_sync(self) -> None:
        pass


class SparingX86(X86):
    """Spares lazy CPUs also when page tables are freed."""

    def tlb_flush(self, range: PageRange, freed_tables: bool) -> None:
        self.flush_tlb_range(range)


# --- get_user_pages_fast() ------------------------------------------------------------------------


@pytest.mark.parametrize("arch", [X86, Arm64, Powerpc])
@pytest.mark.parametrize("operation", ["munmap", "madvise_dontneed", "fork"])
def test_gup_fast(operation: str, arch: type[Architecture]) -> None:
    """What is found without a lock is a page that has references, in a table that is one."""
    assert outcome(check(operation, PinningCpu, arch)) is None


@pytest.mark.parametrize(("arch", "rule"), [(HastyX86, None), (HastyArm64, "freed-table")])
def test_tables_wait_for_walks(arch: type[Architecture], rule: str | None) -> None:
    """With interrupts off a CPU holds up the IPI of x86, and so the flush that comes before tables
    are freed; a broadcast it does not hold up, and somebody has to wait for it."""
    assert outcome(check("munmap", PinningCpu, arch)) == rule


@pytest.mark.parametrize(("arch", "rule"), [(X86, None), (Arm64, "freed-frame")])
def test_a_page_without_references(arch: type[Architecture], rule: str | None) -> None:
    """try_get_page() may fail for a reason: between the look at the entry and the reference the
    page is freed. On x86 the flush before that waits for the CPU."""
    assert outcome(check("munmap", GrabbingCpu, arch)) == rule


@pytest.mark.parametrize("operation", ["retract_page_tables", "collapse_pte_mapped_thp"])
@pytest.mark.parametrize(
    ("arch", "kernel", "rule"),
    [(X86, "6.0", None), (Arm64, "6.0", "freed-table"), (Arm64, "6.1", None)],
)
def test_collapse_and_gup_fast(
    operation: str, arch: type[Architecture], kernel: str, rule: str | None
) -> None:
    """khugepaged freed tables of files without a wait until 6.0 (2ba99c5e0881): where flushes are
    no interrupts, a lockless walk went on in a table that was somebody else's."""
    request = Request(
        DRIVERS["kvm"],
        "kvm",
        parse_version(kernel),
        (find_operation(operation),),
        user_cpus=1,
        arch=arch,
        cpu=PinningCpu,
    )
    (case,) = request.cases
    alone = replace(case, geometry=replace(case.geometry, devices=0))
    assert outcome(check_case(alone, Effort())) == rule


# --- lazy TLB mode --------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["munmap", "madvise_dontneed", "fork", "write_fault"])
def test_lazy_tlb(operation: str) -> None:
    """Spared a flush, a CPU drops everything before it runs the program again."""
    assert outcome(check(operation, LazyCpu)) is None


def test_lazy_cpus_are_spared_from_4_20_on() -> None:
    """Before they were interrupted like all others, and there is less that can happen."""
    old, new = check("munmap", LazyCpu, kernel="4.19"), check("munmap", LazyCpu, kernel="4.20")
    assert outcome(old) is None
    assert outcome(new) is None
    assert old.states < new.states


@pytest.mark.parametrize(
    ("operation", "rule"),
    [("munmap", "freed-frame"), ("fork", "stale-permission"), ("write_fault", "replaced-page")],
)
def test_generations_are_compared(operation: str, rule: str) -> None:
    """A CPU that does not look whether it was left out goes on with what it had."""
    found = check(operation, ForgetfulLazyCpu)
    assert outcome(found) == rule
    assert found.counterexample is not None
    assert found.counterexample.steps[-1].actor == "cpu1"


def test_one_range_is_not_enough_after_two() -> None:
    """Spared one flush and interrupted for the next, a CPU has missed more than that range."""
    assert outcome(check("munmap", RangedLazyCpu)) == "freed-frame"


def test_freed_tables_spare_nobody() -> None:
    """Hardware walks on a guess: when tables are freed lazy CPUs are interrupted too."""
    assert outcome(check("munmap", LazyCpu, SparingX86)) == "freed-table"
