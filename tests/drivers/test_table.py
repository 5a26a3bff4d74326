"""Drivers of each kind under every operation, on every kernel they can run on, exactly."""

from __future__ import annotations

import pytest

from shootdown.scenarios.verdict import overall

from .table import (
    COUNTED_DRIVERS,
    COUNTED_OPERATIONS,
    COUNTED_PAIRS,
    PAIRS,
    SINGLES,
    Block,
    Checker,
    single_blocks,
    stored,
)

BLOCKS = tuple(single_blocks())
OTHER_KERNELS = {
    "kvm": ("3.7", "3.15", "3.19", "6.6", "6.19"),
    "invalidate-range": ("4.15", "6.5"),
    "sva": ("6.19",),
}
OTHER_PAIRS = tuple(
    (Block(driver, kernel), number)
    for driver, kernels in OTHER_KERNELS.items()
    for number, kernel in enumerate(kernels)
)
"""with their number among those of the driver"""


@pytest.fixture(scope="module")
def checker() -> Checker:
    """One for all tests: what was searched is not searched again."""
    return Checker()


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: b.title)
def test_single_operations(checker: Checker, block: Block) -> None:
    """Verdict, rule, states, transitions, depth and steps are those of `expected.txt`."""
    assert checker.lines_of(block) == stored(SINGLES)[block.title]


def test_no_block_is_forgotten() -> None:
    """The files hold every block that is tested, no other, and every driver."""
    assert list(stored(SINGLES)) == [block.title for block in BLOCKS]
    assert list(stored(PAIRS)) == [block.title for block in COUNTED_PAIRS]
    assert {block.driver for block in BLOCKS} == set(COUNTED_DRIVERS)


@pytest.mark.parametrize("block", COUNTED_PAIRS, ids=lambda b: b.title)
def test_pairs(checker: Checker, block: Block) -> None:
    """The correct drivers hold under every pair of operations, with the counts of the file."""
    expected = stored(PAIRS)[block.title]
    assert len(expected) == 1 + 28
    assert all(" holds " in line for line in expected[1:])
    assert checker.lines_of(block, pairs=True) == expected


@pytest.mark.parametrize(("block", "number"), OTHER_PAIRS, ids=lambda b: getattr(b, "title", ""))
def test_pairs_on_other_kernels(checker: Checker, block: Block, number: int) -> None:
    """The correct drivers hold under pairs of operations on every other generation too: each pair
    on two kernels besides that of the file where there are so many, dealt out in turn, so that
    every generation has two fifths of the pairs of kvm, with every operation among them."""
    kernels = len(OTHER_KERNELS[block.driver])
    dealt = {number, (number + 1) % kernels}
    pairs = block.scenarios(pairs=True)
    assert len(pairs) == 28
    chosen = [pair for index, pair in enumerate(pairs) if index % kernels in dealt]
    named = {operation for pair in chosen for operation in pair.operations}
    assert named == set(COUNTED_OPERATIONS)
    results = [checker.check(scenario) for scenario in chosen]
    assert overall(result.verdict for result in results) == "holds"
