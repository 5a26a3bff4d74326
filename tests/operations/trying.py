"""One operation under one driver, at the size that `shootdown check` uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from shootdown.drivers.catalogue import DRIVERS
from shootdown.drivers.driver import Driver
from shootdown.linux.operations.catalogue import Operation, find_operation
from shootdown.linux.version import parse_version
from shootdown.scenarios.check import check_case
from shootdown.scenarios.driver_request import Request
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.verdict import ScenarioResult


def instead(name: str, function: Callable[..., None]) -> Operation:
    """Another function in the place of an operation of Linux: a version of it with a mistake."""
    return replace(find_operation(name), name=function.__name__, function=function)


def attempt(
    driver: str | type[Driver], kernel: str, *operations: str | Operation, cpus: int = 0
) -> ScenarioResult:
    """Search one operation; several run at the same time."""
    found = tuple(find_operation(o) if isinstance(o, str) else o for o in operations)
    kind = DRIVERS[driver] if isinstance(driver, str) else driver
    request = Request(kind, kind.__name__, parse_version(kernel), operations=found[:1])
    (case,) = request.cases
    case = replace(case, operations=found, user_cpus=cpus).sized
    return check_case(case, Effort())


def outcome(result: ScenarioResult) -> tuple[str, str | None]:
    """Verdict and rule."""
    return result.verdict, result.rule
