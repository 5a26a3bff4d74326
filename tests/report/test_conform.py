"""What `shootdown conform` shows: hits, where they part, and what exactly differs."""

from __future__ import annotations

import json

from conform.models import RECORDINGS, Failing, Ignorant, Mistaken, Replaying, without_blocks
from shootdown.conform.judge import conclude, predict
from shootdown.conform.tally import KINDS, Tally
from shootdown.report.conform_json import encode_conform
from shootdown.report.conform_terminal import (
    describe_disagreement,
    describe_hits,
    describe_kinds,
    describe_summary,
)
from shootdown.report.paint import Paint

PLAIN = Paint()


def tally_of(model: Replaying) -> Tally:
    tally = Tally()
    for each in RECORDINGS:
        tally.add(conclude(predict(model, each.program), each))
    return tally


def test_disagreement() -> None:
    """Program, what was there before, and what the kernel does besides."""
    tally = tally_of(Mistaken(without_blocks))
    example = tally.first[("mmap_anon", "ranges")]
    assert list(describe_disagreement(example, PLAIN, shrunk=False)) == [
        "program 28, mmap_anon 446 2 rw: ranges, sites",
        "  thp, base 0x200000000000 (page 0 of its 2 MiB, 0 of its 1 GiB), 1536 pages; cut after "
        "the operation",
        "     0  mmap_anon 0 1536 rw",
        "     1  madvise 0 1536 HUGEPAGE",
        "     2  write 973 3",
        "     3  write 973 1",
        "  >  4  mmap_anon 446 2 rw",
        "  before  vmas   [0,1536) rw-p anon",
        "          pages  [512,1024) PXH",
        "  ranges",
        "    + kernel  [0,512) __split_huge_pmd",
        "      both    [446,448) unmap_vmas",
    ]


def test_failure() -> None:
    """Where the model failed, and how."""
    tally = tally_of(Failing("child_exit"))
    lines = list(describe_disagreement(tally.first[("child_exit", "error")], PLAIN, shrunk=True))
    assert lines[1].endswith("; a smallest program")
    assert "  model failed: AssertionError: no such thing" in lines


def test_hits() -> None:
    """Every kind of operation, in three columns; those that never occurred by name."""
    tally = tally_of(Replaying())
    first, *rows = describe_hits(tally, PLAIN)
    assert first == "469 operations compared:"
    text = " ".join(rows)
    assert all(kind in text for kind in KINDS)
    assert all(len(row) <= 100 for row in rows)
    assert rows[0].split()[:2] == ["mmap_anon", "54"]
    columns, _, never = text.partition("never: ")
    assert "madvise MERGEABLE," in never
    assert "child_exit" not in never
    assert len(columns.split()) > 2 * sum(1 for hits in tally.hits.values() if hits)


def test_kinds() -> None:
    """Operation, field, programs; nothing where all agree."""
    assert list(describe_kinds(tally_of(Mistaken(without_blocks)), PLAIN)) == [
        "they part at:",
        "  mprotect: ranges, in 1 program: 7",
        "  mmap_anon: ranges, in 1 program: 28",
    ]
    assert list(describe_kinds(tally_of(Replaying()), PLAIN)) == []


def test_summary() -> None:
    """Counts; and what was not compared is said first."""
    tally = tally_of(Replaying())
    line = (
        f"40 of 40 programs agree, 0 do not; {tally.ranges} ranges compared "
        "(2 s, 20 programs a second)."
    )
    assert list(describe_summary(tally, 40, 2.0, PLAIN)) == [line]
    cut, last = describe_summary(tally, 50, 2.0, PLAIN)
    assert (cut, last) == ("10 programs not begun when the time was over", line)


def test_not_compared() -> None:
    """Reasons with their counts, one paragraph."""
    tally = tally_of(Ignorant("mremap"))
    first, *_ = describe_summary(tally, 40, 1.0, PLAIN)
    count = 40 - tally.agree
    assert first == (
        f"{count} programs not compared to the end, unsupported: mremap is not modelled ({count})"
    )


def test_colour_follows_the_verdict() -> None:
    """Green only where everything was compared and agrees."""

    def colour(tally: Tally, asked: int) -> str:
        *_, last = describe_summary(tally, asked, 1.0, Paint(True))
        return last[2:].partition("m")[0]

    assert colour(tally_of(Replaying()), 40) == "32"
    assert colour(tally_of(Replaying()), 41) == "33"
    assert colour(tally_of(Mistaken(without_blocks)), 40) == "1;31"


def test_json() -> None:
    """The contract: counts, and disagreements with what was expected and observed."""
    tally = tally_of(Mistaken(without_blocks))
    examples = list(tally.first.values())
    found = json.loads(encode_conform(tally, examples, 40, 1.5, source="a file", kernel="6.18"))
    assert found["format"] == "shootdown.conform/1"
    assert (found["asked"], found["programs"], found["agree"]) == (40, 40, 38)
    assert (found["source"], found["kernel"], found["seconds"]) == ("a file", "6.18", 1.5)
    assert found["operations"] == tally.operations
    assert found["ranges"] == tally.ranges
    assert found["hits"]["fork"] == 13
    assert found["parted"][0] == {"operation": "mprotect", "field": "ranges", "programs": [7]}
    (_, second) = found["disagreements"]
    assert second["program"]["id"] == 28
    assert second["program"]["program"][second["operation"]] == ["mmap_anon", 446, 2, "rw"]
    assert second["fields"] == ["ranges", "sites"]
    assert second["expected"]["observed"] == [[446, 448]]
    assert second["observed"]["observed"] == [[0, 512], [446, 448]]
    assert second["observed"]["site"] == ["__split_huge_pmd", "unmap_vmas"]
    assert second["expected"]["state"] == second["observed"]["state"]
