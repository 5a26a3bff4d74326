"""What drivers can declare and models cannot, and work that a driver starts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shootdown import (
    INVALID,
    SUCCESS,
    Driver,
    Flag,
    Iommu,
    Model,
    Mutex,
    Part,
    PerCpu,
    PerDevice,
    PerPage,
    Work,
    flush_work,
    schedule_work,
    smp_processor_id,
    thread,
)
from shootdown.lang.geometry import Geometry
from shootdown.linux.operations.catalogue import OPERATIONS
from shootdown.linux.version import parse_version
from shootdown.scenarios.check import check_case
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.system import Scenario

KERNEL = parse_version("6.1")
MUNMAP = (OPERATIONS["munmap"],)


class Direct(Driver):
    """Flushes where it is told to."""

    hardware = Iommu

    def __init__(self, mm):
        super().__init__(mm)
        self.called = PerCpu(Flag)
        self.bound = PerDevice(Flag(True))
        self.work = Work(self.flush_later)
        self.mutex = Mutex()

    def invalidate_range(self, range):
        self.called[smp_processor_id()] = True
        if self.bound[0]:
            self.device.flush(range)

    def flush_later(self):
        self.device.flush_all()

    def device_fault(self, page, write):
        pte = self.mm.fault_in(page, write)
        return SUCCESS if pte.allows(write) else INVALID


class Later(Direct):
    """Leaves the flush to a work item: pages are freed before it ran."""

    def invalidate_range(self, range):
        schedule_work(self.work)


class LaterAndWaits(Direct):
    """Waits for it: right, if the caller could sleep, but it holds the page-table lock."""

    def invalidate_range(self, range):
        schedule_work(self.work)
        flush_work(self.work)


class TakesMutex(Direct):
    """invalidate_range() is called with the page-table lock held."""

    def invalidate_range(self, range):
        with self.mutex:
            self.device.flush(range)


def scenario(driver: type[Driver], devices: int = 1) -> Scenario:
    """One munmap() of two pages."""
    geometry = Geometry(pages=2, entries=2, frames=5, devices=devices)
    return Scenario(driver, KERNEL, MUNMAP, geometry).sized


@pytest.mark.parametrize(
    ("driver", "verdict", "rule"),
    [
        (Direct, "holds", None),
        (Later, "violated", "narrow-flush"),
        (LaterAndWaits, "violated", "sleep-in-atomic"),
        (TakesMutex, "violated", "sleep-in-atomic"),
    ],
)
def test_work_and_sleep(driver: type[Driver], verdict: str, rule: str | None) -> None:
    """Work that a callback starts runs beside everything else; where locks spin nobody sleeps."""
    result = check_case(scenario(driver), Effort())
    assert (result.verdict, result.rule) == (verdict, rule)


def test_shapes() -> None:
    """One element for each actor, one for each device."""
    program = scenario(Direct, devices=2).program()
    lengths = {variable.name: variable.length for variable in program.variables}
    assert lengths["driver.called"] == len(program.actors) == 5
    assert lengths["driver.bound"] == 2
    assert [actor.name for actor in scenario(Later).program().actors][-1] == "driver.work"


class Counted(Model):
    """Declares what only a driver can."""

    def __init__(self, state):
        self.state = state()

    @thread
    def run(self):
        pass


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (lambda: PerPage(Flag), "a model has no pages: use Array(element, length)"),
        (lambda: PerDevice(Flag), "a model has no devices: use Array(element, length)"),
        (
            lambda: PerCpu(Flag),
            "a model has no CPUs: use Array(element, length), with one `me` each",
        ),
    ],
)
def test_refused_in_a_model(shape: Callable[[], object], message: str) -> None:
    """A model says how many there are of everything, in its parts too."""
    for state in (shape, lambda: Holder(shape), lambda: [Holder(shape)]):
        with pytest.raises(TypeError) as refusal:
            Counted(state)
        assert str(refusal.value) == message


class Holder(Part):
    """A part of a model."""

    def __init__(self, state):
        self.state = state()
