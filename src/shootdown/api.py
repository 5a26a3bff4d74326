"""`shootdown.check`: a check from Python, as from the command line.

    def test_mirror():
        result = shootdown.check(Mirror, operations="munmap, fork")
        assert result.verdict == "holds", str(result)

Stands above `scenarios` and `report`, beside `cli`: its result prints itself as the command line
prints it.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass, fields

from shootdown.lang.source import is_shipped, shown_path
from shootdown.linux.arch.catalogue import find_architecture
from shootdown.linux.operations.catalogue import Operation, find_operation
from shootdown.linux.version import parse_version
from shootdown.machine.reductions import Reductions
from shootdown.machine.result import Engine, Limits, Liveness
from shootdown.report.check_terminal import describe_check
from shootdown.report.paint import Paint
from shootdown.report.rerun import describe_rerun
from shootdown.scenarios.check import check_request, summarise
from shootdown.scenarios.classes import Target, check_class
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.errors import TargetError
from shootdown.scenarios.question import Settings, ask
from shootdown.scenarios.rerun import Rerun, rerun_saved
from shootdown.scenarios.saved_run import SavedRun
from shootdown.scenarios.target import find_targets
from shootdown.scenarios.verdict import CheckResult


@dataclass(frozen=True, slots=True)
class PrintedResult(CheckResult):
    """What a check found. `str` of it is the report, with the timeline of a counterexample."""

    def __str__(self) -> str:
        return "\n".join(describe_check(self, Paint()))


def check(
    target: Target | str,
    kernel: str | None = None,
    operations: str | Iterable[str] | None = None,
    *,
    pages: int | None = None,
    devices: int | None = None,
    cpus: int | None = None,
    arch: str | None = None,
    cpu_kind: str | None = None,
    pairs: bool = False,
    audit: bool = False,
    merge: bool = True,
    dead_variables: bool = True,
    partial_order: bool = True,
    symmetry: bool = True,
    engine: Engine = "native",
    states: int | None = None,
    seconds: float | None = None,
    memory: int | None = None,
    workers: int = 1,
    all_rules: bool = False,
    races: bool = False,
    liveness: bool = False,
    starvation: bool = False,
) -> PrintedResult:
    """Check a driver or a model against every interleaving.

    `target` is a class, or what the command line takes (`"kvm"`, `"mine.py:Mirror"`) if that is one
    driver or model. `kernel`, `arch`, `cpu_kind`, `operations`, `pairs`, `audit` and the sizes are
    those of `shootdown check`, and go with a driver only. `merge`, `dead_variables`,
    `partial_order` and `symmetry` are the reductions of the search, each of which False turns off.
    `states`, `seconds` and `memory` (bytes) stop the search, which is then undecided; `workers`
    threads share it. With `all_rules` a broken scenario is searched on, for a run that breaks each
    rule that can be broken. With `races` a data race breaks the rule `data-race`, and all of them
    are listed. With `liveness` a run that goes on for ever without getting anything done breaks
    `no-progress`; `starvation` asks that of everybody, and whoever gets nothing done for ever
    breaks `starvation`.

    Raises:
        ModelError: with every mistake in the driver or model, each with its place.
        TargetError: for a target that is not there, or options that do not go with it.
    """
    settings = Settings(
        None if kernel is None else parse_version(kernel),
        None if operations is None else _find_operations(operations),
        pairs,
        pages,
        devices,
        cpus,
        None if arch is None else find_architecture(arch),
        Effort(
            engine,
            Limits(states, seconds, memory),
            Reductions(merge, dead_variables, partial_order, symmetry),
            all_rules,
            races,
            liveness=Liveness.asked(liveness, starvation),
        ),
        audit,
        cpu_kind,
    )
    question = ask(*_find(target), settings)
    found = summarise(question, list(check_request(question, threads=workers)))
    return PrintedResult(*(getattr(found, field.name) for field in fields(found)))


@dataclass(frozen=True, slots=True)
class PrintedRerun(Rerun):
    """What became of a saved run. `str` of it is the report, with the timeline."""

    def __str__(self) -> str:
        return "\n".join(describe_rerun(self, Paint()))


def rerun(run: SavedRun, target: str | None = None) -> PrintedRerun:
    """Take the steps of a saved run again, on the driver as it is now or on another `target`.

    The verdict is `violated` if a rule breaks; `stopped` or `passed` if not, which proves nothing
    about other runs.

    Raises:
        TargetError: if the run is about something that is not there.
        ModelError: if the driver or model is not a valid one.
    """
    found = rerun_saved(run, target)
    return PrintedRerun(*(getattr(found, field.name) for field in fields(found)))


def _find(target: Target | str) -> tuple[str, Target]:
    if not isinstance(target, str):
        check_class(target)
        return _name(target), target
    found = find_targets(target)
    if len(found) > 1:
        names = ", ".join(name for name, _ in found)
        raise TargetError(f"{target} has more than one driver or model", f"name one of {names}")
    return found[0]


def _name(cls: Target) -> str:
    """`mine.py:Mine`, as the command line would call it."""
    file = inspect.getsourcefile(cls)
    return cls.__name__ if is_shipped(cls) or not file else f"{shown_path(file)}:{cls.__name__}"


def _find_operations(operations: str | Iterable[str]) -> tuple[Operation, ...]:
    names = operations.split(",") if isinstance(operations, str) else list(operations)
    found = tuple(find_operation(name) for name in dict.fromkeys(n.strip() for n in names))
    if not found:
        raise TargetError("no operation is asked for", "leave operations out for all of them")
    return found
