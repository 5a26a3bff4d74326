"""One scenario by hand, for tests that need other sizes than a request has."""

from __future__ import annotations

from shootdown.drivers.driver import Driver
from shootdown.lang.geometry import Geometry
from shootdown.linux.operations.catalogue import OPERATIONS
from shootdown.linux.version import parse_version
from shootdown.machine.reductions import Reductions
from shootdown.machine.result import Limits
from shootdown.scenarios.check import check_case
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.system import Scenario
from shootdown.scenarios.verdict import ScenarioResult

EVERY_ORDER = Reductions(partial_order=False)
"""counts that do not depend on who else could notice a step"""


def check(
    driver: type[Driver],
    kernel: str,
    operation: str,
    *,
    pages: int = 2,
    frames: int = 5,
    gather: int = 1,
    counter_bits: int = 3,
    states: int | None = None,
) -> ScenarioResult:
    """Search one operation, or several joined by `+`."""
    geometry = Geometry(pages=pages, entries=2, frames=frames, gather=gather)
    operations = tuple(OPERATIONS[name] for name in operation.split("+"))
    scenario = Scenario(driver, parse_version(kernel), operations, geometry, counter_bits)
    return check_case(scenario.sized, Effort(limits=Limits(states=states), reductions=EVERY_ORDER))


def counts(result: ScenarioResult) -> tuple[int, int, int]:
    """States, transitions, depth."""
    return result.states, result.transitions, result.depth


def steps(result: ScenarioResult) -> int:
    """Length of the counterexample; 0 if there is none."""
    return len(result.counterexample.steps) if result.counterexample else 0
