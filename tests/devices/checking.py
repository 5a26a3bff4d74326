"""One scenario by hand: how many devices, how large a batch."""

from __future__ import annotations

from shootdown.drivers.driver import Driver
from shootdown.lang.geometry import Geometry
from shootdown.linux.operations.catalogue import OPERATIONS, Operation
from shootdown.machine.reductions import Reductions
from shootdown.scenarios.check import check_case
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.system import Scenario
from shootdown.scenarios.verdict import ScenarioResult

EVERY_ORDER = Reductions(partial_order=False)
"""counts that do not depend on who else could notice a step"""


def check(
    driver: type[Driver], operation: str | Operation, *, devices: int = 1, gather: int = 1
) -> ScenarioResult:
    """Two pages, Linux 6.6."""
    geometry = Geometry(pages=2, entries=2, frames=5, devices=devices, gather=gather)
    chosen = OPERATIONS[operation] if isinstance(operation, str) else operation
    scenario = Scenario(driver, (6, 6, 0), (chosen,), geometry)
    return check_case(scenario.sized, Effort(reductions=EVERY_ORDER))


def outcome(result: ScenarioResult) -> tuple[str | None, int]:
    """The rule, and the steps to it; for what holds None and the number of states."""
    if result.counterexample is None:
        assert result.verdict == "holds"
        return None, result.states
    return result.rule, len(result.counterexample.steps)
