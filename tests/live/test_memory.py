"""Memory system calls: what they do, and that errors are told."""

from __future__ import annotations

import errno

import pytest

from shootdown.live.memory import (
    MADV_DONTNEED,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
    PAGE,
    PROT_NONE,
    PROT_READ,
    load,
    madvise,
    mprotect,
    mremap,
    munmap,
    store,
    touch_read,
    touch_write,
)


def fails_with(number: int, function: object, *arguments: int) -> None:
    """The call fails with this error."""
    with pytest.raises(OSError) as caught:
        function(*arguments)
    assert caught.value.errno == number


def test_load_and_store(region: int) -> None:
    """What is stored is loaded; DONTNEED forgets it."""
    store(region + 8, b"hello")
    assert load(region + 7, 7) == b"\0hello\0"
    madvise(region, PAGE, MADV_DONTNEED)
    assert load(region + 8, 5) == bytes(5)


def test_touching_without_a_signal(region: int) -> None:
    """The kernel touches instead, and says where it could not."""
    touch_write(region, 7)
    assert load(region, 1) == b"\7"
    mprotect(region, PAGE, PROT_READ)
    touch_read(region)
    fails_with(errno.EFAULT, touch_write, region)
    mprotect(region, PAGE, PROT_NONE)
    fails_with(errno.EFAULT, touch_read, region)
    munmap(region, PAGE)
    fails_with(errno.EFAULT, touch_read, region)


def test_move(region: int) -> None:
    """What was there is at the new place, and not at the old one."""
    store(region, b"moved")
    target = region + 100 * PAGE
    assert mremap(region, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target
    assert load(target, 5) == b"moved"
    fails_with(errno.EFAULT, touch_read, region)


def test_errors(region: int) -> None:
    """With the number of the system call's error."""
    fails_with(errno.EINVAL, munmap, region + 1, PAGE)
    fails_with(errno.EINVAL, madvise, region, PAGE, 12345)
    fails_with(errno.ENOMEM, mprotect, region - 16 * PAGE, PAGE, PROT_READ)
    fails_with(errno.EFAULT, mremap, region - 16 * PAGE, PAGE, PAGE)
