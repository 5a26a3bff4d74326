"""What the benchmarks print and refuse, without measuring anything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.command import Timing, time_ours
from benchmarks.outcome import Outcome, fastest
from benchmarks.protocols.sizes import SMALL
from benchmarks.race import Race
from benchmarks.replay import workload
from benchmarks.spin import CONFIGURATIONS, SpinFailedError, read_outcome
from benchmarks.tables import command_table, search_table

OURS = Outcome("shootdown", "native", 1, True, 160, 278, 21, 0.5, 1.0, 0.4, 0.9, 3200)
SPIN = Outcome("spin", "DFS O2", 1, True, 160, 278, 44, 1.0, 2.0, 0.8, 1.8, 12800)
SHARED = replace(OURS, cores=2, search_seconds=0.3, total_seconds=0.9)
PAN = """
State-vector 48 byte, depth reached 230, errors: 0
1.132e+06 states, stored
4.6193e+06 transitions (= stored+matched)
  147.015	total actual memory usage
pan: elapsed time 0.75 seconds
"""


def test_counts_agree_only_if_all_do() -> None:
    """One round of one configuration that counts otherwise spoils the race."""
    race = Race(SMALL[0], (OURS, OURS), (SHARED,), ((SPIN, SPIN),))
    assert race.counts_agree
    assert not replace(race, ours_shared=(replace(SHARED, transitions=279),)).counts_agree
    assert not replace(race, spin=((SPIN, replace(SPIN, states=161)),)).counts_agree
    assert not replace(race, ours=(replace(OURS, holds=False),)).counts_agree


def test_the_peer_is_the_fastest() -> None:
    """Of all configurations and rounds."""
    quick = replace(SPIN, configuration="DFS O3", search_seconds=0.25)
    slow = replace(quick, search_seconds=3.0)
    both = replace(SPIN, cores=2, search_seconds=0.1, total_seconds=0.5)
    race = Race(SMALL[0], (OURS,), (SHARED,), ((SPIN, SPIN), (slow, quick), (both,)))
    assert race.peer == quick
    assert race.peer_shared == both
    assert (race.total, race.peer_total) == (0.9, 0.5)
    assert race.busy_ratios == (2.0, 2.0)
    assert fastest([SPIN, OURS]) == OURS


def test_without_spin_there_is_no_ratio() -> None:
    """The table then has our lines only."""
    assert search_table([Race(SMALL[0], (OURS,), (), ())]).row_count == 1
    assert search_table([Race(SMALL[0], (OURS,), (SHARED,), ((SPIN,),))]).row_count == 5


def test_memory_that_processes_share_counts() -> None:
    """SPIN on many cores says so in a line of its own."""
    shared = PAN + "    9.000\ttotal shared memory usage\n"
    assert read_outcome(shared, CONFIGURATIONS[-1], 2.0).memory == int(156.015 * 2**20)


def test_what_the_verifier_prints_is_read() -> None:
    """Large counts come in floating point, and the start is not a transition."""
    found = read_outcome(PAN, CONFIGURATIONS[0], 2.0)
    assert (found.states, found.transitions, found.depth) == (1132000, 4619299, 230)
    assert (found.search_seconds, found.memory) == (0.75, int(147.015 * 2**20))


@pytest.mark.parametrize("trouble", ["error: max search depth too small", "pan: out of memory"])
def test_a_search_that_was_cut_is_no_outcome(trouble: str) -> None:
    """SPIN prints `errors: 0` after giving up; that must never be compared."""
    with pytest.raises(SpinFailedError):
        read_outcome(PAN + trouble, CONFIGURATIONS[0], 2.0)


def test_a_missing_command_says_so() -> None:
    """And the table shows the reason instead of figures."""
    timing = time_ours("check", Path("/nowhere/shootdown"), ("check",), 3)
    assert timing.skipped is not None
    assert "make setup" in timing.skipped
    assert command_table([timing, Timing("spin", skipped="not installed")]).row_count == 2


def test_the_workload_is_always_the_same() -> None:
    """A fixed seed, and every child that is forked ends."""
    calls = list(workload(2000))
    assert calls == list(workload(2000))
    ended = {call.pid for call in calls if call.call == "exit_mmap"}
    assert {call.child for call in calls if call.call == "fork"} == ended
