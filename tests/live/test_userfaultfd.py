"""userfaultfd: faults told and answered, and what changes the address space."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from shootdown.live.errors import MissingMeansError
from shootdown.live.memory import (
    MADV_DONTNEED,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
    PAGE,
    load,
    madvise,
    mmap,
    mremap,
    munmap,
    store,
)
from shootdown.live.userfaultfd import (
    Fault,
    FaultFlag,
    Feature,
    Forked,
    Message,
    Mode,
    Remapped,
    Removed,
    Unmapped,
    Userfaultfd,
    decode_messages,
)

from .unprivileged import run_as_nobody

EVENTS = Feature.EVENT_REMAP | Feature.EVENT_REMOVE | Feature.EVENT_UNMAP


@pytest.fixture
def uffd(region: int) -> Iterator[Userfaultfd]:
    """One that tells of everything but forks; closed before the region is unmapped, which it would
    hold up."""
    try:
        descriptor = Userfaultfd(EVENTS | Feature.PAGEFAULT_FLAG_WP)
    except MissingMeansError as error:
        pytest.skip(str(error))
    with descriptor:
        yield descriptor


def during(action: Callable[[], object], uffd: Userfaultfd, answer: object = None) -> list[Message]:
    """The messages told while something is done in another thread, each one answered."""
    told: list[Message] = []
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    for _ in range(10_000):
        if not thread.is_alive():
            return told
        for message in uffd.read():
            told.append(message)
            if isinstance(message, Fault):
                answer(message)
        thread.join(0.001)
    raise AssertionError(f"still waiting after {told}")


def test_missing_pages(uffd: Userfaultfd, region: int) -> None:
    """A read and a write wait until the monitor has filled the page in."""
    uffd.register(region, 4 * PAGE)
    source = mmap(0, PAGE)
    store(source, b"from the monitor")

    def copy(fault: Fault) -> None:
        assert uffd.copy(fault.address, source, PAGE) == PAGE

    def zero(fault: Fault) -> None:
        assert uffd.zero_page(fault.address, PAGE) == PAGE

    assert during(lambda: load(region, 1), uffd, copy) == [Fault(region, FaultFlag(0), 0)]
    assert load(region, 16) == b"from the monitor"
    told = during(lambda: store(region + PAGE, b"x"), uffd, zero)
    assert told == [Fault(region + PAGE, FaultFlag.WRITE, 0)]
    assert load(region + PAGE, 2) == b"x\0"
    munmap(source, PAGE)


def test_write_protection(uffd: Userfaultfd, region: int) -> None:
    """A write waits until it is allowed again; reads go on."""
    store(region, b"old")
    uffd.register(region, PAGE, Mode.WRITE_PROTECT)
    uffd.write_protect(region, PAGE)
    assert during(lambda: load(region, 1), uffd) == []
    told = during(
        lambda: store(region, b"new"),
        uffd,
        lambda fault: uffd.write_protect(fault.address, PAGE, protected=False),
    )
    assert told == [Fault(region, FaultFlag.WRITE | FaultFlag.WRITE_PROTECT, 0)]
    assert load(region, 3) == b"new"


def test_changes_of_the_address_space(uffd: Userfaultfd, region: int) -> None:
    """As live-tested on 6.18: DONTNEED is told as removed, a move as remapped and unmapped."""
    uffd.register(region, 8 * PAGE)
    target = region + 100 * PAGE
    end = region + PAGE
    assert during(lambda: madvise(region, PAGE, MADV_DONTNEED), uffd) == [Removed(region, end)]
    assert during(lambda: munmap(region, PAGE), uffd) == [Unmapped(region, end)]
    flags = MREMAP_MAYMOVE | MREMAP_FIXED
    moved = during(lambda: mremap(end, PAGE, PAGE, flags, target), uffd)
    assert moved == [Remapped(end, target, PAGE), Unmapped(end, end + PAGE)]
    uffd.unregister(region + 2 * PAGE, 6 * PAGE)
    assert during(lambda: munmap(region + 2 * PAGE, PAGE), uffd) == []


def test_move(region: int) -> None:
    """Pages are moved into the range; a kernel that cannot is a skip."""
    try:
        uffd = Userfaultfd(Feature.MOVE)
    except MissingMeansError as error:
        pytest.skip(str(error))
    with uffd:
        store(region + 8 * PAGE, b"moved")
        uffd.register(region, PAGE)
        assert uffd.move(region, region + 8 * PAGE, PAGE) == PAGE
        assert load(region, 5) == b"moved"
        assert load(region + 8 * PAGE, 5) == bytes(5)


def test_without_rights() -> None:
    """Nobody may have one for user mode; for the rest, and for forks, the right is named."""
    told = run_as_nobody(
        "from shootdown.live.userfaultfd import Userfaultfd, Feature\n"
        "from shootdown.live.errors import MissingMeansError\n\n"
        "print(Userfaultfd(Feature.EVENT_UNMAP).fd > 0)\n"
        "for arguments in ((Feature.EVENT_FORK, True), (Feature(0), False)):\n"
        "    try: Userfaultfd(arguments[0], user_mode_only=arguments[1]); print('granted')\n"
        "    except MissingMeansError as error: print(error.what)\n"
    ).splitlines()
    assert told[0] == "True"
    assert "hear of forks (CAP_SYS_PTRACE)" in told[1]
    assert told[2] == "granted" or "faults of the kernel (CAP_SYS_PTRACE)" in told[2]


def test_messages() -> None:
    """Every kind, from bytes; unknown ones and halves are refused."""

    def message(event: int, *values: int) -> bytes:
        return struct.pack("=BBHIQQQ", event, 0, 0, 0, *values)

    data = (
        message(0x12, 5, 0x1000, 77)
        + message(0x13, 9, 0, 0)
        + message(0x14, 1, 2, 3)
        + message(0x15, 4, 5, 0)
        + message(0x16, 6, 7, 0)
    )
    assert decode_messages(data) == [
        Fault(0x1000, FaultFlag.WRITE | FaultFlag.MINOR, 77),
        Forked(9),
        Remapped(1, 2, 3),
        Removed(4, 5),
        Unmapped(6, 7),
    ]
    with pytest.raises(ValueError, match="0x99"):
        decode_messages(message(0x99, 0, 0, 0))
    with pytest.raises(ValueError, match="31 bytes"):
        decode_messages(data[:31])


def test_unknown_feature() -> None:
    """A feature that no kernel has: which ones there are is said."""
    with pytest.raises(MissingMeansError, match="lacks one of the userfaultfd features") as caught:
        Userfaultfd(Feature(1 << 40))
    assert "EVENT_UNMAP" in caught.value.how
