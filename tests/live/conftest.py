"""What these tests need of the machine; where it is missing they are skipped, with the reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shootdown.live.errors import MissingMeansError
from shootdown.live.kvm import Kvm
from shootdown.live.memory import MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, PAGE, mmap, munmap
from shootdown.live.perf_events import TracepointEvents
from shootdown.live.tracepoints import Tracepoint, find_tracepoint

REGION = 0x200000000000
"""an address with nothing else in its top-level page-table slot"""
PAGES = 3 * 512


@pytest.fixture
def kvm() -> Iterator[Kvm]:
    """The device, on a machine that can make a VM."""
    try:
        device = Kvm()
        device.create_vm().close()
    except MissingMeansError as error:
        pytest.skip(str(error))
    with device:
        yield device


@pytest.fixture
def unmap_event() -> Tracepoint:
    """A tracepoint of KVM, on a machine where tracepoints can be recorded."""
    try:
        tracepoint = find_tracepoint("kvm:kvm_unmap_hva_range")
        TracepointEvents([tracepoint], pages=1).close()
    except MissingMeansError as error:
        pytest.skip(str(error))
    return tracepoint


@pytest.fixture
def region() -> Iterator[int]:
    """Private memory, never touched, far from everything else."""
    flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
    yield mmap(REGION, PAGES * PAGE, flags=flags)
    munmap(REGION, PAGES * PAGE)
