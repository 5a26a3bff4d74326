"""Programs about huge pages, recorded on 6.18, and what the model says of them.

Each program of the file is about one thing: a huge page that is split by munmap, mprotect, mlock,
mremap, a fault, MADV_FREE, COLD, PAGEOUT, GUARD_INSTALL; a collapse that works, or is refused; a
huge page that a child has as well.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from shootdown.conform.compare import compare
from shootdown.conform.machine import Machine
from shootdown.live.programs import Recording, read_programs

RECORDED = list(read_programs(Path(__file__).parent / "data" / "huge-pages.jsonl"))


@pytest.fixture(scope="module")
def machine() -> Machine:
    """Compiled once."""
    return Machine()


def test_the_file_is_about_huge_pages() -> None:
    """Every site at which a huge page is announced occurs."""
    sites = {site for each in RECORDED for done in each.observed for site in done.sites}
    assert sites >= {
        "__split_huge_pmd",
        "collapse_huge_page",
        "do_huge_pmd_wp_page",
        "move_page_tables",
        "try_to_migrate_one",
        "try_to_unmap_one",
    }
    assert len(RECORDED) == 37


@pytest.mark.parametrize("recording", RECORDED, ids=lambda recording: str(recording.program.id))
def test_the_model_says_what_the_kernel_did(machine: Machine, recording: Recording) -> None:
    """Results, ranges with their sites, mappings and pages, after every call."""
    assert (
        compare(recording.program, machine.perform(recording.program), recording.observed) is None
    )
