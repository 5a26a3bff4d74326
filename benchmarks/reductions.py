"""`python -m benchmarks.reductions`: how many states each reduction leaves, as a table.

Shipped drivers that hold, operations alone, two at once, and one with two devices. Counts are
exact and the same everywhere, so the table in `docs/reductions.md` is what this prints, and a test
holds some of its rows against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from shootdown.drivers.catalogue import DRIVERS
from shootdown.linux.operations.catalogue import OPERATIONS
from shootdown.machine.reductions import Reductions
from shootdown.scenarios.check import check_case
from shootdown.scenarios.driver_request import Request
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.kernels import default_kernel
from shootdown.scenarios.system import Scenario

NOTHING = Reductions.none()

CONFIGURATIONS = {
    "no reduction": NOTHING,
    **{
        f"{f.name.replace('_', ' ')} only": replace(NOTHING, **{f.name: True})
        for f in fields(Reductions)
    },
    "all": Reductions(),
}

HOLDING = ("kvm", "sva", "invalidate-range")
ALONE = ("read_fault", "write_fault", "mmap", "munmap", "madvise_dontneed", "mprotect", "fork")
"""those on private anonymous memory; without a reduction the others are too large for a table"""
TWO_DEVICES = ("sva",)


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario, and what is left of it in each configuration."""

    driver: str
    name: str
    states: tuple[int, ...]

    @property
    def factor(self) -> float:
        """How many times fewer with all reductions than with none."""
        return self.states[0] / self.states[-1]

    def __str__(self) -> str:
        counts = " | ".join(f"{count:,}" for count in self.states)
        return f"| {self.driver} | {self.name} | {counts} | {self.factor:.1f} |"


def heading() -> str:
    """The first two lines of the table."""
    names = ["driver", "operations", *CONFIGURATIONS, "fewer by"]
    rule = ["---", "---", *["---:"] * (len(names) - 2)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (names, rule))


def rows() -> Iterator[Row]:
    """All rows of the table, in order."""
    for driver in HOLDING:
        yield from rows_of(driver, *ALONE)
        yield from rows_of(driver, "munmap", "write_fault", pairs=True)
    for driver in TWO_DEVICES:
        yield from rows_of(driver, "mprotect", devices=2)


def rows_of(driver: str, *operations: str, pairs: bool = False, devices: int = 1) -> Iterator[Row]:
    """A row for each scenario of a driver with these operations."""
    kernel = default_kernel(DRIVERS[driver])
    assert kernel is not None
    wanted = tuple(OPERATIONS[name] for name in operations)
    request = Request(DRIVERS[driver], driver, kernel, wanted, pairs=pairs, devices=devices)
    for case in request.cases:
        name = case.name if devices == 1 else f"{case.name}, {devices} devices"
        yield Row(driver, name, tuple(_states(case, chosen) for chosen in CONFIGURATIONS.values()))


def _states(case: Scenario, reductions: Reductions) -> int:
    chosen = replace(case, merged=reductions.merge)
    return check_case(chosen, Effort(reductions=reductions)).states


def main() -> None:
    """Print the table."""
    print(heading())
    for row in rows():
        print(row, flush=True)


if __name__ == "__main__":
    main()
