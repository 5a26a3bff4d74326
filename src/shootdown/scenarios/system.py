"""One driver, one address space, some operations at the same time: the parts, and the actors.

Actors, in this order: a task for each operation, the user programs of the CPUs, the devices, and
the workers that serve page requests. Devices and CPUs access any page in any direction at any time;
a task performs its operation once, on the whole address space.

How the address space is at the start, each operation says (`linux.start`); each of its patterns is
an alternative start.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any, cast

from shootdown.devices.iommu import Iommu
from shootdown.devices.shadow import ShadowMmu
from shootdown.drivers.driver import Driver
from shootdown.lang.compile import Entry, Start, compile_system
from shootdown.lang.declare import PageRange
from shootdown.lang.errors import Diagnostic, ModelError
from shootdown.lang.geometry import Geometry
from shootdown.lang.part import Part
from shootdown.lang.source import place_of
from shootdown.lang.tables import WIDTH, Options
from shootdown.linux.arch.architecture import Architecture
from shootdown.linux.arch.x86 import X86
from shootdown.linux.cpu import Cpu
from shootdown.linux.huge_memory import HugeMemory
from shootdown.linux.memory import Memory
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.audit import Audit
from shootdown.linux.notifiers.generations import generation_for
from shootdown.linux.operations.catalogue import Operation
from shootdown.linux.start import ANONYMOUS, open_with
from shootdown.linux.task import Task
from shootdown.linux.version import Version
from shootdown.machine.result import SearchResult
from shootdown.program.program import Program
from shootdown.rules.access import FREED_FRAME
from shootdown.rules.machine import OUT_OF_FRAMES
from shootdown.scenarios.case import WIDEST_COUNTER, Judgement, files_of, settled
from shootdown.scenarios.cpus import name_of
from shootdown.scenarios.target import blame
from shootdown.scenarios.verdict import Coverage

MOST_FRAMES = 64
VACUOUS = "nothing was tested: no access of a device ever reached memory"


class Call(Part):
    """A task that performs one operation and ends."""

    def __init__(self, task: Task, operation: Operation, range: PageRange) -> None:
        self.task = task
        self.operation = operation
        self.range = range

    def run(self) -> None:
        """The system call."""
        self.operation.function(self.task, self.range)
        lifetime = self.task.mm.lifetime
        if lifetime is not None and not self.operation.outside:
            lifetime.mmput()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A case: which driver, on which kernel, under which operations, how large."""

    driver: type[Driver]
    kernel: Version
    operations: tuple[Operation, ...]
    geometry: Geometry
    counter_bits: int = 3
    user_cpus: int = 0
    """CPUs that run user code while the operations run"""
    arch: type[Architecture] = X86
    cpu: type[Cpu] = Cpu
    """what those CPUs do besides running user code"""
    merged: bool = True
    """False: every access is a step of its own, where nobody could notice too"""
    audited: bool = False
    """the contract between Linux and subscribers is judged too (`rules.contract`)"""
    endless: bool = False
    """devices repeat what they cannot do for ever: for liveness, which says whether that happens"""

    @property
    def name(self) -> str:
        """`munmap` or `munmap + fork`."""
        return " + ".join(operation.name for operation in self.operations)

    @property
    def sized(self) -> Scenario:
        """The scenario with the parts of the geometry that follow from it."""
        tasks = max(len(self.operations), 1)
        sizes = replace(self.geometry, tasks=tasks, cpus=self.user_cpus)
        if self.is_huge:
            sizes = replace(sizes, gather=max(sizes.gather, sizes.entries))
        return replace(self, geometry=sizes)

    @property
    def is_huge(self) -> bool:
        """Some operation is about huge pages. A batch then holds at least one."""
        return any(HugeMemory in operation.parts for operation in self.operations)

    @property
    def size(self) -> Mapping[str, int]:
        """Of Linux and of the hardware."""
        sizes = self.geometry
        return {
            "pages": sizes.pages,
            "frames": sizes.frames,
            "devices": sizes.devices,
            "cpus": self.user_cpus,
        }

    @property
    def recipe(self) -> Mapping[str, object]:
        """Operations and sizes."""
        sizes = self.geometry
        return {
            "operations": tuple(operation.name for operation in self.operations),
            "pages": sizes.pages,
            "entries": sizes.entries,
            "frames": sizes.frames,
            "devices": sizes.devices,
            "gather": sizes.gather,
            "cpus": self.user_cpus,
            "arch": self.arch.title,
            "cpu_kind": name_of(self.cpu),
            "counter_bits": self.counter_bits,
            "merged": self.merged,
            "audited": self.audited,
            "endless": self.endless,
        }

    @property
    def files(self) -> frozenset[str]:
        """Where the driver is written."""
        return files_of(self.driver, Driver)

    def program(self) -> Program:
        """Instantiate the driver and compile everything.

        Raises:
            ModelError: for a driver whose __init__ raises, or that is not a valid model.
        """
        system = blame(inspect.getsourcefile(self.driver) or "", lambda: System(self))
        _need_table(system)
        return system.compile()

    def larger(self, rule: str) -> Scenario | None:
        """With wider counters or more page frames, whichever ran out."""
        if rule == WIDTH.name and self.counter_bits < WIDEST_COUNTER:
            return replace(self, counter_bits=self.counter_bits + 1)
        frames = self.geometry.frames
        if rule == OUT_OF_FRAMES.name and frames < MOST_FRAMES:
            return replace(self, geometry=replace(self.geometry, frames=frames + 1))
        return None

    def judge(self, program: Program, result: SearchResult, covered: Coverage) -> Judgement:
        """Without an access to memory nothing was tested, whatever else is true."""
        if result.verdict == "holds" and FREED_FRAME.name in covered.idle_rules:
            return "undecided", VACUOUS
        return settled(result)


