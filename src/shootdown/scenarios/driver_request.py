"""What to check about a driver: the operations, alone or in pairs, on one kernel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement

from shootdown.drivers.driver import Driver
from shootdown.lang.geometry import Geometry
from shootdown.lang.source import is_shipped
from shootdown.linux.arch.architecture import Architecture
from shootdown.linux.arch.x86 import X86
from shootdown.linux.cpu import Cpu
from shootdown.linux.operations.catalogue import OPERATIONS, Operation
from shootdown.linux.version import Version, show_version
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.system import Scenario
from shootdown.scenarios.verdict import Subject

ENTRIES = 2
"""of a page table"""


@dataclass(frozen=True, slots=True)
class Request:
    """A question about a driver."""

    driver: type[Driver]
    target: str
    kernel: Version
    operations: tuple[Operation, ...] = tuple(OPERATIONS.values())
    pairs: bool = False
    pages: int = 2
    devices: int = 1
    user_cpus: int = 0
    arch: type[Architecture] = X86
    effort: Effort = field(default_factory=Effort)
    audited: bool = False
    cpu: type[Cpu] = Cpu

    @property
    def subject(self) -> Subject:
        """The driver on its kernel."""
        names = tuple(scenario.name for scenario in self.cases)
        return Subject(self.target, show_version(self.kernel), self.arch.title, names)

    @property
    def cases(self) -> list[Scenario]:
        """One for each operation, or for each pair (an operation pairs with itself too)."""
        sets: Iterable[Sequence[Operation]] = (
            combinations_with_replacement(self.operations, 2)
            if self.pairs
            else [(operation,) for operation in self.operations]
        )
        return [
            self._scenario(tuple(operations))
            for operations in sets
            if len(operations) < 2 or operations[0].goes_with(operations[1])
        ]

    def _scenario(self, operations: tuple[Operation, ...]) -> Scenario:
        tables = max((operation.tables for operation in operations), default=1)
        pages = max(self.pages, ENTRIES * tables) if tables > 1 else self.pages
        geometry = Geometry(pages=pages, entries=ENTRIES, frames=pages + 3, devices=self.devices)
        return Scenario(
            self.driver,
            self.kernel,
            operations,
            geometry,
            user_cpus=self.user_cpus,
            arch=self.arch,
            cpu=self.cpu,
            merged=self.effort.reductions.merge,
            endless=self.effort.liveness is not None,
            audited=self.audited,
        ).sized

    def refuse_mistakes(self) -> None:
        """Compile a driver of the user's once with all operations.

        Each scenario would find the mistakes that it reaches. Shipped drivers have none, and need
        not wait.

        Raises:
            ModelError: with every mistake in what any operation reaches.
        """
        if not is_shipped(self.driver):
            self._scenario(self.operations).program()
