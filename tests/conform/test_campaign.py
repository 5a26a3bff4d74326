"""Many programs on several processes; disagreements made small on the running kernel."""

from __future__ import annotations

import pytest

from shootdown.conform.campaign import judge_live, judge_recorded, shrink_all
from shootdown.conform.selection import Selection
from shootdown.live.errors import MissingMeansError
from shootdown.live.generate import generate
from shootdown.live.notifications import Lookup
from shootdown.live.observe import Observer, check_means
from shootdown.live.programs import Observed, Program, read_meta
from shootdown.live.settings import load_settings, parse_settings

from .models import RECORDED, RECORDINGS, Mistaken, Replaying, without_blocks

SETTINGS = parse_settings(read_meta(RECORDED))


@pytest.fixture
def means() -> Lookup:
    """What it takes to run programs on this machine."""
    try:
        return check_means()
    except MissingMeansError as error:
        pytest.skip(str(error))


class Kernel:
    """As a model: it cannot be wrong, as long as programs repeat themselves."""

    def __init__(self) -> None:
        self._observer = Observer()

    def perform(self, program: Program) -> tuple[Observed, ...]:
        """What two runs agree on."""
        return self._observer.observe(program).observed


class Forgetful(Kernel):
    """Knows nothing of blocks of 2 MiB."""

    def perform(self, program: Program) -> tuple[Observed, ...]:
        """Without them."""
        return tuple(map(without_blocks, super().perform(program)))


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_recorded(workers: int) -> None:
    """Workers make no difference, and the order is that of the programs."""
    outcomes = list(judge_recorded(RECORDINGS, Replaying(), SETTINGS, workers=workers))
    assert [each.program for each in outcomes] == [each.program for each in RECORDINGS]
    assert {each.status for each in outcomes} == {"agrees"}
    model = Mistaken(without_blocks)
    wrong = judge_recorded(RECORDINGS, model, SETTINGS, workers=workers)
    assert [each.program.id for each in wrong if each.status == "disagrees"] == [7, 28]


def test_the_kernel_agrees_with_itself(means: Lookup) -> None:
    """Live, and what is recorded is what two runs did."""
    programs = [generate(2, number) for number in range(8)]
    outcomes = list(judge_live(programs, Kernel(), load_settings(), means, workers=2, record=True))
    assert [each.status for each in outcomes] == ["agrees"] * 8
    assert [each.recording.program for each in outcomes if each.recording] == programs


def test_a_disagreement_becomes_small(means: Lookup) -> None:
    """To what it takes: memory that covers a block, a page table, a cut into it."""
    operations = (
        ("mmap_anon", 0, 600, "rw"), ("write", 5, 3), ("read", 10, 2), ("madvise", 0, 4, "FREE"),
        ("munmap", 3, 1), ("munmap", 5, 1),
    )  # fmt: skip
    program = Program(4, "thp", 0x200000000000, 600, operations)
    (outcome,) = judge_live([program], Forgetful(), load_settings(), means)
    assert outcome.disagreement is not None
    (small,) = shrink_all([outcome.disagreement], Forgetful(), load_settings(), means, workers=2)
    assert small.kind == ("munmap", "ranges")
    assert [operation[0] for operation in small.program.operations] == [
        "mmap_anon", "write", "munmap",
    ]  # fmt: skip
    assert small.program.operations[0] == ("mmap_anon", 0, 512, "rw")
    assert small.observed.sites == ("__split_huge_pmd", "unmap_vmas")


def test_selection() -> None:
    """By number, profile and count; the same programs for the same seed."""
    assert list(Selection(3).generated(1)) == [generate(1, number) for number in range(3)]
    assert list(Selection(only=frozenset({9, 4})).generated(1)) == [generate(1, 4), generate(1, 9)]
    assert list(Selection(2, "thp").generated(1)) == [generate(1, 0, "thp"), generate(1, 1, "thp")]
    assert list(Selection().recorded(RECORDED)) == RECORDINGS
    some = list(Selection(2, "cow").recorded(RECORDED))
    assert len(some) == 2
    assert {each.program.profile for each in some} == {"cow"}
    (one,) = Selection(only=frozenset({28})).recorded(RECORDED)
    assert one.program.id == 28
