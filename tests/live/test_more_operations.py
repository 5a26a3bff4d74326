"""What rarer operations do: facts of Linux 6.18 on x86-64, each from a small program."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path

import pytest

from shootdown.live import calls
from shootdown.live.apart import apart
from shootdown.live.memory import PAGE, READ_WRITE, mmap, munmap
from shootdown.live.more_operations import MORE
from shootdown.live.observe import Observer
from shootdown.live.programs import ARGUMENTS, Observed, Operation, Program

from .conftest import REGION
from .test_observe import observer  # noqa: F401 - a fixture

MAP: Operation = ("mmap_anon", 0, 16, "rw")
FILE: Operation = ("mmap_shared", 0, 16, "rw", 0)
Row = tuple[int, int, str]
Do = Callable[..., tuple[Observed, ...]]


@pytest.fixture
def do(observer: Observer) -> Do:  # noqa: F811 - the fixture
    """What every operation of a program did."""
    if not platform.release().startswith("6.18."):
        pytest.skip(f"these are facts of Linux 6.18, this is {platform.release()}")

    def observe(*operations: Operation) -> tuple[Observed, ...]:
        return observer.observe(Program(0, "", REGION, 16, operations)).observed

    return observe


def told(each: Observed) -> list[Row]:
    return [(*span, site) for span, site in zip(each.ranges, each.sites, strict=True)]


def pages(each: Observed) -> dict[tuple[int, int], str]:
    return {(start, end): flags for start, end, flags in each.state.pages}


def test_names() -> None:
    """What can be performed can be written in a file."""
    assert set(MORE) < set(ARGUMENTS)


def test_maps(do: Do) -> None:
    """Populated at once, by locking too; what must not replace anything does not."""
    *_, populate, lock, refused, mapped = do(
        ("mmap_populate", 0, 4, "rw"), ("mmap_locked", 2, 4, "r"),
        ("mmap_noreplace", 5, 2, "rw"), ("mmap_noreplace", 6, 2, "rw"),
    )  # fmt: skip
    assert pages(populate) == {(0, 4): "PX"}
    assert (told(lock), pages(lock)) == ([(2, 6, "unmap_vmas")], {(0, 2): "PX", (2, 6): "PZ"})
    assert (refused.result, mapped.result) == (-17, 0)
    assert told(refused) == told(mapped) == []


def test_disk(do: Do) -> None:
    """What is dirty is told when it is synced, page by page; private mappings are left alone."""
    _, _, sync, _, _, whole, again = do(
        ("mmap_disk_shared", 0, 8, "rw", 0), ("write", 0, 4), ("msync", 1, 2),
        ("mmap_disk_private", 8, 8, "rw", 0), ("write", 8, 1), ("fsync",), ("fsync",),
    )  # fmt: skip
    assert told(sync) == [(1, 2, "page_vma_mkclean_one"), (2, 3, "page_vma_mkclean_one")]
    assert told(whole) == [(0, 1, "page_vma_mkclean_one"), (3, 4, "page_vma_mkclean_one")]
    assert told(again) == []
    assert [vma[3] for vma in whole.state.vmas] == ["disk", "disk"]


def test_memfd(do: Do) -> None:
    """Nothing is written back, and preallocation tells nobody."""
    _, _, sync, allocated, beyond, looked, hole = do(
        FILE, ("write", 0, 4), ("msync", 0, 16), ("fallocate", 4, 2), ("fallocate", 14, 8),
        ("mincore", 0, 16), ("mincore", 0, 17),
    )  # fmt: skip
    assert [told(each) for each in (sync, allocated, beyond, looked, hole)] == [[]] * 5
    assert [each.result for each in (sync, allocated, beyond, looked, hole)] == [0, 0, 0, 0, -12]


def test_sealed(do: Do) -> None:
    """What is sealed is not unmapped or changed, and nobody is told; it can be emptied."""
    _, _, _, unmap, protect, forget = do(
        MAP, ("write", 0, 8), ("mseal", 2, 2), ("munmap", 1, 2), ("mprotect", 2, 1, "r"),
        ("madvise", 2, 1, "DONTNEED"),
    )  # fmt: skip
    assert [each.result for each in (unmap, protect, forget)] == [-1, -1, 0]
    assert told(unmap) == told(protect) == []
    assert [row[:2] for row in told(forget)] == [(2, 3)]


def test_process_madvise(do: Do) -> None:
    """One range for each part, and the number of pages; a part that fails ends it."""
    _, _, both, half = do(
        MAP, ("write", 0, 8), ("process_madvise", 0, 2, 4, 2, "DONTNEED"),
        ("process_madvise", 2, 2, 30, 2, "DONTNEED"),
    )  # fmt: skip
    assert [row[:2] for row in told(both)] == [(0, 2), (4, 6)]
    assert (both.result, half.result) == (4, 2)


def test_remap_file_pages(do: Do) -> None:
    """As a new mapping in the place of the old one."""
    _, _, remapped = do(FILE, ("write", 0, 16), ("remap_file_pages", 2, 4, 8))
    assert told(remapped) == [(2, 6, "unmap_vmas")]
    assert [(vma[0], vma[4]) for vma in remapped.state.vmas] == [(0, 0), (2, 8), (6, 6)]


def test_other_ways_to_write(do: Do) -> None:
    """They break copies as a fault does; /proc/PID/mem even where the process may not write."""
    _, read, write, _, refused, forced = do(
        MAP, ("process_vm_readv", 0, 4), ("process_vm_writev", 0, 2), ("mprotect", 0, 16, "r"),
        ("process_vm_writev", 0, 4), ("mem_write", 0, 4),
    )  # fmt: skip
    assert (told(read), pages(read)) == ([], {(0, 4): "PZ"})
    assert told(write) == [(0, 1, "do_wp_page"), (1, 2, "do_wp_page")]
    assert (refused.result, told(refused)) == (-14, [])
    assert told(forced) == [(2, 3, "do_wp_page"), (3, 4, "do_wp_page")]


def test_nodes(do: Do) -> None:
    """Pages that are where they should be stay; without any node that suits, each one moves."""
    _, _, bind, moved, default = do(
        MAP, ("write", 0, 8), ("mbind", 2, 4, "bind"), ("move_pages", 0, 8),
        ("mbind", 4, 4, "default"),
    )  # fmt: skip
    assert told(bind) == told(moved) == []
    assert [vma[:2] for vma in bind.state.vmas] == [(0, 2), (2, 6), (6, 16)]
    assert told(default) == [(page, page + 1, "try_to_migrate_one") for page in range(4, 8)]


def test_segments(do: Do) -> None:
    """Attached over what is there; detached VMA by VMA."""
    _, _, attach, cut, detach, again = do(
        MAP, ("write", 0, 8), ("shmat", 2, "rw"), ("munmap", 4, 2), ("shmdt", 2), ("shmdt", 2)
    )
    assert told(attach) == [(2, 10, "unmap_vmas")]
    assert [vma[3:] for vma in cut.state.vmas[1:3]] == [("shm", 0), ("shm", 4)]
    assert told(detach) == [(2, 4, "unmap_vmas"), (6, 10, "unmap_vmas")]
    assert again.result == -22


def test_break(do: Do) -> None:
    """Growing is not told, shrinking is; there is no growing over something."""
    grown, _, shrunk, _, over, emptied = do(
        ("brk", 0, 8), ("write", 0, 8), ("brk", 8, 4), ("mmap_anon", 6, 1, "rw"), ("brk", 4, 7),
        ("brk", 4, 0),
    )  # fmt: skip
    assert (told(grown), grown.state.vmas) == ([], ((0, 8, "rw-p", "anon", 0),))
    assert told(shrunk) == [(4, 8, "unmap_vmas")]
    assert (over.result, told(over)) == (-12, [])
    assert told(emptied) == [(0, 4, "unmap_vmas")]


def test_clearing(do: Do) -> None:
    """Soft-dirty tells of everything there is; accessed bits are cleared without a word."""
    _, _, *cleared, scanned = do(
        MAP, ("write", 0, 8), *(("clear_refs", what) for what in (1, 2, 3, 5, 4)),
        ("pagemap_scan_wp", 2, 4),
    )  # fmt: skip
    assert [told(each) for each in cleared[:-1]] == [[]] * 4
    everything = (-REGION // PAGE, -((REGION - 2**64 + 1) // PAGE), "clear_refs_write")
    assert told(cleared[-1]) == [everything]
    assert told(scanned) == [(2, 6, "do_pagemap_scan")]


def test_children(do: Do) -> None:
    """However a child ends, its parent is not told, and has its pages for itself again."""
    for end in ("child_exec", "child_kill", "child_exit"):
        _, _, _, ended, none, written = do(
            MAP, ("write", 0, 2), ("fork",), (end,), (end,), ("write", 0, 2)
        )
        assert (ended.result, told(ended), pages(ended)) == (0, [], {(0, 2): "PX"})
        assert (none.result, told(written)) == (-3, [])
    assert told(do(("spawn",))[0]) == []


def test_userfaultfd_protects(do: Do) -> None:
    """Each change of protection is told; a write in between fails instead of waiting."""
    _, _, register, protect, write, release, unregister = do(
        MAP, ("write", 0, 8), ("uffd_register", 0, 12, "wp"), ("uffd_wp", 2, 6),
        ("write", 2, 1), ("uffd_unwp", 3, 1), ("uffd_unregister", 4, 4),
    )  # fmt: skip
    assert told(register) == []
    assert told(protect) == [(2, 8, "change_protection")]
    assert pages(protect) == {(0, 2): "PX", (2, 8): "PXU"}
    assert (write.result, told(write)) == (-14, [])
    assert told(release) == [(3, 4, "change_protection")]
    assert told(unregister) == [(4, 8, "change_protection")]


def test_userfaultfd_fills(do: Do) -> None:
    """Filling is not told; moving is, for the source."""
    _, _, read, copied, zeroed, twice, moved = do(
        MAP, ("uffd_register", 0, 12, "missing"), ("read", 0, 1), ("uffd_copy", 0, 4),
        ("uffd_zeropage", 4, 2), ("uffd_copy", 3, 1), ("uffd_move", 0, 2, 8),
    )  # fmt: skip
    assert [each.result for each in (read, copied, zeroed, twice)] == [-14, 0, 0, -17]
    assert told(copied) == told(zeroed) == told(twice) == []
    assert told(moved) == [(0, 2, "move_pages_ptes")]
    assert pages(moved) == {(2, 4): "PX", (4, 6): "PZ", (8, 10): "PX"}


def test_breakpoints(do: Do) -> None:
    """The page with one is a copy, which is told; so is taking it out again."""
    _, _, put, _, out, none = do(
        ("mmap_private", 0, 16, "r", 0), ("read", 0, 2), ("uprobe", 1), ("write", 1, 1),
        ("uprobe_end",), ("uprobe_end",),
    )  # fmt: skip
    assert told(put) == [(1, 2, "do_wp_page")]
    assert told(out) == [(1, 2, "uprobe_write")]
    assert none.result == -2


# --- calls --------------------------------------------------------------------------------------


def test_the_heap_is_only_borrowed() -> None:
    """After a break somewhere else the heap of the process is what it was, and grows."""

    def borrow() -> tuple[bool, int]:
        before = calls._own_map()
        calls.move_brk(REGION, REGION, REGION + 4 * PAGE)
        same = calls._own_map() == before
        big = [bytearray(1000) for _ in range(5000)]
        return same, len(big)

    assert apart(borrow) == (True, 5000)


def test_mincore() -> None:
    """A byte for each page."""
    place = mmap(0, 3 * PAGE, READ_WRITE)
    assert len(calls.mincore(place, 3 * PAGE)) == 3
    assert calls.vm_write(place + PAGE, 1) == 1
    assert calls.mincore(place, 3 * PAGE)[1] & 1
    munmap(place, 3 * PAGE)


def test_segments_do_not_stay() -> None:
    """They are gone with the process that made them."""

    def make() -> int:
        segment = calls.shmget(PAGE)
        calls.shmat(segment, 0, 0)
        calls.shm_remove(segment)
        calls.shmat(segment, 0, 0)
        return segment

    segment = apart(make)
    with pytest.raises(OSError):
        calls.shmat(segment, 0, 0)
    lines = Path("/proc/sysvipc/shm").read_text(encoding="utf-8").splitlines()
    assert str(segment) not in {line.split()[1] for line in lines}
