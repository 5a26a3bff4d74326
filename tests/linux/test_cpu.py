"""The CPU's own TLB: user programs run on it while operations change what it caches."""

from __future__ import annotations

from typing import Any

import pytest

from shootdown.drivers.catalogue import DRIVERS
from shootdown.lang.declare import PageRange
from shootdown.lang.geometry import Geometry
from shootdown.linux.arch.x86 import X86
from shootdown.linux.memory import Memory
from shootdown.linux.mm import Mm
from shootdown.linux.operations.catalogue import OPERATIONS
from shootdown.linux.version import Version, parse_version
from shootdown.machine.reductions import Reductions
from shootdown.scenarios import system
from shootdown.scenarios.check import check_case
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.system import Scenario
from shootdown.scenarios.verdict import ScenarioResult


class ForgetfulX86(X86):
    """Flushes without their IPI: notifiers are told, but no CPU."""

    def flush_cpus(self, range: PageRange, freed_tables: bool) -> None:
        pass


class ForgetfulMm(Mm):
    """Clears entries and tells notifiers, but no CPU."""

    def __init__(self, memory: Memory, geometry: Geometry, kernel: Version, *rest: Any) -> None:
        super().__init__(memory, geometry, kernel)
        self.arch = ForgetfulX86(self, kernel)


def check(operation: str, kernel: str = "6.6", cpus: int = 1) -> ScenarioResult:
    """No device at all: only CPUs access memory."""
    geometry = Geometry(pages=2, entries=2, frames=5, devices=0)
    driver = DRIVERS["kvm"]
    operations = (OPERATIONS[operation],)
    scenario = Scenario(driver, parse_version(kernel), operations, geometry, user_cpus=cpus)
    return check_case(scenario.sized, Effort(reductions=Reductions(partial_order=False)))


HOLDS = {
    "read_fault": (1076, 23),
    "write_fault": (1930, 30),
    "mmap": (2482, 73),
    "munmap": (922, 36),
    "madvise_dontneed": (14763, 68),
    "mprotect": (961, 34),
    "fork": (2061, 60),
}
BREAKS = {
    "read_fault": ("stale-translation", 14),
    "write_fault": ("replaced-page", 13),
    "mmap": ("freed-frame", 9),
    "munmap": ("freed-frame", 9),
    "madvise_dontneed": ("freed-frame", 9),
    "mprotect": ("stale-permission", 11),
    "fork": ("stale-permission", 11),
}
"""a read fault itself needs no flush; there the CPU copies a page by its own write fault"""


@pytest.mark.parametrize("operation", HOLDS)
def test_linux_keeps_its_cpus_in_step(operation: str) -> None:
    """With the flushes where Linux has them no CPU uses a dead translation."""
    result = check(operation)
    assert result.verdict == "holds"
    assert (result.states, result.depth) == HOLDS[operation]


@pytest.mark.parametrize("operation", BREAKS)
def test_a_forgotten_flush_is_found_by_the_cpu(
    operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without flush_tlb_range() the user program itself breaks the rule, in so many steps."""
    monkeypatch.setattr(system, "Mm", ForgetfulMm)
    result = check(operation)
    assert result.counterexample is not None
    steps = result.counterexample.steps
    assert (result.rule, len(steps)) == BREAKS[operation]
    assert steps[-1].actor == "cpu1"


def test_two_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two user programs at once: the right order holds, the forgotten flush is found as soon."""
    right = check("munmap", cpus=2)
    assert (right.verdict, right.states, right.depth) == ("holds", 19338, 51)
    monkeypatch.setattr(system, "Mm", ForgetfulMm)
    wrong = check("munmap", cpus=2)
    assert wrong.counterexample is not None
    assert (wrong.rule, len(wrong.counterexample.steps)) == BREAKS["munmap"]
