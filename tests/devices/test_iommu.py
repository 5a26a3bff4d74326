"""Walks, caches, page requests and retries of an IOMMU, one step after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from shootdown.devices.device import Device
from shootdown.devices.group import Devices
from shootdown.devices.iommu import CACHED, DANGLING, RETRIES, UNKNOWN, Iommu
from shootdown.devices.shadow import ShadowMmu
from shootdown.drivers.hardware_tlb import Sva
from shootdown.lang.compile import Entry, Start, compile_system
from shootdown.lang.declare import PageRange
from shootdown.lang.geometry import Geometry
from shootdown.lang.part import Part
from shootdown.lang.tables import Options
from shootdown.linux.memory import Memory
from shootdown.linux.mm import Mm
from shootdown.machine.runner import Runner
from shootdown.program.kind import READ_ONLY, READ_WRITE, make_pte

from .checking import check, outcome
from .hardware import PROTECT_TWICE, ImpatientSva, StubbornSva


@pytest.mark.parametrize(
    ("tasks", "devices", "cpus", "agents"), [(1, 1, 0, 1), (2, 1, 0, 2), (1, 2, 0, 2), (2, 1, 2, 4)]
)
def test_retries_leave_room_for_everybody_else(
    tasks: int, devices: int, cpus: int, agents: int
) -> None:
    """Three repetitions for each agent that can take a page away again."""
    geometry = Geometry(tasks=tasks, devices=devices, cpus=cpus)
    mm = Mm(Memory(geometry, 2), geometry, (6, 6, 0))
    driver = Sva(mm)
    assert [unit.retries for unit in driver.device.iommus] == [RETRIES * agents] * devices
    assert mm.walk_caches == driver.device.iommus


def test_too_few_retries_fail_a_correct_driver() -> None:
    """SUCCESS promises nothing: munmap of the table, or a fork, undoes it before the repetition."""
    assert outcome(check(ImpatientSva, "read_fault")) == (None, 1686)
    assert outcome(check(ImpatientSva, "fork")) == ("device-failure", 21)


@pytest.mark.parametrize(
    ("driver", "expected"), [(Sva, (None, 3180)), (StubbornSva, ("device-failure", 29))]
)
def test_a_remembered_refusal_is_never_asked_again(
    driver: type[Sva], expected: tuple[str | None, int]
) -> None:
    """B10: the right comes back by a write fault, which tells nobody on x86. Hardware that keeps a
    forbidding entry faults until it fails; hardware that walks again goes on."""
    assert outcome(check(driver, PROTECT_TWICE)) == expected


class Steps(Part):
    """Runs pieces of a device, one after the other."""

    def __init__(self, device: Iommu, script: Callable[[Iommu], None]) -> None:
        self.device = device
        self.script = script

    def run(self) -> None:
        self.script(self.device)


def walk_both(device: Iommu) -> None:
    device.translate(0, False)
    device.translate(3, False)


def walk_and_invalidate(device: Iommu) -> None:
    device.translate(0, True)
    device.translate(1, False)
    device.invalidate_command(PageRange(0, 1))


def walk_and_free(device: Iommu) -> None:
    device.translate(0, False)
    device.table_freed(0)
    device.table_freed(1)


def walk_with_empty_root(device: Iommu) -> None:
    device.set_empty_root(True)
    device.translate(0, False)
    device.set_empty_root(False)
    device.translate(1, True)


def upgrade(device: Iommu) -> None:
    device.translate(1, False)
    device.mm.pte[1] = device.mm.pte[1].with_rights(READ_WRITE)
    device.translate(1, True)


def run_script(script: Callable[[Iommu], None]) -> tuple[dict[str, list[int]], dict[str, int]]:
    """The state and the counts after a script, on four pages of which two are mapped."""
    geometry = Geometry(pages=4, entries=2, frames=4)
    memory = Memory(geometry, 2)
    mm = Mm(memory, geometry, (6, 6, 0))
    memory.label, mm.label = "memory", "mm"
    (device,) = Sva(mm).device.iommus
    values: dict[tuple[Any, int], int] = {(mm.table, 0): 1}
    values[mm.pte, 0] = make_pte(1, READ_WRITE)
    values[mm.pte, 1] = make_pte(2, READ_ONLY)
    values[device.tlb, 3] = 0
    values[device.walk_cache, 1] = UNKNOWN
    program = compile_system(
        [Entry("steps", Steps(device, script).run)],
        Options(geometry, counted=True),
        [Start(values)],
    )
    runner = Runner(program, "python")
    space = runner.new_space()
    runner.drive(space, 0, np.zeros((1, 0), np.int64))
    names = [variable.name for variable in program.variables]
    state = {name.partition(".")[2]: runner.view(space, name).tolist() for name in names}
    return state, {name: value for name, value in runner.counters.items() if value}


def test_a_walk_fills_both_caches() -> None:
    """Translation and table pointer are remembered; what is absent is remembered nowhere."""
    state, counts = run_script(walk_both)
    assert state["tlb"] == [make_pte(1, READ_WRITE), 0, 0, 0]
    assert state["walk_cache"] == [CACHED, UNKNOWN]
    assert counts == {"walks by the device": 2, "TLB entries filled by the device": 1}


def test_an_invalidation_drops_its_range_and_the_pointers_to_it() -> None:
    """Other translations stay; the table pointer goes, for it leads to the range."""
    state, counts = run_script(walk_and_invalidate)
    assert state["tlb"] == [0, make_pte(2, READ_ONLY), 0, 0]
    assert state["walk_cache"] == [UNKNOWN, UNKNOWN]
    assert (state["in_flight"], state["draining"]) == ([1], [1])
    assert counts["invalidation commands"] == 1
    assert counts["pages invalidated"] == 1


def test_a_freed_table_dangles_only_where_it_was_known() -> None:
    """Hardware is not told: a pointer it had becomes wrong, a pointer it had not stays unknown."""
    state, _ = run_script(walk_and_free)
    assert state["walk_cache"] == [DANGLING, UNKNOWN]


def test_an_empty_root_hides_everything() -> None:
    """With the empty table nothing is found or cached; afterwards all is as before."""
    state, counts = run_script(walk_with_empty_root)
    assert state["tlb"] == [0, make_pte(2, READ_ONLY), 0, 0]
    assert counts == {
        "root table switches": 2,
        "walks by the device": 2,
        "TLB entries filled by the device": 1,
    }


def test_an_entry_that_forbids_is_walked_again() -> None:
    """A cached read-only entry does not stand in the way of a write that is allowed by now."""
    state, counts = run_script(upgrade)
    assert state["tlb"][1] == make_pte(2, READ_WRITE)
    assert counts == {"walks by the device": 2, "TLB entries filled by the device": 2}


def test_groups_sort_their_units() -> None:
    """Only IOMMUs have a root to switch; every unit has its number in its name."""
    geometry = Geometry(devices=2)
    mm = Mm(Memory(geometry, 2), geometry, (6, 6, 0))
    driver = Sva(mm)
    shadows = Devices(ShadowMmu, mm, driver)
    assert [unit.label for unit in shadows.units] == ["device0", "device1"]
    assert (len(shadows.iommus), len(driver.device.iommus)) == (0, 2)


def test_a_device_without_a_kind_is_none() -> None:
    """Walks and faults are for subclasses to decide."""
    geometry = Geometry()
    mm = Mm(Memory(geometry, 2), geometry, (6, 6, 0))
    device = Device(mm, Sva(mm), 0)
    with pytest.raises(NotImplementedError):
        device.walk(0)
    with pytest.raises(NotImplementedError):
        device.fault(0, False)
