"""Pages with something behind them: lost writes and dirty bits, each by an operation that is wrong
in one way, and the operations of Linux, which hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from shootdown.drivers.catalogue import DRIVERS
from shootdown.lang.declare import PageRange
from shootdown.lang.geometry import Geometry
from shootdown.linux.filemap import Mapping
from shootdown.linux.mm import Mm
from shootdown.linux.operations.catalogue import OPERATIONS, Operation
from shootdown.linux.operations.ksm import ksm_merge
from shootdown.linux.operations.migrate_pages import migrate_pages
from shootdown.linux.operations.reclaim import reclaim
from shootdown.linux.start import ABSENT, PRIVATE, Pattern
from shootdown.linux.start_backed import (
    LAZYFREE,
    MERGEABLE,
    SHARED_FILE,
    UNMAPPED_FILE,
)
from shootdown.linux.task import Task
from shootdown.linux.version import parse_version
from shootdown.scenarios.check import check_case
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.system import Scenario
from shootdown.scenarios.verdict import ScenarioResult

from .broken_backed import (
    CopiesBeforeFlush,
    ForgetsDirtyBit,
    FreesBeforeFlush,
    MergesWritable,
    StoresBeforeFlush,
    UnmapsSilently,
    cleans_without_flush,
    cold_with_a_window,
    removes_in_silence,
    stores_before_mkclean,
    truncates_without_unmapping,
    unmaps_and_forgets,
    young_and_reclaimed,
)
from .checking import steps

ANON = ((PRIVATE, ABSENT),)
LAZY = ((LAZYFREE, ABSENT),)


@dataclass(frozen=True)
class Mistake:
    """An operation that is wrong, or the part that makes it so, and how it is found."""

    function: Callable[[Task, PageRange], None]
    part: Callable[[Mm], object]
    patterns: tuple[Pattern, ...]
    driver: str
    cpus: int
    rule: str
    length: int


def run(
    driver: str, kernel: str, *operations: Operation, cpus: int = 0, devices: int = 1
) -> ScenarioResult:
    """Search these operations at the same time."""
    geometry = Geometry(pages=2, entries=2, frames=5, gather=1, devices=devices)
    version = parse_version(kernel)
    scenario = Scenario(DRIVERS[driver], version, operations, geometry, user_cpus=cpus)
    return check_case(scenario.sized, Effort())


@pytest.mark.parametrize(
    "mistake",
    [
        Mistake(reclaim, StoresBeforeFlush, ANON, "kvm", 1, "lost-write", 28),
        Mistake(reclaim, FreesBeforeFlush, ANON, "kvm", 1, "freed-frame", 26),
        Mistake(reclaim, ForgetsDirtyBit, LAZY, "sva", 0, "lost-write", 15),
        Mistake(reclaim, UnmapsSilently, ANON, "kvm", 0, "freed-frame", 25),
        Mistake(migrate_pages, CopiesBeforeFlush, ANON, "kvm", 1, "lost-write", 28),
        Mistake(ksm_merge, MergesWritable, MERGEABLE, "sva", 0, "lost-write", 20),
        Mistake(cleans_without_flush, Mapping, SHARED_FILE, "sva", 0, "lost-dirty-bit", 14),
        Mistake(stores_before_mkclean, Mapping, SHARED_FILE, "sva", 0, "lost-dirty-bit", 16),
        Mistake(unmaps_and_forgets, Mapping, UNMAPPED_FILE, "sva", 0, "lost-dirty-bit", 18),
        Mistake(truncates_without_unmapping, Mapping, SHARED_FILE, "sva", 0, "freed-frame", 10),
        Mistake(removes_in_silence, Mapping, SHARED_FILE, "kvm", 0, "freed-frame", 25),
        Mistake(cold_with_a_window, young_and_reclaimed, ANON, "sva", 0, "lost-dirty-bit", 12),
    ],
)
def test_a_mistake_is_found(mistake: Mistake) -> None:
    """An order changed or a call left out, under a driver that is correct."""
    operation = Operation(
        "broken", mistake.function, patterns=mistake.patterns, parts=(mistake.part,)
    )
    result = run(mistake.driver, "6.6", operation, cpus=mistake.cpus)
    assert (result.verdict, result.rule) == ("violated", mistake.rule)
    assert steps(result) == mistake.length


HOLDS = {
    "file_write_fault": (2577, 29),
    "file_munmap": (1302, 25),
    "truncate": (15778, 44),
    "punch_hole": (25510, 75),
    "madvise_remove": (25510, 75),
    "madvise_cold": (2734, 28),
    "madvise_free": (1423, 21),
    "fsync": (6281, 45),
    "wp_shared_mapping_range": (2419, 39),
    "clean_record_shared_mapping_range": (1266, 24),
    "reclaim": (8041, 45),
    "reclaim_file": (9902, 49),
    "migrate_pages": (4792, 40),
    "migrate_file": (9549, 37),
    "swap_in": (1653, 25),
    "swapoff": (907, 25),
    "ksm_merge": (13835, 44),
    "ksm_unmerge": (631, 18),
}


@pytest.mark.parametrize("operation", HOLDS)
def test_no_cpu_loses_a_write(operation: str) -> None:
    """With the flushes where Linux has them no CPU writes into the void, or without a dirty bit."""
    result = run("kvm", "6.18", OPERATIONS[operation], cpus=1, devices=0)
    assert (result.verdict, result.states, result.depth) == ("holds", *HOLDS[operation])


@pytest.mark.parametrize("driver", ["kvm", "sva"])
@pytest.mark.parametrize("operation", ["fsync", "reclaim", "migrate_pages", "ksm_merge"])
def test_no_device_loses_a_write(driver: str, operation: str) -> None:
    """The same for a device that mirrors, and for one behind an IOMMU."""
    result = run(driver, "6.18", OPERATIONS[operation])
    assert (result.verdict, result.covered.idle_rules) == ("holds", ())


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [("3.14", ("violated", "lost-dirty-bit", 30)), ("3.15", ("holds", None, 0))],
)
def test_munmap_and_write_back(kernel: str, expected: tuple[str, str | None, int]) -> None:
    """1cf35d47712d: until 3.14 munmap gave back the page-table lock before it flushed a dirty page
    of a file; write-back found no entry and took the page for clean, and a CPU still wrote it."""
    operations = OPERATIONS["file_munmap"], OPERATIONS["fsync"]
    result = run("kvm-2.6.27", kernel, *operations, cpus=1, devices=0)
    assert (result.verdict, result.rule, steps(result)) == expected


@pytest.mark.parametrize(
    ("operation", "rule"),
    [
        ("fsync", "stale-permission"),
        ("reclaim", "freed-frame"),
        ("migrate_pages", "freed-frame"),
    ],
)
@pytest.mark.parametrize("kernel", ["3.7", "4.4", "4.12"])
def test_without_invalidate_page(operation: str, rule: str, kernel: str) -> None:
    """Until 4.12 start and end are not enough: what works on one page calls invalidate_page (from
    4.5 to 4.10 that came too late for pages of MADV_FREE: `test_discarded`)."""
    result = run("kvm", kernel, OPERATIONS[operation])
    assert (result.verdict, result.rule) == ("violated", rule)
    assert run("kvm-2.6.27", kernel, OPERATIONS[operation]).verdict == "holds"
