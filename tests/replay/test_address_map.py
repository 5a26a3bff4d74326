"""Addresses to page numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shootdown.lang.declare import PageRange
from shootdown.replay.address_map import BLOCK, ENTRIES, PAGE, AddressMap, blocks_of


@pytest.mark.parametrize(
    ("address", "length", "blocks"),
    [
        (0, 0, []),
        (0, 1, [0]),
        (0, BLOCK, [0]),
        (0, BLOCK + 1, [0, 1]),
        (BLOCK - 1, 1, [0]),
        (BLOCK - 1, 2, [0, 1]),
        (5 * BLOCK, 3 * BLOCK, [5, 6, 7]),
    ],
)
def test_blocks(address: int, length: int, blocks: list[int]) -> None:
    """A range touches a block if a byte of it lies there."""
    assert list(blocks_of(address, length)) == blocks


def test_blocks_are_numbered_in_address_order() -> None:
    """Every block once, 512 pages each, without gaps."""
    numbered = AddressMap.of([9, 3, 9, 4])
    assert numbered.blocks == (3, 4, 9)
    assert numbered.pages == 3 * ENTRIES
    assert numbered.page(3 * BLOCK) == 0
    assert numbered.page(4 * BLOCK + 7 * PAGE) == ENTRIES + 7
    assert numbered.page(9 * BLOCK + BLOCK - 1) == 3 * ENTRIES - 1


@pytest.mark.parametrize(
    ("address", "length", "expected"),
    [
        (3 * BLOCK, PAGE, (0, 1)),
        (3 * BLOCK, 1, (0, 1)),
        (3 * BLOCK, 0, (0, 0)),
        (3 * BLOCK, PAGE + 1, (0, 2)),
        (0, 3 * BLOCK, (0, 0)),
        (0, 100 * BLOCK, (0, 1536)),
        (3 * BLOCK + 511 * PAGE, 2 * PAGE, (511, 513)),
        (5 * BLOCK, 4 * BLOCK, (1024, 1024)),
        (5 * BLOCK, 4 * BLOCK + PAGE, (1024, 1025)),
        (20 * BLOCK, BLOCK, (1536, 1536)),
    ],
)
def test_ranges_shrink_to_numbered_blocks(
    address: int, length: int, expected: tuple[int, int]
) -> None:
    """A partial page counts; what has no number is left out."""
    numbered = AddressMap.of([3, 4, 9])
    assert numbered.range(address, length) == PageRange(*expected)


@given(
    blocks=st.sets(st.integers(0, 12), max_size=6),
    first=st.integers(0, 13 * ENTRIES),
    size=st.integers(0, 5 * ENTRIES),
)
def test_a_range_holds_exactly_its_numbered_pages(blocks: set[int], first: int, size: int) -> None:
    """Page by page: a page is in the range if its block has a number and its address is in it."""
    numbered = AddressMap.of(blocks)
    found = numbered.range(first * PAGE, size * PAGE)
    pages = [page for page in range(first, first + size) if page // ENTRIES in blocks]
    assert [numbered.page(page * PAGE) for page in pages] == list(found)
