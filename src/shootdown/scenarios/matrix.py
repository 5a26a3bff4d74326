"""Many drivers on many kernels and architectures: every operation by itself, as a table of cells.

Between two kernels most operations of most drivers compile to the very same program, and equal
programs have equal results (`machine.fingerprint`), so each different search is made once. All
cells of one driver and operation are checked by one worker, which remembers what it has searched.

A cell can say `violated` and be right: kernels had bugs of their own. An operation names those it
had (`KnownBug`), and a cell is as expected if it holds where none is known, and breaks the named
rule where one is. A known bug that nobody sees is as unexpected as an unknown one.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context

from shootdown.drivers.catalogue import CORRECT, DRIVERS
from shootdown.linux.arch.catalogue import ARCHITECTURES, find_architecture
from shootdown.linux.notifiers.generations import GENERATIONS, NEWEST
from shootdown.linux.operations.catalogue import OPERATIONS, KnownBug, Operation
from shootdown.linux.version import Version, show_version
from shootdown.machine.result import SearchResult
from shootdown.program.program import Program
from shootdown.rules.device import STALE_DENIAL
from shootdown.scenarios.check import check_case
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.keeping import Search, identity_of
from shootdown.scenarios.kernels import callbacks_of, is_for
from shootdown.scenarios.question import Settings, ask
from shootdown.scenarios.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Cell:
    """One driver under one operation of one kernel on one architecture."""

    driver: str
    operation: str
    kernel: str
    arch: str
    verdict: Verdict
    rule: str | None
    states: int
    seconds: float
    """from its source to its verdict"""
    repeated: bool
    """the same program had been searched before"""
    expected: str | None
    """the rule that it has to break, as this kernel has a known bug; None: it has to hold"""
    reason: str | None = None
    """why it is undecided"""

    @property
    def as_expected(self) -> bool:
        """Whether it is what is known."""
        wanted = "violated" if self.expected else "holds"
        return self.verdict == wanted and self.rule == self.expected


def every_kernel() -> tuple[Version, ...]:
    """The first kernel of every generation of the API, and the newest that is modelled."""
    return (*dict.fromkeys(generation.since for generation in GENERATIONS), NEWEST)


@dataclass(frozen=True, slots=True)
class Plan:
    """Which cells."""

    drivers: tuple[str, ...] = CORRECT
    operations: tuple[Operation, ...] = tuple(OPERATIONS.values())
    kernels: tuple[Version, ...] = field(default_factory=every_kernel)
    archs: tuple[str, ...] = tuple(ARCHITECTURES)
    effort: Effort = field(default_factory=Effort)

    @property
    def groups(self) -> list[tuple[str, Operation]]:
        """What is given to one worker: all kernels of a driver and an operation."""
        return [(d, o) for o in self.operations for d in self.drivers if self.spots(d, o)]

    def spots(self, driver: str, operation: Operation) -> list[tuple[Version, str]]:
        """The kernels and architectures on which the two can meet."""
        return [
            (kernel, arch)
            for kernel in self.kernels
            if is_for(DRIVERS[driver], kernel)
            and operation.is_for(kernel, callbacks_of(DRIVERS[driver]))
            for arch in self.archs
            if not DRIVERS[driver].archs or arch in DRIVERS[driver].archs
        ]

    @property
    def size(self) -> int:
        """How many cells."""
        return sum(len(self.spots(*group)) for group in self.groups)


class Memo:
    """Searches that were made, by what they depend on."""

    def __init__(self) -> None:
        self._found: dict[str, SearchResult] = {}
        self.made = 0

    def searches(self, case: str, note: Callable[[str], None] | None) -> Memo:
        """The same for every case."""
        return self

    def make(self, program: Program, manner: object, search: Search) -> SearchResult:
        """From memory, if the program is known. A search that was cut is not kept."""
        key = identity_of(program, manner)
        if key in self._found:
            return self._found[key]
        self.made += 1
        result = search(None, None)
        if result.cut is None:
            self._found[key] = result
        return result


def check_matrix(plan: Plan, workers: int = 1) -> Iterator[Cell]:
    """Every cell, in order: operations, then drivers, kernels, architectures."""
    if workers <= 1:
        for group in plan.groups:
            yield from check_group(plan, *group)
        return
    context = get_context("fork")
    with ProcessPoolExecutor(workers, context, _begin, (plan,)) as pool:
        futures = [pool.submit(_check_nth_group, n) for n in range(len(plan.groups))]
        try:
            for future in futures:
                yield from future.result()
        finally:
            for future in futures:
                future.cancel()


BUGS_OF_ARCHITECTURES = (
    KnownBug(
        STALE_DENIAL.name,
        "B10: an upgrade is not announced (6bbd42e2df8f)",
        until=(6, 5, 0),
        drivers=("invalidate-range-3.19", "invalidate-range"),
        archs=("arm64",),
    ),
)
"""what goes wrong under any operation, as devices fault in all of them: where it shows at all"""


def _known_of_arch(driver: str, kernel: Version, arch: str, rule: str | None) -> str | None:
    """The rule, if the architecture is known to break it. Not every operation gives it a chance."""
    concerned = (b for b in BUGS_OF_ARCHITECTURES if b.concerns(driver, kernel, arch))
    return next((bug.rule for bug in concerned if bug.rule == rule), None)


_plans: list[Plan] = []
"""a worker's own, which comes with the fork: starts of operations are closures, never sent"""


def _begin(plan: Plan) -> None:
    """Ctrl-C is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _plans[:] = [plan]


def _check_nth_group(number: int) -> list[Cell]:
    (plan,) = _plans
    return check_group(plan, *plan.groups[number])


def check_group(plan: Plan, driver: str, operation: Operation) -> list[Cell]:
    """All kernels and architectures of a driver and an operation."""
    memo = Memo()
    effort = replace(plan.effort, keep=memo)
    return [
        _check_cell(driver, operation, spot, effort, memo) for spot in plan.spots(driver, operation)
    ]


def _check_cell(
    driver: str, operation: Operation, spot: tuple[Version, str], effort: Effort, memo: Memo
) -> Cell:
    started = time.monotonic()
    made = memo.made
    kernel, arch = spot
    settings = Settings(kernel, (operation,), arch=find_architecture(arch))
    (case,) = ask(driver, DRIVERS[driver], settings).cases
    result = check_case(case, effort)
    bugs = (bug for bug in operation.known_bugs if bug.concerns(driver, kernel, arch))
    known = next((bug.rule for bug in bugs), None)
    if known is None:
        known = _known_of_arch(driver, kernel, arch, result.rule)
    return Cell(
        driver,
        operation.name,
        show_version(kernel),
        arch,
        result.verdict,
        result.rule,
        result.states,
        time.monotonic() - started,
        memo.made == made,
        known,
        result.reason,
    )
