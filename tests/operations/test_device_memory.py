"""Device migration and exclusive access: the right ones hold, mistakes are found."""

from __future__ import annotations

import pytest

from shootdown.lang.declare import PageRange
from shootdown.linux.task import Task

from .trying import attempt, instead, outcome

MIGRATIONS = ("migrate_vma", "migrate_to_ram")
TAKINGS = ("make_device_exclusive", "remove_device_exclusive_entry")


@pytest.mark.parametrize("kernel", ["4.14", "4.15", "5.9", "6.1", "6.6", "6.19"])
@pytest.mark.parametrize("operation", MIGRATIONS)
def test_migration(operation: str, kernel: str) -> None:
    """Rows 16 and 17, somebody else's device and one's own."""
    walker = "sva" if kernel in ("6.6", "6.19") else "invalidate-range"
    for driver in ("kvm", walker, "dmirror"):
        assert outcome(attempt(driver, kernel, operation)) == ("holds", None)


@pytest.mark.parametrize("kernel", ["5.14", "6.6", "6.19"])
@pytest.mark.parametrize("operation", TAKINGS)
def test_exclusive_access(operation: str, kernel: str) -> None:
    """Rows 18 and 19, somebody else's device."""
    walker = "invalidate-range" if kernel == "5.14" else "sva"
    for driver in ("kvm", walker, "dmirror"):
        assert outcome(attempt(driver, kernel, operation)) == ("holds", None)


@pytest.mark.parametrize(
    ("driver", "operation"),
    [
        ("dmirror-ignores-everybody", "migrate_vma"),
        ("dmirror-goes-on", "migrate_vma"),
        ("dmirror-goes-on", "migrate_to_ram"),
        ("dmirror-keeps-no-count", "migrate_vma"),
        ("dmirror-keeps-no-count", "migrate_to_ram"),
    ],
)
def test_mistakes_of_a_driver_with_memory(driver: str, operation: str) -> None:
    """Each ends with a device in memory that was freed."""
    assert outcome(attempt(driver, "6.18", operation)) == ("violated", "freed-frame")


def test_a_page_that_was_dropped_in_the_middle() -> None:
    """Mapping what has just been moved needs the same look at the sequence as a fault does:
    MADV_DONTNEED may have dropped it meanwhile."""
    assert outcome(attempt("dmirror-maps-at-once", "6.18", "migrate_vma")) == ("holds", None)
    both = attempt("dmirror-maps-at-once", "6.18", "migrate_vma", "madvise_dontneed")
    assert outcome(both) == ("violated", "freed-frame")


@pytest.mark.parametrize("driver", ["gpu-atomics-no-retry", "gpu-atomics-shared"])
def test_exclusive_access_that_is_not(driver: str) -> None:
    """The page may not be the device's own any more, or never was."""
    found = attempt(driver, "6.18", "remove_device_exclusive_entry")
    assert outcome(found) == ("violated", "exclusive-access")


def test_atomic_operations() -> None:
    """A CPU takes the page back while the device makes it its own."""
    found = attempt("gpu-atomics", "6.18", "remove_device_exclusive_entry")
    assert outcome(found) == ("holds", None)


def migrate_without_collecting(task: Task, range: PageRange) -> None:
    """As if the driver had collected and announced, though nobody was told."""
    mm = task.mm
    memory = mm.device_memory
    assert memory is not None
    args = memory.migrations[task.number]
    mm.begin(range)
    with mm.mmap_lock.read():
        with mm.page_table_lock:
            for page in range:
                memory.collect_page(args, page)
            mm.arch.flush_tlb_range(range)
        memory.unmap(args, range)
        memory.copy(args, range)
        memory.insert(args, range)
        memory.finalize(args, range)
    mm.end(range)


def test_a_migration_that_nobody_hears_of() -> None:
    """Row 16 without S and E: a guest keeps the old page."""
    found = attempt("kvm", "6.18", instead("migrate_vma", migrate_without_collecting))
    assert outcome(found) == ("violated", "freed-frame")