class System:
    """The parts of a scenario, wired together, and its actors."""

    def __init__(self, scenario: Scenario) -> None:
        geometry = scenario.geometry
        self.scenario = scenario
        references = 2 + len(scenario.operations) + scenario.user_cpus
        if any(each.parts for each in scenario.operations):
            # a cache's, and one of each fault that waits for the page to be unlocked
            references += 2 + geometry.devices + geometry.cpus
        if scenario.driver.pins:
            references += geometry.pages + geometry.devices
        self.memory = Memory(geometry, references)
        self.memory.label = "memory"
        self.mm = Mm(self.memory, geometry, scenario.kernel, scenario.arch)
        self.mm.label = "mm"
        for make in dict.fromkeys(part for each in scenario.operations for part in each.parts):
            make(self.mm)
        self.mm.cpus = [scenario.cpu(self.mm, number + 1) for number in range(scenario.user_cpus)]
        self.driver = scenario.driver(self.mm)
        for unit in self.driver.device.units:
            unit.endless = scenario.endless
        subscribers: Any = [self.driver, *self.driver.companions]
        lifetime = self.mm.lifetime
        self.mm.notifiers = generation_for(scenario.kernel)(
            subscribers, lifetime is not None, lifetime is None or lifetime.registered
        )
        if scenario.audited:
            self.mm.notifiers.audit = Audit(self.mm)
        self.tasks = [Task(self.mm, n) for n in range(len(scenario.operations))]

    def entries(self) -> list[Entry]:
        """The actors."""
        calls = zip(self.tasks, self.scenario.operations, strict=True)
        units = self.driver.device.units
        return [
            *(Entry(t.label, Call(t, operation, self.mm.whole).run) for t, operation in calls),
            *(Entry(cpu.label, cpu.run, daemon=True) for cpu in self.mm.cpus),
            *(Entry(unit.label, unit.run, daemon=True) for unit in units),
            *(
                Entry(f"worker{number}", unit.serve, daemon=True)
                for number, unit in enumerate(units)
                if isinstance(unit, Iommu)
            ),
        ]

    def starts(self) -> list[Start]:
        """The alternative starts: those of every operation, each different one once; where some
        operations know only their own, those."""
        operations = self.scenario.operations
        particular = [operation for operation in operations if operation.own_starts]
        patterns = dict.fromkeys(
            pattern for operation in particular or operations for pattern in operation.patterns
        )
        found = [
            {**open_with(self.mm, pattern), **self._users()} for pattern in patterns or ANONYMOUS
        ]
        return [Start(dict(s)) for n, s in enumerate(found) if s not in found[:n]]

    def _users(self) -> dict[tuple[Any, int], int]:
        """mm_users: the process, and every task that is a thread of it until its call ends."""
        lifetime = self.mm.lifetime
        if lifetime is None:
            return {}
        inside = sum(not operation.outside for operation in self.scenario.operations)
        return {(lifetime.users, 0): 1 + inside}

    def compile(self) -> Program:
        """The program of this scenario.

        Raises:
            ModelError: if the driver is not a valid model.
        """
        scenario = self.scenario
        options = Options(
            scenario.geometry,
            scenario.counter_bits,
            merged=scenario.merged,
            overlaps=scenario.endless,
        )
        return compile_system(self.entries(), options, self.starts())


def _need_table(system: System) -> None:
    driver = system.driver
    walks = any(isinstance(unit, ShadowMmu) for unit in driver.device.units)
    if walks and not hasattr(driver, "table"):
        raise ModelError(
            [
                Diagnostic(
                    place_of(cast(FunctionType, type(driver).device_fault)),
                    f"driver `{type(driver).__name__}` has no `table` for its device to walk",
                    "declare `self.table = PerPage(Pte)` in __init__, "
                    "or say `hardware = Iommu` if the device walks the CPU's table",
                )
            ]
        )
