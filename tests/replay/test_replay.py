"""A script on drivers and kernels: what is counted, what is left in the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from shootdown.drivers.catalogue import DRIVERS
from shootdown.linux.version import parse_version
from shootdown.machine.result import Engine
from shootdown.program.kind import READ_ONLY, make_pte
from shootdown.replay import run as running
from shootdown.replay.bill import Bill
from shootdown.replay.policy import Policy
from shootdown.replay.run import _Run, replay
from shootdown.replay.script import ReplayError
from shootdown.traces import Call

from .calls import NONE, READ, SHARED, mapped, moved, row, script_of

Counts = Mapping[str, int]

X319, X66 = "calls of invalidate_range", "calls of arch_invalidate_secondary_tlbs"
S, E = "calls of invalidate_range_start", "calls of invalidate_range_end"
C = "CPU TLB flushes"

FAMILY = (
    row("execve"),
    mapped(0, 8),
    mapped(16, 4, READ),
    mapped(24, 4, flags=SHARED),
    row("mprotect", 0, 4, protection=READ),
    row("fork", child=2),
    row("mprotect", 0, 4, protection=3, pid=2),
    mapped(40, 4, pid=2),
    row("fork", pid=2, child=3),
    row("madvise", 24, 4, advice=4),
    row("munmap", 0, 6),
    moved((40, 4), (48, 8))._replace(pid=2, tid=2),
    row("execve", pid=3),
    mapped(0, 4, pid=3),
    row("exit_mmap", pid=1),
    row("exit_mmap", pid=3),
    row("munmap", 24, 4, pid=2),
    row("exit_mmap", pid=2),
)
"""three processes, everything a script can say"""

PLACES = (
    ("amd-iommu-v2", "3.18"),
    ("naive-tlb", "3.14"),
    ("invalidate-range", "3.19"),
    ("invalidate-range", "6.5"),
    ("sva", "6.6"),
    ("kvm", "6.19"),
)


def bill_of(
    calls: Sequence[Call],
    driver: str,
    kernel: str,
    policy: Policy | None = None,
    engine: Engine = "native",
) -> Bill:
    """One driver on one kernel."""
    drivers = [(driver, DRIVERS[driver], parse_version(kernel))]
    return replay(script_of(calls), drivers, "by hand", policy=policy, engine=engine)


def counts_of(calls: Sequence[Call], driver: str, kernel: str, operation: str) -> Counts:
    """What one operation cost, the device and its faults left out of the way."""
    policy = Policy(working_set=0)
    rows = {r.operation: r.counts for r in bill_of(calls, driver, kernel, policy).rows}
    return rows[operation]


def ended(calls: Sequence[Call], driver: str, kernel: str) -> _Run:
    """A run that has come to its end."""
    run = _Run(script_of(calls), DRIVERS[driver], parse_version(kernel), Policy(), "native")
    run.all(None)
    return run


@pytest.mark.parametrize(
    ("driver", "kernel", "expected"),
    [
        ("naive-tlb", "3.18", {S: 1, E: 1, C: 1, "invalidation commands": 2}),
        ("invalidate-range", "3.19", {X319: 2, C: 1, "invalidation commands": 2}),
        ("invalidate-range", "6.5", {X319: 2, C: 1, "invalidation commands": 2}),
        ("sva", "6.6", {X66: 1, C: 1, "invalidation commands": 1}),
        ("kvm", "6.6", {S: 1, E: 1, C: 1, "invalidation commands": 1}),
    ],
)
def test_munmap_sends_what_the_checker_sends(driver: str, kernel: str, expected: Counts) -> None:
    """Row 1 counted: invalidate_range twice, at end and at the flush; the newest API once."""
    counts = counts_of([mapped(0, 4), row("munmap", 0, 4)], driver, kernel, "munmap")
    assert {name: counts.get(name, 0) for name in expected} == expected
    assert counts["pages freed"] == 4
    assert counts["page tables freed"] == 1


@pytest.mark.parametrize(
    ("driver", "kernel", "expected"),
    [
        ("invalidate-range", "3.19", {X319: 1, C: 1}),
        ("invalidate-range", "6.1", {X319: 2, C: 1}),
        ("sva", "6.6", {X66: 1, C: 1}),
    ],
)
def test_mprotect_sends_what_the_checker_sends(driver: str, kernel: str, expected: Counts) -> None:
    """Row 4 counted: a flush through an mmu_gather, from 6.1 on, tells once more."""
    calls = [mapped(0, 4), row("mprotect", 0, 4, protection=READ)]
    counts = counts_of(calls, driver, kernel, "mprotect")
    assert {name: counts[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("driver", "kernel", "expected"),
    [
        ("invalidate-range", "4.15", {X319: 2, C: 1}),
        ("sva", "6.6", {X66: 1, C: 1, "full invalidations": 1}),
        ("kvm", "6.6", {S: 2, E: 2, C: 1}),
    ],
)
def test_fork_sends_what_the_checker_sends(driver: str, kernel: str, expected: Counts) -> None:
    """Row 9 counted: start and end for each of two VMAs, one flush of everything."""
    calls = [mapped(0, 4), mapped(8, 4), row("fork", child=2)]
    counts = counts_of(calls, driver, kernel, "fork")
    assert {name: counts[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("driver", "kernel", "list_walks", "tlb_walks"),
    [
        ("kvm", "6.4", 3, 0),
        ("kvm", "6.4+short_circuit", 2, 0),
        ("kvm", "6.4+tlb_notifier", 2, 0),
        ("kvm", "6.6", 3, 0),
        ("kvm", "6.6+short_circuit", 2, 0),
        ("invalidate-range", "6.4", 3, 0),
        ("invalidate-range", "6.4+short_circuit", 2, 0),
        ("sva", "6.6", 3, 0),
        ("sva", "6.6+short_circuit", 1, 0),
        ("sva", "6.4+tlb_notifier", 2, 1),  # it is on the other list too, for its release
    ],
)
def test_what_proposals_would_have_saved(
    driver: str, kernel: str, list_walks: int, tlb_walks: int
) -> None:
    """B13: start, end and flush of one munmap each walk the list, whoever is on it; with
    short_circuit only for those who have the callback, with tlb_notifier on a list of their own."""
    counts = counts_of([mapped(0, 4), row("munmap", 0, 4)], driver, kernel, "munmap")
    found = (
        counts.get("walks of the subscriber list", 0),
        counts.get("walks of the list of TLBs", 0),
    )
    assert found == (list_walks, tlb_walks)


def test_madvise_of_nothing_is_still_announced() -> None:
    """B11: on 6.5 end tells of pages that were never there; from 6.6 on nothing does."""
    calls = [mapped(0, 1), mapped(4, 4), *[row("madvise", 4, 4, advice=4)] * 2]
    old = counts_of(calls, "invalidate-range", "6.5", "madvise_dontneed")
    new = counts_of(calls, "sva", "6.6", "madvise_dontneed")
    assert (old[X319], new[X66]) == (3, 1)


def test_rows_and_totals() -> None:
    """One row for each operation that occurred; calls count once however many commands."""
    bill = bill_of(FAMILY, "sva", "6.6")
    assert [(r.driver, r.kernel, r.operation, r.calls) for r in bill.rows] == [
        ("sva", "6.6", "mmap", 5),
        ("sva", "6.6", "munmap", 3),
        ("sva", "6.6", "mprotect", 2),
        ("sva", "6.6", "madvise_dontneed", 1),
        ("sva", "6.6", "fork", 2),
        ("sva", "6.6", "exit_mmap", 4),
    ]
    assert all(r.nanoseconds is None and r.stale is None for r in bill.rows)
    assert (bill.totals.processes, bill.totals.address_spaces, bill.totals.pages) == (3, 4, 512)
    assert bill.totals.not_modelled == {"mremap moves, taken as unmap and fresh mapping": 1}


@pytest.mark.parametrize("place", PLACES)
def test_engines_count_the_same(place: tuple[str, str]) -> None:
    """The interpreter and machine code agree on every count of every row."""
    native, python = (bill_of(FAMILY, *place, engine=engine) for engine in ("native", "python"))
    assert native.rows == python.rows
    assert native.page_operations == python.page_operations


@pytest.mark.parametrize("place", PLACES)
def test_every_frame_is_free_in_the_end(place: tuple[str, str]) -> None:
    """When every space has exited, nothing holds a page any more, and none was freed twice."""
    run = ended(FAMILY, *place)
    references = run.runner.view(run.pristine, "memory.refcount")
    assert references[0] == 1
    assert np.count_nonzero(references[1:]) == 0
    assert run.lives == {}
    freed = sum(account.counts["pages freed"] for account in run.accounts.values())
    allocated = sum(account.counts["pages allocated"] for account in run.accounts.values())
    assert freed == allocated


@pytest.mark.parametrize("place", PLACES)
def test_a_child_starts_cold(place: tuple[str, str]) -> None:
    """It has the entries of private pages, read-only, and neither TLB nor device table entries.

    Shared pages are not copied: the child would fault them in (vma_needs_copy(), mm/memory.c).
    """
    calls = [mapped(0, 4), mapped(8, 2, flags=SHARED), row("fork", child=2)]
    run = ended(calls, *place)
    child = run.lives[2].space
    names = [variable.name for variable in run.program.variables]
    for name in ("cpu0.tlb", "device0.tlb", "device0.walk_cache", "driver.table"):
        if name in names:
            assert np.count_nonzero(run.runner.view(child, name)) == 0
    entries = run.runner.view(child, "mm.pte")
    assert entries[:4].tolist() == [make_pte(frame, READ_ONLY) for frame in (1, 2, 3, 4)]
    assert np.count_nonzero(entries) == 4
    assert run.runner.view(child, "mm.table").tolist() == [1]
    assert np.count_nonzero(run.runner.view(child, "mm.vma")) == 6


def test_a_policy_says_what_is_touched() -> None:
    """The first pages of each mapping, and a working set after every call."""
    calls = [mapped(0, 10), mapped(16, 4, NONE), row("madvise", 30, 1, advice=5)]
    few = bill_of(calls, "sva", "6.6", Policy(touch=3, working_set=2)).rows[0].counts
    assert few["page faults"] == 3
    assert few["accesses by the device"] == 3 + 2 + 2
    every = bill_of(calls, "sva", "6.6", Policy()).rows[0].counts
    assert every["page faults"] == 10
    assert every["accesses by the device"] == 10 + 10 + 10
    assert Policy(touch=3, working_set=2).describe() == (
        "the process touches the first 3 pages of each newly accessible range once; the device "
        "touches the same, and after every call its last 2 pages again"
    )


def test_a_device_touches_only_what_it_may() -> None:
    """Pages that were unmapped fall out of the working set."""
    calls = [mapped(0, 4), row("munmap", 0, 3)]
    (mmap, munmap) = bill_of(calls, "kvm", "6.6").rows
    assert mmap.counts["accesses by the device"] == 8
    assert munmap.counts["accesses by the device"] == 1
    assert "device faults" not in munmap.counts


def test_broader_invalidations_cost_faults() -> None:
    """An empty table at every start makes the device fault for pages nobody touched."""
    calls = [mapped(0, 4), mapped(8, 4), row("munmap", 0, 4)]
    old = bill_of(calls, "amd-iommu-v2", "3.18").rows[1].counts
    new = bill_of(calls, "sva", "6.6").rows[1].counts
    assert (old["walks by the device"], new.get("walks by the device", 0)) == (4, 0)
    assert (old["root table switches"], old["full invalidations"]) == (2, 1)
    assert (new["pages invalidated"], new.get("full invalidations", 0)) == (4, 0)


def test_too_few_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that cannot hold the trace is refused, with what to do."""
    monkeypatch.setattr(running, "FEWEST_FRAMES", 4)
    monkeypatch.setattr(running, "MOST_FRAMES", 8)
    with pytest.raises(ReplayError) as refusal:
        bill_of([mapped(0, 9)], "sva", "6.6")
    assert str(refusal.value) == "the model needs more than 8 page frames"
    assert refusal.value.help == "replay a trace of fewer or smaller processes, or lower --touch"


def test_progress_is_told_by_driver() -> None:
    """Whoever waits hears the driver and how many commands are done."""
    told: list[tuple[str, int]] = []
    drivers = [(name, DRIVERS[name], (6, 6, 0)) for name in ("sva", "kvm")]
    replay(
        script_of([mapped(0, 1)] * 300),
        drivers,
        "by hand",
        progress=lambda name, commands: told.append((name, commands)),
    )
    assert told == [("sva", 0), ("sva", 256), ("kvm", 0), ("kvm", 256)]
