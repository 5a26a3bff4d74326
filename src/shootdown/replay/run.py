"""A script on one driver and kernel.

Every address space of the trace is a space of one runner; they share its page frames. For each
command the task performs the operation; then the CPU touches what became accessible, the device
touches the same, and touches its working set again. Counters are read after each command and put on
the account of its operation.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shootdown.drivers.driver import Driver
from shootdown.lang.declare import PageRange
from shootdown.linux.arch.architecture import Architecture
from shootdown.linux.arch.x86 import X86
from shootdown.linux.memory import NO_FREE_FRAME
from shootdown.linux.version import Version, show_version
from shootdown.machine.result import Engine
from shootdown.machine.runner import Runner, Space
from shootdown.machine.wide import Buffer
from shootdown.program.kind import READ_ONLY, READ_WRITE
from shootdown.program.program import Program
from shootdown.replay.bill import Bill, BillRow, Totals
from shootdown.replay.policy import Policy
from shootdown.replay.script import Command, Operation, ReplayError, Script
from shootdown.replay.system import CPU, DEVICE, ENTRIES, TASK, ReplaySystem

Pages = NDArray[np.int64]

PRIVATE_TO_SPACE = ("driver.", "device", "cpu", "task")
"""variables that a forked child does not inherit: its device is bound anew, its caches are cold"""

FEWEST_FRAMES = 1 << 12
MOST_FRAMES = 1 << 26

ProgressHook = Callable[[str, int], None]


@dataclass(slots=True)
class _Life:
    """One address space of the trace, and the pages its device used last, oldest first."""

    space: Space
    rights: Buffer
    """the rights of each page, as the model has them now"""
    recent: Pages = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(slots=True)
class _Account:
    """What one operation has cost so far."""

    calls: int = 0
    counts: Counter[str] = field(default_factory=Counter)


def replay(
    script: Script,
    drivers: Sequence[tuple[str, type[Driver], Version]],
    trace: str,
    *,
    policy: Policy | None = None,
    engine: Engine = "native",
    arch: type[Architecture] = X86,
    progress: ProgressHook | None = None,
) -> Bill:
    """The bill of a script under each (name, driver, kernel).

    Raises:
        ReplayError: if the script cannot be replayed.
        ModelError: if a driver is not a valid model.
    """
    chosen = policy or Policy()
    started = time.monotonic()
    rows: list[BillRow] = []
    operations = 0
    for name, driver, kernel in drivers:
        run = _Run(script, driver, kernel, chosen, engine, arch=arch)
        run.all(None if progress is None else _naming(progress, name))
        operations += run.page_operations
        rows += run.rows(name, show_version(kernel))
    found = script.outline
    totals = Totals(
        found.processes, found.spaces, found.calls, found.pages, dict(script.not_modelled)
    )
    return Bill(
        trace,
        chosen.describe(),
        totals,
        tuple(rows),
        operations,
        time.monotonic() - started,
        arch.title,
    )


def _naming(progress: ProgressHook, name: str) -> Callable[[int], None]:
    return lambda commands: progress(name, commands)


class _Run:
    """One driver on one kernel."""

    def __init__(
        self,
        script: Script,
        driver: type[Driver],
        kernel: Version,
        policy: Policy,
        engine: Engine,
        *,
        arch: type[Architecture] = X86,
    ) -> None:
        self.script = script
        self.policy = policy
        pages = max(script.outline.pages, 512)
        frames = min(max(pages * (script.outline.spaces + 1), FEWEST_FRAMES), MOST_FRAMES)
        self.program = ReplaySystem(driver, kernel, pages, frames, arch).compile()
        self.runner = Runner(self.program, engine)
        self.lives: dict[int, _Life] = {}
        self.accounts: defaultdict[Operation, _Account] = defaultdict(_Account)
        self.page_operations = 0
        self.copied: list[PageRange] = []
        """what the fork under way has copied so far"""
        self.pristine = self.runner.new_space()

    def all(self, progress: Callable[[int], None] | None) -> None:
        """Every command of the script."""
        for number, command in enumerate(self.script):
            self.one(command)
            if progress is not None and number % 256 == 0:
                progress(number)

    def one(self, command: Command) -> None:
        """One command, what follows from it, and the account."""
        life = self.lives.get(command.space)
        if life is None:
            life = self.lives[command.space] = self._life(self.runner.new_space())
        row = (command.operation, command.range.start, command.range.end, command.rights)
        self._drive(life, TASK, np.array([row], np.int64))
        self.page_operations += len(command.range)
        if command.operation is Operation.FORK:
            self.copied.append(command.range)
        if command.child is not None:
            self.lives[command.child] = self._child_of(life)
        if command.operation is Operation.EXIT_MMAP:
            del self.lives[command.space]
        else:
            self._touch(life, command)
        self._charge(command)

    def _drive(self, life: _Life, actor: int, digits: Pages) -> None:
        self.runner.drive(life.space, actor, digits)

    def _child_of(self, parent: _Life) -> _Life:
        """Its caches are cold, and it has no entries but those that copy_page_range() copied."""
        child = self.runner.copy_space(parent.space)
        for name in _private_names(self.program):
            self.runner.view(child, name)[:] = self.runner.view(self.pristine, name)
        entries = self.runner.view(child, "mm.pte")
        copies = [entries[pages.start : pages.end].copy() for pages in self.copied]
        entries[:] = 0
        for pages, copy in zip(self.copied, copies, strict=True):
            entries[pages.start : pages.end] = copy
        self.runner.view(child, "mm.table")[:] = entries.reshape(-1, ENTRIES).any(axis=1)
        self.copied.clear()
        return self._life(child)

    def _life(self, space: Space) -> _Life:
        return _Life(space, self.runner.view(space, "mm.vma"))

    def _touch(self, life: _Life, command: Command) -> None:
        """The process touches what it may newly touch; the device that, and its working set."""
        if command.touch:
            end = command.range.end
            if self.policy.touch is not None:
                end = min(end, command.range.start + self.policy.touch)
            new = self._accesses(life, np.arange(command.range.start, end, dtype=np.int64))
            self._drive(life, CPU, new)
            self._drive(life, DEVICE, new)
            self.page_operations += 2 * len(new)
            life.recent = self._last(np.concatenate([life.recent, new[:, 0]]))
        if not command.ends_call:
            return
        again = self._accesses(life, life.recent)
        life.recent = again[:, 0]
        self._drive(life, DEVICE, again)
        self.page_operations += len(again)

    def _last(self, pages: Pages) -> Pages:
        size = self.policy.working_set
        return pages[len(pages) - min(size, len(pages)) :]

    def _accesses(self, life: _Life, pages: Pages) -> Pages:
        """Rows of (page, write) for those of the pages that may be accessed."""
        rights = life.rights[pages]
        usable = rights >= READ_ONLY
        writes = (rights[usable] == READ_WRITE).astype(np.int64)
        return np.stack([pages[usable], writes], axis=1)

    def _charge(self, command: Command) -> None:
        counts = {name: value for name, value in self.runner.counters.items() if value}
        self.runner.reset_counters()
        if NO_FREE_FRAME in counts:
            raise ReplayError(
                f"the model needs more than {MOST_FRAMES} page frames",
                "replay a trace of fewer or smaller processes, or lower --touch",
            )
        operation = command.operation
        if operation is Operation.FORK_FLUSH:
            operation = Operation.FORK
        account = self.accounts[operation]
        account.calls += command.starts_call
        account.counts.update(counts)

    def rows(self, driver: str, kernel: str) -> list[BillRow]:
        """One row for each operation that occurred."""
        return [
            BillRow(driver, kernel, operation.name.lower(), account.calls, dict(account.counts))
            for operation, account in sorted(self.accounts.items())
        ]


def _private_names(program: Program) -> list[str]:
    return [
        variable.name
        for variable in program.variables
        if variable.segment == "mm" and variable.name.startswith(PRIVATE_TO_SPACE)
    ]
