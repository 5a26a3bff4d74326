"""Touching many pages with one call: the faults of touching them one by one, in order."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import pytest

from shootdown.live.memory import (
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_PRIVATE,
    PAGE,
    PROT_NONE,
    PROT_READ,
    load,
    mmap,
    mprotect,
    munmap,
    store,
)
from shootdown.live.pagemap import Category, Pagemap
from shootdown.live.toucher import MOST, Toucher


@pytest.fixture
def toucher() -> Iterator[Toucher]:
    made = Toucher()
    yield made
    made.close()


def present(region: int, count: int, category: Category = Category.PRESENT) -> set[int]:
    """Pages of the region of a category."""
    with Pagemap() as pagemap:
        found = pagemap.scan(region, region + count * PAGE, category)
    return {page for each in found for page in range(*_pages(region, each.start, each.end))}


def _pages(region: int, start: int, end: int) -> tuple[int, int]:
    return (start - region) // PAGE, (end - region) // PAGE


@pytest.mark.parametrize("count", [0, 1, 5, MOST, MOST + 7])
def test_all(toucher: Toucher, region: int, count: int) -> None:
    """Reading maps the zero page, writing a page of one's own; one byte each."""
    toucher.read(region, count)
    assert present(region, MOST + 8, Category.ZERO) == set(range(count))
    toucher.write(region, count)
    assert present(region, MOST + 8, Category.ZERO) == set()
    assert present(region, MOST + 8) == set(range(count))


def test_first_byte_alone(toucher: Toucher, region: int) -> None:
    """The others stay."""
    store(region, b"xyz")
    toucher.write(region, 1)
    assert load(region, 3) == b"\0yz"


@pytest.mark.parametrize("stop", [0, 3, MOST + 3])
def test_up_to_the_first_that_fails(toucher: Toucher, region: int, stop: int) -> None:
    """As many as before it, and none behind it; afterwards it works again."""
    mprotect(region + stop * PAGE, PAGE, PROT_NONE)
    with pytest.raises(OSError) as caught:
        toucher.read(region, MOST + 8)
    assert caught.value.errno == errno.EFAULT
    assert present(region, MOST + 8) == set(range(stop))
    munmap(region + stop * PAGE, PAGE)
    with pytest.raises(OSError):
        toucher.read(region + stop * PAGE, 1)
    mmap(region + stop * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
    toucher.read(region, stop + 1)
    with pytest.raises(OSError):
        toucher.write(region, stop + 2)
    assert present(region, MOST + 8, Category.ZERO) == {stop}
    assert present(region, MOST + 8) == set(range(stop + 1))
