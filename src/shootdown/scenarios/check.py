"""Every scenario of a driver, searched.

A search may find that the machine was too small for an answer: a counter would have wrapped, or the
page frames ran out. That says nothing about the driver, so the scenario is built again one size
larger, until neither happens; the result then rests on a machine in which these limits do not show.

"Holds" is only said when the whole state space was seen and something was tested in it: a driver
whose device never completes an access is undecided, whatever else is true.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations_with_replacement
from types import FunctionType
from typing import cast

from shootdown.devices.shadow import ShadowMmu
from shootdown.drivers.driver import Driver
from shootdown.lang.emitter import WIDTH
from shootdown.lang.errors import Diagnostic, ModelError
from shootdown.lang.geometry import Geometry
from shootdown.lang.source import place_of, shown_path
from shootdown.linux.operations.catalogue import OPERATIONS, Operation
from shootdown.linux.version import Version, show_version
from shootdown.machine.result import Engine, Limits, Progress, SearchResult
from shootdown.machine.search import search
from shootdown.program.program import Program
from shootdown.rules.access import FREED_FRAME
from shootdown.rules.machine import OUT_OF_FRAMES
from shootdown.rules.rule import Rule
from shootdown.scenarios.system import Scenario, System
from shootdown.scenarios.target import blame
from shootdown.scenarios.timeline import explain_path
from shootdown.scenarios.verdict import (
    CheckResult,
    Coverage,
    ScenarioResult,
    SourceLine,
    Verdict,
    merge_coverage,
    overall,
)

ARCH = "x86"
"""the architecture whose flushes and permission rules are modelled"""

WIDEST_COUNTER = 16
MOST_FRAMES = 64
VACUOUS = "nothing was tested: no access of a device ever reached memory"

ProgressHook = Callable[[str, Progress], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What to check. `pages`: None for the default of the kind of scenario."""

    driver: type[Driver]
    target: str
    kernel: Version
    operations: tuple[Operation, ...] = tuple(OPERATIONS.values())
    pairs: bool = False
    pages: int = 2
    devices: int = 1
    user_cpus: int = 0
    merged: bool = True
    engine: Engine = "native"
    limits: Limits = field(default_factory=Limits)


def scenarios_of(request: Request) -> list[Scenario]:
    """One scenario for each operation, or for each pair (an operation pairs with itself too)."""
    sets: Iterable[Sequence[Operation]] = (
        combinations_with_replacement(request.operations, 2)
        if request.pairs
        else [(operation,) for operation in request.operations]
    )
    geometry = Geometry(
        pages=request.pages, entries=2, frames=request.pages + 3, devices=request.devices
    )
    return [
        Scenario(
            request.driver,
            request.kernel,
            tuple(s),
            geometry,
            user_cpus=request.user_cpus,
            merged=request.merged,
        ).sized
        for s in sets
    ]


def refuse_bad_model(request: Request) -> None:
    """Compile a driver of the user's once with all operations, to find all its mistakes at once.

    Each scenario would find those that it reaches. Shipped drivers have none, and need not wait.

    Raises:
        ModelError: with every mistake in what any operation reaches.
    """
    if not request.driver.__module__.startswith(f"{__package__.split('.')[0]}."):
        together = replace(scenarios_of(request)[0], operations=request.operations)
        build_program(together.sized)


def check_request(
    request: Request,
    progress: ProgressHook | None = None,
    note: Callable[[str], None] | None = None,
) -> Iterator[ScenarioResult]:
    """Search the scenarios one after the other.

    Raises:
        ModelError: if the driver is not a valid model.
    """
    refuse_bad_model(request)
    started = time.monotonic()
    for scenario in scenarios_of(request):
        limits = _remaining(request.limits, started)
        yield check_scenario(scenario, limits, request.engine, progress, note)


def _remaining(limits: Limits, started: float) -> Limits:
    if limits.seconds is None:
        return limits
    return replace(limits, seconds=max(0.0, limits.seconds - (time.monotonic() - started)))


def summarise(request: Request, results: Sequence[ScenarioResult]) -> CheckResult:
    """All scenarios of a request together."""
    return CheckResult(
        request.target,
        show_version(request.kernel),
        ARCH,
        request.engine,
        overall(result.verdict for result in results),
        merge_coverage(result.covered for result in results),
        tuple(results),
    )


