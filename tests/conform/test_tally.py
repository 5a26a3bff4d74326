"""Outcomes added up."""

from __future__ import annotations

from shootdown.conform.judge import conclude, predict
from shootdown.conform.tally import KINDS, Tally
from shootdown.live.programs import ADVICE, ARGUMENTS

from .models import RECORDINGS, Ignorant, Mistaken, Replaying, without_blocks


def tally_of(model: Replaying) -> Tally:
    tally = Tally()
    for each in RECORDINGS:
        tally.add(conclude(predict(model, each.program), each))
    return tally


def test_agreement() -> None:
    """Everything is counted, every kind of operation stands in the table."""
    tally = tally_of(Replaying())
    assert (tally.programs, tally.agree, tally.disagree) == (40, 40, 0)
    assert tally.operations == sum(tally.hits.values()) == 469
    assert tally.ranges == sum(len(o.ranges) for each in RECORDINGS for o in each.observed)
    assert tuple(tally.hits) == KINDS
    assert len(KINDS) == len(ARGUMENTS) - 1 + len(ADVICE)


def test_disagreements_by_kind() -> None:
    """With the programs, and the first as an example."""
    tally = tally_of(Mistaken(without_blocks))
    assert (tally.agree, tally.disagree) == (38, 2)
    assert tally.parted == {("mprotect", "ranges"): [7], ("mmap_anon", "ranges"): [28]}
    assert tally.first[("mprotect", "ranges")].program.id == 7


def test_reasons() -> None:
    """Programs that were not compared to their end are not forgotten."""
    tally = tally_of(Ignorant("mremap"))
    programs = sum(
        any(operation[0] == "mremap" for operation in each.program.operations)
        for each in RECORDINGS
    )
    assert tally.reasons == {"unsupported: mremap is not modelled": programs}
    assert (tally.agree, tally.hits["mremap"]) == (40 - programs, 0)
