"""Limits of the machine are never verdicts: it grows, or the search is undecided and says why."""

from __future__ import annotations

import pytest

from shootdown.drivers.driver import Driver
from shootdown.drivers.hardware_tlb import NaiveTlb, Sva
from shootdown.drivers.kvm import Kvm
from shootdown.scenarios import system
from shootdown.scenarios.system import VACUOUS

from .checking import check, counts
from .drivers import CountsForEver, CountsInFives, NeverMaps


@pytest.mark.parametrize("bits", [1, 2, 3, 8])
def test_a_counter_too_narrow_is_made_wider(bits: int) -> None:
    """From whatever width the search starts, it ends with the counts of a wide machine."""
    result = check(Kvm, "6.6", "mprotect+mprotect", counter_bits=bits)
    assert (result.verdict, counts(result)) == ("holds", (14214, 30296, 86))


@pytest.mark.parametrize(("driver", "bits"), [(CountsInFives, 3), (CountsInFives, 16), (Kvm, 3)])
def test_a_counter_that_follows_another_adds_no_state(driver: type[Driver], bits: int) -> None:
    """Three bits would wrap at the second invalidation; the result is that of sixteen bits."""
    result = check(driver, "6.6", "fork", counter_bits=bits)
    assert (result.verdict, counts(result)) == ("holds", (6380, 9975, 95))


@pytest.mark.parametrize(("driver", "kernel"), [(Kvm, "6.6"), (Sva, "6.6")])
@pytest.mark.parametrize(("operation", "needed"), [("madvise_dontneed", 5), ("fork", 6)])
def test_a_machine_with_too_few_frames_is_made_larger(
    driver: type[Driver], kernel: str, operation: str, needed: int
) -> None:
    """A search that needs another frame has the counts of one that had nine from the start."""
    few = check(driver, kernel, operation, frames=4)
    many = check(driver, kernel, operation, frames=9)
    assert (few.verdict, few.size["frames"], many.size["frames"]) == ("holds", needed, 9)
    assert counts(few) == counts(many)


def test_a_violation_does_not_depend_on_the_number_of_frames() -> None:
    """The counterexample that a small machine shows is the one of a large machine."""
    few, many = (check(NaiveTlb, "3.18", "munmap", frames=frames) for frames in (4, 9))
    assert few.counterexample is not None and many.counterexample is not None
    assert (few.rule, counts(few)) == (many.rule, counts(many))
    assert few.counterexample.steps == many.counterexample.steps


def test_the_largest_counter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A counter without end is undecided when the widest one is too narrow."""
    monkeypatch.setattr(system, "WIDEST_COUNTER", 4)
    result = check(CountsForEver, "6.6", "munmap")
    assert (result.verdict, result.rule, result.counterexample) == ("undecided", None, None)
    assert result.reason == "the model reaches its largest size and still breaks counter-width"


def test_the_most_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames that do not suffice are undecided when there may not be more."""
    monkeypatch.setattr(system, "MOST_FRAMES", 5)
    result = check(Kvm, "6.6", "fork")
    assert (result.verdict, result.rule, result.size["frames"]) == ("undecided", None, 5)
    assert result.reason == "the model reaches its largest size and still breaks out-of-frames"


@pytest.mark.parametrize("operation", ["read_fault", "munmap", "fork"])
def test_a_driver_that_never_maps_does_not_hold(operation: str) -> None:
    """Where no access ever lands nothing was tested, whatever else is true."""
    result = check(NeverMaps, "6.6", operation)
    assert (result.verdict, result.reason) == ("undecided", VACUOUS)
    assert result.covered.idle_rules == (
        "freed-frame",
        "stale-translation",
        "replaced-page",
        "stale-permission",
    )
    assert result.counterexample is None


@pytest.mark.parametrize("driver", [Kvm, NaiveTlb])
def test_a_cut_search_is_undecided(driver: type[Driver]) -> None:
    """A search stopped by a limit never holds, and reports how far it came."""
    result = check(driver, "6.6", "mmap", states=100)
    assert (result.verdict, result.rule, result.states) == ("undecided", None, 100)
    assert result.reason == "the limit on states was met"


def test_the_exact_number_of_states_is_enough() -> None:
    """A limit that is not exceeded does not cut."""
    assert check(Kvm, "6.6", "munmap", states=4411).verdict == "holds"
    assert check(Kvm, "6.6", "munmap", states=4410).verdict == "undecided"
