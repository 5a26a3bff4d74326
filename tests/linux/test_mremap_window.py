"""A page that has moved is given up at its new address while a TLB has it at the old one."""

from __future__ import annotations

import pytest

from shootdown.drivers.catalogue import DRIVERS
from shootdown.drivers.driver import Driver
from shootdown.lang.declare import PageRange
from shootdown.lang.geometry import Geometry
from shootdown.linux.arch.catalogue import find_architecture
from shootdown.linux.operations.catalogue import Operation, find_operation
from shootdown.linux.operations.mremap import move_page_tables
from shootdown.linux.operations.munmap import unmap_region
from shootdown.linux.start import ABSENT, PRIVATE
from shootdown.linux.task import Task
from shootdown.linux.version import parse_version
from shootdown.linux.vma import NO_VMA
from shootdown.scenarios.check import check_case
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.system import Scenario
from shootdown.scenarios.verdict import ScenarioResult


def mremap(task: Task, range: PageRange) -> None:
    """mremap(MREMAP_FIXED): the first page moves to the place of the second, which is unmapped."""
    mm = task.mm
    mm.begin(range)
    with mm.mmap_lock.write():
        old = PageRange(0, 1)
        unmap_region(task, PageRange(1, 2))
        move_page_tables(task, old, old, 1)
        mm.vma[0] = NO_VMA
        unmap_region(task, old)
    mm.end(range)


def rules_of(found: ScenarioResult) -> list[str]:
    """All that can be broken, the shortest run first."""
    return [run.rule for run in found.broken]


MREMAP = Operation("mremap", mremap, patterns=((PRIVATE, ABSENT),))


def check(
    kernel: str, arch: str, driver: type[Driver], *, cpus: int = 0, devices: int = 0
) -> ScenarioResult:
    """The move, and migration of any page at the same time."""
    geometry = Geometry(pages=2, entries=2, frames=5, devices=devices)
    scenario = Scenario(
        driver,
        parse_version(kernel),
        (MREMAP, find_operation("migrate_pages")),
        geometry,
        user_cpus=cpus,
        arch=find_architecture(arch),
    )
    return check_case(scenario.sized, Effort(all_rules=True))


LOST = ["freed-frame", "lost-write"]
"""the write lands when the page is freed, or just before"""


@pytest.mark.parametrize(
    ("kernel", "arch", "rules"),
    [
        ("4.18", "x86", LOST),
        ("4.18", "arm64", LOST),
        ("4.18", "powerpc", LOST),
        ("4.19", "x86", []),
        ("4.19", "arm64", []),
        ("4.19", "powerpc", []),
    ],
)
def test_a_cpu(kernel: str, arch: str, rules: list[str]) -> None:
    """B26, CVE-2018-18281: up to 4.18 mremap flushes after it has dropped the page-table locks, and
    a CPU writes to the page that was left behind when its contents had been copied."""
    found = check(kernel, arch, DRIVERS["kvm"], cpus=1)
    assert (found.verdict, rules_of(found)) == ("violated" if rules else "holds", rules)


@pytest.mark.parametrize(
    ("kernel", "driver", "rules"),
    [
        ("4.18", "invalidate-range", LOST),
        ("4.19", "invalidate-range", LOST),
        ("6.5", "invalidate-range", LOST),
        ("6.6", "sva", []),
        ("6.5", "kvm", []),
    ],
)
def test_a_device(kernel: str, driver: str, rules: list[str]) -> None:
    """The same window stays open for hardware that walks the page table until 6.6: it is told by
    the end only. A driver of page tables of its own has nothing cached since the start."""
    found = check(kernel, "x86", DRIVERS[driver], devices=1)
    assert (found.verdict, rules_of(found)) == ("violated" if rules else "holds", rules)
