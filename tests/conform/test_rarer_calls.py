"""Rarer system calls: the model against recorded programs, and what each rule of them says."""

from __future__ import annotations

from errno import EACCES, EEXIST, EFAULT, EINVAL, EIO, ENOMEM, EPERM
from pathlib import Path

import pytest

from shootdown.conform.compare import compare
from shootdown.conform.machine import Machine
from shootdown.live.programs import read_programs

from .performing import perform, told

RECORDED = Path(__file__).parent / "data" / "rarer-calls.jsonl"


@pytest.fixture(scope="module")
def machine() -> Machine:
    """Compiled once."""
    return Machine()


def test_recorded_programs(machine: Machine) -> None:
    """Everything of 21 programs of the profile `more`, each performed to its end."""
    recordings = list(read_programs(RECORDED))
    assert len(recordings) == 21
    for recording in recordings:
        found = compare(recording.program, machine.perform(recording.program), recording.observed)
        assert found is None, found


def test_what_is_sealed_stays(machine: Machine) -> None:
    """The first VMA of an munmap is split before the second is found sealed, and stays split."""
    *_, unmapped, protected, moved, replaced, dropped = perform(
        machine,
        ("mmap_anon", 0, 8, "rw"),
        ("mprotect", 4, 4, "r"),
        ("mseal", 4, 2),
        ("munmap", 2, 3),
        ("mprotect", 5, 1, "rw"),
        ("mremap", 4, 1, 1, 3, 10),
        ("mmap_anon", 4, 4, "rw"),
        ("madvise", 4, 1, "DONTNEED"),
    )
    calls = (unmapped, protected, moved, replaced, dropped)
    assert [each.result for each in calls] == [-EPERM] * 5
    assert all(not each.ranges for each in calls)
    assert [vma[:2] for vma in dropped.state.vmas] == [(0, 2), (2, 4), (4, 6), (6, 8)]


def test_a_heap_ends_where_something_is(machine: Machine) -> None:
    """It needs a page to spare, and extends what is like it."""
    *_, grown, refused, shrunk, nothing = perform(
        machine,
        ("mmap_anon", 0, 4, "rw"),
        ("mmap_anon", 12, 2, "rw"),
        ("brk", 4, 8),
        ("brk", 8, 12),
        ("brk", 8, 6),
        ("brk", 10, 8),
    )
    assert (grown.result, [vma[:2] for vma in grown.state.vmas]) == (0, [(0, 8), (12, 14)])
    assert refused.result == -ENOMEM
    assert (shrunk.result, told(shrunk)) == (0, [(6, 8, "unmap_vmas")])
    assert (nothing.result, nothing.ranges) == (-ENOMEM, ())


def test_segments_do_not_merge_and_may_be_for_reading_only(machine: Machine) -> None:
    """shmdt takes what is left of the attachment that it finds first."""
    *_, apart, refused, hole, gone, again = perform(
        machine,
        ("shmat", 8, "r"),
        ("shmat", 0, "rw"),
        ("mprotect", 2, 1, "r"),
        ("mprotect", 2, 1, "rw"),
        ("mprotect", 8, 1, "rw"),
        ("madvise", 8, 1, "REMOVE"),
        ("shmdt", 0),
        ("shmdt", 0),
    )
    assert [vma[:2] for vma in apart.state.vmas] == [(0, 2), (2, 3), (3, 8), (8, 16)]
    assert (refused.result, hole.result) == (-EACCES, -EACCES)
    assert [span for *span, _ in told(gone)] == [[0, 2], [2, 3], [3, 8]]
    assert again.result == -EINVAL


def test_the_default_policy_migrates_what_is_mapped_once(machine: Machine) -> None:
    """To bind memory to the node where it is moves nothing."""
    _, _, bound, _, shared, _, alone = perform(
        machine,
        ("mmap_anon", 0, 8, "rw"),
        ("write", 0, 2),
        ("mbind", 0, 8, "bind"),
        ("fork",),
        ("mbind", 0, 8, "default"),
        ("child_kill",),
        ("mbind", 0, 8, "default"),
    )
    assert (bound.ranges, shared.ranges) == ((), ())
    assert told(alone) == [(0, 1, "try_to_migrate_one"), (1, 2, "try_to_migrate_one")]


def test_writing_back_announces_every_shared_mapping(machine: Machine) -> None:
    """In the order in which the file has them, also the one that may only read; a private one, and
    what is clean, are left out."""
    *_, first, second = perform(
        machine,
        ("mmap_disk_shared", 0, 4, "rw", 0),
        ("mmap_disk_shared", 8, 4, "r", 0),
        ("mmap_disk_private", 12, 4, "r", 0),
        ("write", 1, 1),
        ("msync", 0, 4),
        ("fsync",),
    )
    assert told(first) == [(1, 2, "page_vma_mkclean_one"), (9, 10, "page_vma_mkclean_one")]
    assert told(second) == []


def test_a_pin_for_reading_copies_what_is_shared(machine: Machine) -> None:
    """FAULT_FLAG_UNSHARE: and a write afterwards needs no copy."""
    *_, read, written = perform(
        machine,
        ("mmap_anon", 0, 2, "rw"),
        ("write", 0, 1),
        ("fork",),
        ("process_vm_readv", 0, 1),
        ("write", 0, 1),
    )
    assert told(read) == [(0, 1, "do_wp_page")]
    assert told(written) == []


def test_writing_where_the_process_may_not(machine: Machine) -> None:
    """/proc/self/mem writes to private memory, never to shared memory."""
    results = [
        each.result
        for each in perform(
            machine,
            ("mmap_anon", 0, 2, "r"),
            ("mmap_shared", 2, 2, "r", 0),
            ("process_vm_writev", 0, 1),
            ("mem_write", 0, 2),
            ("mem_write", 2, 1),
            ("mmap_noreplace", 3, 2, "rw"),
        )
    ]
    assert results[2:] == [-EFAULT, 0, -EIO, -EEXIST]


def test_fault_around_leaves_out_what_is_not_filled(machine: Machine) -> None:
    """fallocate() puts pages into the cache that nobody has zeroed yet."""
    *_, last = perform(
        machine,
        ("mmap_shared", 0, 8, "rw", 0),
        ("fallocate", 0, 8),
        ("read", 0, 1),
        ("fallocate", 1, 1),
        ("mmap_shared", 8, 8, "rw", 0),
        ("read", 8, 1),
    )
    assert last.state.pages == ((0, 1, "PF"), (8, 9, "PF"), (9, 10, "PFX"))
