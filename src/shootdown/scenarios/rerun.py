"""The steps of a saved run on the present driver.

The same actors move in the same order and choose the same. Then one of three things is true: a rule
breaks, a step can no longer be taken, or all can and nothing breaks. Only the first is a verdict
about the driver. That this one run is gone proves nothing: a step more or less in the driver is
enough to shift everything after it. So where nothing breaks the run is taken once more, by the
lines of source at which the steps stood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

from shootdown.drivers.catalogue import DRIVERS
from shootdown.drivers.driver import Driver
from shootdown.lang.geometry import Geometry
from shootdown.lang.model import Model
from shootdown.linux.arch.catalogue import UnknownArchitectureError, find_architecture
from shootdown.linux.operations.catalogue import UnknownOperationError, find_operation
from shootdown.linux.version import UnknownVersionError, parse_version
from shootdown.machine.interpreter import Interpreter, Words
from shootdown.machine.result import SearchResult, StepTaken
from shootdown.program.program import Program
from shootdown.scenarios.case import Case
from shootdown.scenarios.classes import Target
from shootdown.scenarios.cpus import find_cpu
from shootdown.scenarios.errors import TargetError
from shootdown.scenarios.kernels import kernel_for
from shootdown.scenarios.model_request import ModelCase
from shootdown.scenarios.origin import hash_sources, identify
from shootdown.scenarios.retake import take_by_lines, take_exactly
from shootdown.scenarios.saved_run import SavedRun
from shootdown.scenarios.system import Scenario
from shootdown.scenarios.target import find_targets
from shootdown.scenarios.timeline import explain_path
from shootdown.scenarios.verdict import Counterexample

Ending = Literal["violated", "stopped", "passed"]
"""`stopped`: a step could not be taken; `passed`: all could, and no rule broke"""


@dataclass(frozen=True, slots=True)
class Rerun:
    """What became of a saved run."""

    target: str
    kernel: str | None
    scenario: str
    rule: str
    """the rule that it broke when it was saved"""
    verdict: Ending
    steps: int
    """how many steps could be taken"""
    reason: str
    """why the next one could not; empty unless `stopped`"""
    change: str
    """what has changed since the run was saved, in a sentence"""
    parted: int | None
    """the first step at another line of source than when it was saved, counted from 1"""
    by_lines: bool
    """the very steps no longer break a rule; others at the same lines do"""
    counterexample: Counterexample | None
    """the run as it goes now, if it breaks a rule"""


def rerun_saved(run: SavedRun, named: str | None = None) -> Rerun:
    """Take the steps of a saved run. `named` is a target to use instead of the one it names.
    Whoever has the run from a file asks `refuse_elsewhere` first.

    Raises:
        TargetError: if the run is about something that is not there.
        ModelError: if the driver or model is not a valid one.
    """
    target, cls = _find(run, named)
    case = _case(run, target, cls)
    program = case.program()
    interpreter = Interpreter(program)
    start = _start(interpreter, run)
    taken, by_lines = take_exactly(interpreter, start, run.steps), False
    if taken.rule is None:
        other = take_by_lines(interpreter, start, run.steps)
        if other.rule is not None:
            taken, by_lines = other, True
    rule, reason = taken.rule, taken.reason
    verdict: Ending = "violated" if rule else "stopped" if reason else "passed"
    return Rerun(
        target,
        run.kernel,
        run.scenario,
        run.rule,
        verdict,
        len(taken.steps),
        reason,
        _say_change(run, case, program),
        taken.parted,
        by_lines,
        _explain(program, run.start, taken.steps, rule) if rule else None,
    )


# --- what it is about ---------------------------------------------------------------------------


def _find(run: SavedRun, named: str | None) -> tuple[str, Target]:
    target = run.target if named is None else named
    found = find_targets(target)
    wanted = run.target.partition(":")[2]
    if len(found) > 1:
        found = [row for row in found if row[1].__name__ == wanted] or found
    if len(found) > 1:
        names = ", ".join(name for name, _ in found)
        raise TargetError(f"{target} has more than one driver or model", f"name one of {names}")
    return found[0]


def refuse_elsewhere(target: str) -> None:
    """To load a driver is to run it: a file of runs may name what lies below this directory, but
    nothing else.

    Raises:
        TargetError: for a target that lies elsewhere.
    """
    path = Path(target.partition(":")[0])
    if target in DRIVERS or path.suffix != ".py":
        return
    if path.is_absolute() or not path.resolve().is_relative_to(Path.cwd()):
        raise TargetError(
            f"the run is about {target!r}, a file outside of this directory",
            "name the driver yourself: `shootdown check DRIVER --from FILE`",
        )


def _case(run: SavedRun, target: str, cls: Target) -> Case:
    recipe = run.case
    if issubclass(cls, Model):
        if run.kernel is not None:
            _refuse(run, f"{target} is a model, which has no kernel")
        return ModelCase(cls, recipe.counter_bits, recipe.merged, recipe.endless)
    assert issubclass(cls, Driver)
    if run.kernel is None or not recipe.operations:
        _refuse(run, f"{target} is a driver: kernel and operations are missing")
    try:
        kernel = kernel_for(target, cls, parse_version(run.kernel))
        operations = tuple(find_operation(name) for name in recipe.operations)
        arch = find_architecture(recipe.arch)
    except (UnknownVersionError, UnknownOperationError, UnknownArchitectureError) as error:
        _refuse(run, str(error))
    geometry = Geometry(
        pages=recipe.pages,
        entries=recipe.entries,
        frames=recipe.frames,
        devices=recipe.devices,
        gather=recipe.gather,
    )
    return Scenario(
        cls,
        kernel,
        operations,
        geometry,
        counter_bits=recipe.counter_bits,
        user_cpus=recipe.cpus,
        arch=arch,
        cpu=find_cpu(recipe.cpu_kind),
        merged=recipe.merged,
        endless=recipe.endless,
        audited=recipe.audited,
    ).sized


def _refuse(run: SavedRun, what: str) -> NoReturn:
    raise TargetError(
        f"the run of {run.target!r} cannot be taken: {what}",
        "check the driver again and save its run anew",
    )


def _start(interpreter: Interpreter, run: SavedRun) -> Words:
    starts = interpreter.initial_states()
    if run.start >= len(starts):
        _refuse(run, f"it begins at start {run.start}, but there are {len(starts)} now")
    return starts[run.start]


def _explain(program: Program, start: int, taken: Sequence[StepTaken], rule: str) -> Counterexample:
    """As a search that had found this very run."""
    result = SearchResult(
        "violated",
        rule,
        states=0,
        transitions=0,
        depth=len(taken),
        seconds=0.0,
        path=tuple(taken),
        start=start,
        reached=frozenset(),
        exercised=(),
        cut=None,
        reason=None,
        memory=0,
        engine="python",
    )
    return explain_path(program, result)


# --- what has changed ---------------------------------------------------------------------------


def _say_change(run: SavedRun, case: Case, program: Program) -> str:
    """The driver, or what shootdown makes of it, compared with what was saved."""
    if not run.program:
        return "What the driver was when the run was saved is not known."
    same = run.program == identify(program)
    # A target named by hand lies elsewhere: then contents count, not names.
    now = hash_sources(case.files)
    changed = [file for file, digest in now.items() if digest not in run.sources.values()]
    files = ", ".join(changed)
    if same and not changed:
        return "Nothing has changed since the run was saved."
    if same:
        return f"{files} has changed since the run was saved, but does the same as before."
    if changed:
        return f"{files} has changed since the run was saved."
    saved = run.shootdown or "another version"
    return f"The target has not changed, but shootdown has: the run was saved by {saved}."
