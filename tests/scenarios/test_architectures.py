"""Checks on other architectures than x86: what is asked, what is found, what is said and kept."""

from __future__ import annotations

import pytest

from shootdown import api
from shootdown.linux.arch.arm64 import Arm64
from shootdown.scenarios.question import Settings

ARCHS = ("x86", "arm64", "arm64-btm", "powerpc")
OPERATIONS = ("write_fault", "munmap", "madvise_dontneed", "mprotect")


@pytest.mark.parametrize(
    ("arch", "kernel"), [*((arch, "6.19") for arch in ARCHS), ("arm64", "6.14")]
)
def test_sva_holds_everywhere(arch: str, kernel: str) -> None:
    """From 6.14 on every flush point passes on the right range on every architecture."""
    result = api.check("sva", kernel, OPERATIONS, arch=arch)
    assert (result.verdict, result.arch) == ("holds", arch)


@pytest.mark.parametrize("arch", ARCHS)
def test_kvm_holds_everywhere(arch: str) -> None:
    """A driver of page tables of its own needs no flush point."""
    assert api.check("kvm", "6.19", OPERATIONS, arch=arch).verdict == "holds"


@pytest.mark.parametrize(
    ("arch", "kernel", "rule"),
    [
        ("x86", "6.5", None),
        ("powerpc", "6.5", None),
        ("powerpc", "4.15", None),
        ("arm64-btm", "6.5", None),
        ("arm64", "5.12", "stale-denial"),
        ("arm64", "6.5", "stale-denial"),
    ],
)
def test_a_right_that_nobody_announces(arch: str, kernel: str, rule: str | None) -> None:
    """B10: up to 6.5 an SMMU is not told of an upgrade, and refuses for ever; one that hears the
    CPUs' broadcast is, and other hardware looks again."""
    result = api.check("invalidate-range", kernel, ["write_fault"], arch=arch)
    (scenario,) = result.scenarios
    assert (scenario.rule, scenario.verdict) == (rule, "violated" if rule else "holds")
    if rule:
        assert scenario.counterexample is not None
        assert len(scenario.counterexample.steps) == 13


def test_liveness_finds_it_too() -> None:
    """B10 once more: asked for runs that go on for ever, the rule is found first all the same."""
    result = api.check("invalidate-range", "6.5", ["write_fault"], arch="arm64", liveness=True)
    assert result.scenarios[0].rule == "stale-denial"


@pytest.mark.parametrize(
    ("kernel", "operation", "rule"),
    [
        ("6.6", "munmap", "freed-frame"),
        ("6.13", "munmap", "freed-frame"),
        ("6.14", "munmap", None),
        ("6.13", "fork", None),
        ("6.13", "write_fault", None),
    ],
)
def test_an_empty_range(kernel: str, operation: str, rule: str | None) -> None:
    """B30: a driver that takes an empty range at its word misses ranged flushes of arm64 6.6 to
    6.13; flushes of a page or of everything pass on what they should."""
    assert api.check("sva", kernel, [operation], arch="arm64").scenarios[0].rule == rule


def test_a_saved_run_remembers_its_architecture() -> None:
    """The recipe of a run names it, and the run breaks the rule again."""
    result = api.check("invalidate-range", "6.5", ["write_fault"], arch="arm64")
    found = result.scenarios[0].counterexample
    assert found is not None and found.origin is not None
    assert found.origin.case["arch"] == "arm64"


def test_the_last_line_names_it() -> None:
    """An architecture that is not the usual one is part of the verdict."""
    text = str(api.check("sva", "6.19", ["fork"], arch="arm64"))
    assert "sva on Linux 6.19 (arm64) holds" in text
    assert "sva on Linux 6.19 holds" in str(api.check("sva", "6.19", ["fork"]))


def test_an_option_about_drivers() -> None:
    """A model has no architecture."""
    assert Settings(arch=Arm64).about_drivers == ["arch"]
