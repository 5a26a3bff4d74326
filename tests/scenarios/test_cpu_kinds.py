"""What CPUs do besides the operations: asked for by name, kept with a run, no use without CPUs."""

from __future__ import annotations

import pytest

from shootdown import api
from shootdown.linux.cpu import Cpu
from shootdown.linux.gup_fast import PinningCpu
from shootdown.linux.lazy_tlb import LazyCpu
from shootdown.scenarios.cpus import CPU_KINDS, find_cpu, name_of
from shootdown.scenarios.errors import TargetError


class Forgetful(LazyCpu):
    pass


def test_names() -> None:
    """Three kinds, each found by its name and named after it; others by their class."""
    assert [find_cpu(name) for name in CPU_KINDS] == [Cpu, PinningCpu, LazyCpu]
    assert [name_of(kind) for kind in CPU_KINDS.values()] == list(CPU_KINDS)
    assert name_of(Forgetful) == "Forgetful"


def test_an_unknown_kind() -> None:
    """The nearest name is offered."""
    with pytest.raises(TargetError, match="no kind of CPU `layz`") as caught:
        api.check("naive-tlb", "3.18", ["munmap"], cpus=1, cpu_kind="layz")
    assert caught.value.help == "did you mean lazy? known are user, gup-fast, lazy"


@pytest.mark.parametrize("cpus", [None, 0])
def test_a_kind_of_none(cpus: int | None) -> None:
    """Where there is no CPU there is nothing to say about it."""
    with pytest.raises(TargetError, match="there are none"):
        api.check("kvm", "6.19", ["munmap"], cpus=cpus, cpu_kind="lazy")


@pytest.mark.parametrize("kind", ["gup-fast", "lazy"])
def test_a_run_remembers_it(kind: str) -> None:
    """The recipe of a run names it."""
    result = api.check("naive-tlb", "3.18", ["munmap"], cpus=1, cpu_kind=kind)
    found = result.scenarios[0].counterexample
    assert found is not None and found.origin is not None
    assert found.origin.case["cpu_kind"] == kind
