"""The verdicts of shipped drivers, as text that a person can read and `diff` can compare.

`expected.txt` and `expected_pairs.txt` hold it. After a change that is meant to change it:

    PYTHONPATH=src:tests .venv/bin/python -m drivers.table

writes both again, and `git diff` shows what became different.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path

from shootdown.drivers.catalogue import DRIVERS
from shootdown.linux.operations.catalogue import find_operation
from shootdown.linux.version import parse_version
from shootdown.program.program import Program
from shootdown.program.where import NOWHERE
from shootdown.scenarios.check import check_case
from shootdown.scenarios.driver_request import Request
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.kernels import misfit
from shootdown.scenarios.system import Scenario
from shootdown.scenarios.verdict import ScenarioResult

HERE = Path(__file__).parent
SINGLES, PAIRS = HERE / "expected.txt", HERE / "expected_pairs.txt"

KERNELS = ("3.7", "3.15", "3.19", "4.15", "6.6", "6.19")
"""the first kernel of every generation, and the newest"""

COUNTED_OPERATIONS = tuple(
    find_operation(name)
    for name in (
        "read_fault", "write_fault", "mmap", "munmap", "madvise_dontneed", "mprotect", "fork",
    )
)  # fmt: skip
"""operations whose exact counts are kept; verdicts of all others are in `tests/operations`"""

LAST_KERNELS = {"amd-iommu-v2": "3.18", "invalidate-range": "6.5"}
"""the last kernels that had such a driver"""


@dataclass(frozen=True, slots=True)
class Block:
    """One driver on one kernel."""

    driver: str
    kernel: str

    @property
    def title(self) -> str:
        """The line above its rows."""
        return f"{self.driver} on {self.kernel}"

    def scenarios(self, pairs: bool = False) -> list[Scenario]:
        """What is searched."""
        driver = DRIVERS[self.driver]
        kernel = parse_version(self.kernel)
        return Request(driver, self.driver, kernel, COUNTED_OPERATIONS, pairs).cases


COUNTED_DRIVERS = (
    "amd-iommu-v2", "naive-tlb", "invalidate-range", "sva", "kvm", "kvm-no-in-progress",
    "kvm-no-sequence",
)  # fmt: skip
"""drivers whose exact counts are kept; verdicts of all others are in `test_users.py` and in the
tests of what they are there for"""


def single_blocks() -> Iterator[Block]:
    """Each of them on every kernel of the table it can run on."""
    for name in COUNTED_DRIVERS:
        driver = DRIVERS[name]
        extra = {LAST_KERNELS[name]} if name in LAST_KERNELS else set[str]()
        for kernel in sorted({*KERNELS} | extra, key=parse_version):
            if misfit(driver, parse_version(kernel)) is None:
                yield Block(name, kernel)


COUNTED_PAIRS = (Block("kvm", "4.15"), Block("invalidate-range", "3.19"), Block("sva", "6.6"))
"""pairs whose exact counts are kept"""


@dataclass(frozen=True)
class Compiled(Scenario):
    """A scenario whose program was asked for before it is checked."""

    @classmethod
    def of(cls, scenario: Scenario) -> Compiled:
        """The same scenario."""
        return cls(**{field.name: getattr(scenario, field.name) for field in fields(scenario)})

    @cached_property
    def _program(self) -> Program:
        return super().program()

    def program(self) -> Program:
        """What `Scenario.program` gives, compiled once."""
        return self._program


class Checker:
    """Checks scenarios, each different program once.

    Between two generations of the API most operations of most drivers compile to the same program,
    and equal programs have equal counts, wherever their operations stand in the source.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, Program], ScenarioResult] = {}

    def check(self, scenario: Scenario) -> ScenarioResult:
        """The result, from memory where the program is known."""
        case = Compiled.of(scenario)
        key = scenario.name, without_places(case.program())
        if key not in self._found:
            self._found[key] = check_case(case, Effort())
        return self._found[key]

    def lines_of(self, block: Block, pairs: bool = False) -> list[str]:
        """A block of the table: its title, and a row for each scenario."""
        return [block.title, *(row(self.check(scenario)) for scenario in block.scenarios(pairs))]


def without_places(program: Program) -> Program:
    """The program with every operation at no place in particular."""
    actors = tuple(
        replace(actor, code=tuple(replace(operation, where=NOWHERE) for operation in actor.code))
        for actor in program.actors
    )
    return replace(program, actors=actors)


def row(result: ScenarioResult) -> str:
    """`munmap   violated freed-frame   420 states   788 transitions   depth 10   10 steps`"""
    steps = len(result.counterexample.steps) if result.counterexample else 0
    verdict = f"{result.verdict} {result.rule or ''}".rstrip()
    counts = f"{result.states:8} states {result.transitions:8} transitions {result.depth:4} deep"
    end = f" {steps:3} steps" if steps else ""
    return f"  {result.name:36} {verdict:26} {counts}{end}"


def stored(path: Path) -> dict[str, list[str]]:
    """The blocks of a file by title."""
    blocks = (text.splitlines() for text in path.read_text("utf-8").strip().split("\n\n"))
    return {lines[0]: lines for lines in blocks}


def render(blocks: Iterable[list[str]]) -> str:
    """The text of a file."""
    return "\n\n".join("\n".join(lines) for lines in blocks) + "\n"


if __name__ == "__main__":
    checker = Checker()
    SINGLES.write_text(render(checker.lines_of(block) for block in single_blocks()), "utf-8")
    pairs = (checker.lines_of(block, pairs=True) for block in COUNTED_PAIRS)
    PAIRS.write_text(render(pairs), "utf-8")