def check_scenario(
    scenario: Scenario,
    limits: Limits,
    engine: Engine = "native",
    progress: ProgressHook | None = None,
    note: Callable[[str], None] | None = None,
) -> ScenarioResult:
    """One scenario, on a machine large enough to decide it."""
    started = time.monotonic()
    while True:
        program = build_program(scenario)
        hook = None if progress is None else partial(progress, scenario.name)
        result = search(program, _remaining(limits, started), engine, hook, note)
        larger = _larger(scenario, result)
        if larger is None:
            return _result(scenario, program, result)
        scenario = larger


def build_program(scenario: Scenario) -> Program:
    """Instantiate the driver and compile everything.

    Raises:
        ModelError: for a driver whose __init__ raises, or that is not a valid model.
    """
    file = inspect.getsourcefile(scenario.driver) or ""
    system = blame(file, lambda: System(scenario))
    _need_table(system)
    return system.compile()


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


def _larger(scenario: Scenario, result: SearchResult) -> Scenario | None:
    """The scenario on a larger machine, if the search asked for one that can still be built."""
    if result.verdict != "widen":
        return None
    if result.rule == WIDTH.name and scenario.counter_bits < WIDEST_COUNTER:
        return replace(scenario, counter_bits=scenario.counter_bits + 1)
    frames = scenario.geometry.frames
    if result.rule == OUT_OF_FRAMES.name and frames < MOST_FRAMES:
        return replace(scenario, geometry=replace(scenario.geometry, frames=frames + 1))
    return None


def _result(scenario: Scenario, program: Program, result: SearchResult) -> ScenarioResult:
    covered = _coverage(scenario, program, result)
    verdict, reason = _judge(result, covered)
    return ScenarioResult(
        scenario.name,
        verdict,
        result.rule if verdict == "violated" else None,
        result.states,
        result.transitions,
        result.depth,
        result.seconds,
        covered,
        explain_path(program, result) if verdict == "violated" else None,
        reason,
        scenario.geometry.pages,
        scenario.geometry.frames,
        result.memory,
    )


def _judge(result: SearchResult, covered: Coverage) -> tuple[Verdict, str | None]:
    if result.verdict == "widen":
        return "undecided", f"the model reaches its largest size and still breaks {result.rule}"
    if result.verdict == "holds" and FREED_FRAME.name in covered.idle_rules:
        return "undecided", VACUOUS
    return result.verdict, result.reason


def _coverage(scenario: Scenario, program: Program, result: SearchResult) -> Coverage:
    """Lines of the driver's own classes, and rules, that the search exercised."""
    own = _driver_functions(scenario.driver)
    lines: dict[tuple[str, int], str] = {}
    reached: set[tuple[str, int]] = set()
    for number, actor in enumerate(program.actors):
        for index, operation in enumerate(actor.code):
            for place in operation.where.chain:  # a call is reached where what it calls is
                if (place.file, place.function) not in own:
                    continue
                lines[place.file, place.line] = place.text
                if (number, index) in result.reached:
                    reached.add((place.file, place.line))
    never = tuple(
        SourceLine(file, line, lines[file, line].strip())
        for file, line in sorted(lines.keys() - reached)
    )
    idle = tuple(
        rule.name
        for rule, times in zip(program.rules, result.exercised, strict=True)
        if times == 0 and _is_named(rule.name)
    )
    return Coverage(len(lines), len(reached), never, idle)


def _is_named(name: str) -> bool:
    """A rule about drivers, not one about the limits of integers."""
    return any(name == rule.name for rule in Rule.__subclasses__() if rule.verdict == "violated")


def _driver_functions(driver: type[Driver]) -> set[tuple[str, str]]:
    """(file, qualified name) of every method a driver has beyond the base class."""
    found = set()
    for cls in driver.__mro__:
        if cls is Driver:
            break
        for member in vars(cls).values():
            if inspect.isfunction(member):
                file = shown_path(member.__code__.co_filename)
                found.add((file, member.__qualname__))
    return found
