"""What a guest sees while its process changes the pages under it.

Every change is told to KVM in time, so that the guest sees what the process has.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

import pytest

from shootdown.live.guest import Guest
from shootdown.live.kvm import Kvm
from shootdown.live.memory import (
    MADV_DONTNEED,
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_PRIVATE,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
    PAGE,
    PROT_READ,
    READ_WRITE,
    load,
    madvise,
    mmap,
    mprotect,
    mremap,
    munmap,
    store,
)
from shootdown.live.perf_events import TracepointEvents
from shootdown.live.tracepoints import Tracepoint, find_tracepoint

DATA = 64
"""the page that is looked at"""


@pytest.fixture
def guest(kvm: Kvm) -> Iterator[Guest]:
    """It has seen its page already, so that its MMU holds an entry."""
    with Guest(kvm) as made:
        assert made.read(DATA) == 0
        yield made


def put(guest: Guest, value: int) -> None:
    """The process writes."""
    store(guest.page(DATA), value.to_bytes(8, "little"))


def get(guest: Guest) -> int:
    """The process reads."""
    return int.from_bytes(load(guest.page(DATA), 8), "little")


def fork() -> None:
    """A child comes and goes; pages are shared with it until then."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def faults(action: object, *arguments: int) -> bool:
    """Whether the guest cannot."""
    try:
        action(*arguments)
    except OSError as error:
        assert error.errno == errno.EFAULT
        return True
    return False


def test_both_ways(guest: Guest) -> None:
    """What one writes, the other reads."""
    put(guest, 0x22)
    assert guest.read(DATA) == 0x22
    guest.write(DATA, 0xFEDCBA9876543210)
    assert get(guest) == 0xFEDCBA9876543210


def test_copy_on_write(guest: Guest) -> None:
    """After a fork the process writes to a copy, and the guest sees the copy; and vice versa."""
    reader, writer = os.pipe()
    put(guest, 0x22)
    guest.read(DATA)
    child = os.fork()
    if child == 0:
        os.read(reader, 1)
        os._exit(0)
    put(guest, 0x33)
    assert guest.read(DATA) == 0x33
    guest.write(DATA, 0x44)
    assert get(guest) == 0x44
    os.write(writer, b"x")
    os.waitpid(child, 0)
    os.close(reader)
    os.close(writer)


def test_guest_breaks_the_sharing(guest: Guest) -> None:
    """A write of the guest after a fork is seen by the process."""
    put(guest, 1)
    fork()
    guest.write(DATA, 0x44)
    assert get(guest) == 0x44


def test_forgotten(guest: Guest) -> None:
    """DONTNEED: zeros."""
    guest.write(DATA, 5)
    madvise(guest.page(DATA), PAGE, MADV_DONTNEED)
    assert guest.read(DATA) == 0


def test_protected(guest: Guest) -> None:
    """Read-only for the process is read-only for the guest, until it no longer is."""
    guest.write(DATA, 5)
    mprotect(guest.page(DATA), PAGE, PROT_READ)
    assert guest.read(DATA) == 5
    assert faults(guest.write, DATA, 6)
    mprotect(guest.page(DATA), PAGE, READ_WRITE)
    guest.write(DATA, 6)
    assert get(guest) == 6


def test_unmapped_and_mapped_again(guest: Guest) -> None:
    """Nothing there; then what is there now."""
    guest.write(DATA, 5)
    munmap(guest.page(DATA), PAGE)
    assert faults(guest.read, DATA)
    mmap(guest.page(DATA), PAGE, flags=MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
    put(guest, 0x77)
    assert guest.read(DATA) == 0x77


def test_moved(guest: Guest) -> None:
    """Moved away, and moved to where another page of the guest is."""
    guest.write(DATA, 5)
    target = guest.page(DATA + 1)
    mremap(guest.page(DATA), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target)
    assert faults(guest.read, DATA)
    assert guest.read(DATA + 1) == 5


def test_entries_are_kept_until_told(guest: Guest, unmap_event: Tracepoint) -> None:
    """It is a secondary MMU: it fills an entry once, and again only after an invalidation."""
    filled = find_tracepoint("kvmmmu:kvm_mmu_set_spte")
    with TracepointEvents([filled]) as events:

        def fills() -> int:
            return len(events.drain())

        put(guest, 0x11)
        guest.read(DATA)
        fills()
        guest.read(DATA)
        put(guest, 0x22)
        assert guest.read(DATA) == 0x22
        assert fills() == 0
        madvise(guest.page(DATA), PAGE, MADV_DONTNEED)
        guest.read(DATA)
        assert fills() == 1
