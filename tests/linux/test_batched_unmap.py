"""Flushes that reclaim and migration put off, against those who work on the same entries."""

from __future__ import annotations

import pytest

from shootdown.drivers.catalogue import DRIVERS
from shootdown.lang.geometry import Geometry
from shootdown.linux.arch.catalogue import find_architecture
from shootdown.linux.operations.catalogue import find_operation
from shootdown.linux.version import parse_version
from shootdown.scenarios.check import check_case
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.system import Scenario
from shootdown.scenarios.verdict import ScenarioResult


def check(operations: str, kernel: str, arch: str) -> ScenarioResult:
    """Two tasks and a CPU that runs user code, on one page; no device."""
    chosen = tuple(find_operation(name) for name in operations.split(" + "))
    geometry = Geometry(pages=1, entries=2, frames=4, devices=0)
    scenario = Scenario(
        DRIVERS["kvm"],
        parse_version(kernel),
        chosen,
        geometry,
        user_cpus=1,
        arch=find_architecture(arch),
    )
    return check_case(scenario.sized, Effort())


@pytest.mark.parametrize(
    ("operations", "kernel", "arch", "breaks"),
    [
        ("reclaim + mprotect", "4.2", "x86", False),
        ("reclaim + mprotect", "4.3", "x86", True),
        ("reclaim + mprotect", "4.12", "x86", True),
        ("reclaim + mprotect", "4.13", "x86", False),
        ("reclaim + mprotect", "6.19", "x86", False),
        ("migrate_pages + mprotect", "6.19", "x86", False),
        ("reclaim + mprotect", "6.5", "arm64", False),
        ("reclaim + mprotect", "6.6", "arm64", True),
        ("reclaim + mprotect", "6.15", "arm64", True),
        ("reclaim + mprotect", "6.16", "arm64", False),
        ("migrate_pages + mprotect", "6.15", "arm64", True),
        ("migrate_pages + mprotect", "6.16", "arm64", False),
        ("reclaim + mprotect", "6.19", "powerpc", False),
    ],
)
def test_an_entry_that_is_gone_may_still_be_cached(
    operations: str, kernel: str, arch: str, breaks: bool
) -> None:
    """B27: mprotect finds nothing, flushes nothing and returns, while a CPU writes on: x86 from
    4.3, when reclaim began to put flushes off, to 4.12. B28: arm64 from 6.6 to 6.15 waits for its
    own instructions only, not for those of whoever unmapped."""
    result = check(operations, kernel, arch)
    assert (result.verdict, result.rule) == (
        ("violated", "forbidden-access") if breaks else ("holds", None)
    )
    if breaks:
        assert result.counterexample is not None
        last = result.counterexample.steps[-1]
        assert last.actor == "cpu1"
        assert result.counterexample.rule == "forbidden-access"


@pytest.mark.parametrize(("kernel", "steps"), [("4.12", 23), ("4.13", None)])
def test_the_shortest_run(kernel: str, steps: int | None) -> None:
    """As long as the catalogue of bugs tells it: unmap, protect, write."""
    found = check("reclaim + mprotect", kernel, "x86").counterexample
    assert (None if found is None else len(found.steps)) == steps
