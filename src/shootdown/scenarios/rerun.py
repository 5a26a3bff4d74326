"""The steps of a saved run on the present driver.

The same actors move in the same order and choose the same. Then one of three things is true: a rule
breaks, a step can no longer be taken, or all can and nothing breaks. Only the first is a verdict
about the driver. That this one run is gone proves nothing: a step more or less in the driver is
enough to shift everything after it.
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
from shootdown.linux.operations.catalogue import UnknownOperationError, find_operation
from shootdown.linux.version import UnknownVersionError, parse_version
from shootdown.machine.interpreter import Interpreter, Words
from shootdown.machine.result import DEADLOCK, SearchResult, StepTaken
from shootdown.program.operation import Acquire
from shootdown.program.program import Program
from shootdown.scenarios.case import Case
from shootdown.scenarios.classes import Target
from shootdown.scenarios.errors import TargetError
from shootdown.scenarios.kernels import kernel_for
from shootdown.scenarios.model_request import ModelCase
from shootdown.scenarios.origin import hash_sources, identify
from shootdown.scenarios.saved_run import SavedRun, SavedStep
from shootdown.scenarios.system import Scenario
from shootdown.scenarios.target import find_targets
from shootdown.scenarios.timeline import explain_path, place_of_step
from shootdown.scenarios.trace import trace_step
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
    counterexample: Counterexample | None
    """the run as it goes now, if it breaks a rule"""


class _StoppedError(Exception):
    """A step cannot be taken; the text says why."""


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
    words, taken, reason, rule = _start(interpreter, run), [], "", None
    parted: int | None = None
    for number, step in enumerate(run.steps):
        try:
            actor = _actor(program, step)
            if parted is None and _place(interpreter, words, actor) not in ("", step.text):
                parted = number + 1
            after, rule = _take(interpreter, words, actor, step)
        except _StoppedError as stopped:
            reason = str(stopped)
            break
        taken.append(StepTaken(actor, tuple(step.choices)))
        if rule is not None:
            break
        words = after
    if rule is None and not reason and interpreter.expand(words).deadlock:
        rule = DEADLOCK
    verdict: Ending = "violated" if rule else "stopped" if reason else "passed"
    found = _explain(program, run.start, taken, rule) if rule else None
    change = _say_change(run, case, program)
    return Rerun(
        target,
        run.kernel,
        run.scenario,
        run.rule,
        verdict,
        len(taken),
        reason,
        change,
        parted,
        found,
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
    except (UnknownVersionError, UnknownOperationError) as error:
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
        merged=recipe.merged,
        endless=recipe.endless,
    ).sized


def _refuse(run: SavedRun, what: str) -> NoReturn:
    raise TargetError(
        f"the run of {run.target!r} cannot be taken: {what}",
        "check the driver again and save its run anew",
    )


# --- its steps ----------------------------------------------------------------------------------


def _start(interpreter: Interpreter, run: SavedRun) -> Words:
    starts = interpreter.initial_states()
    if run.start >= len(starts):
        _refuse(run, f"it begins at start {run.start}, but there are {len(starts)} now")
    return starts[run.start]


def _actor(program: Program, step: SavedStep) -> int:
    names = [actor.name for actor in program.actors]
    if step.actor not in names:
        raise _StoppedError(f"there is no {step.actor!r} any more, only {', '.join(names)}")
    return names.index(step.actor)


def _place(interpreter: Interpreter, words: Words, actor: int) -> str:
    """The line of source where an actor stands, as a step of a counterexample has it."""
    point = interpreter.point(words, actor)
    if point is None:
        return ""
    return place_of_step(point).text.strip()


def _take(
    interpreter: Interpreter, words: Words, actor: int, step: SavedStep
) -> tuple[Words, str | None]:
    """The state after a step, and the rule that it breaks."""
    name = interpreter.program.actors[actor].name
    if interpreter.point(words, actor) is None:
        raise _StoppedError(f"{name} is done, and takes no step more")
    try:
        outcome = interpreter.step(words, actor, tuple(step.choices))
    except ValueError:
        raise _StoppedError(f"{name} has not as many ways to choose from as it had") from None
    if len(outcome.choices) != len(step.choices):
        counts = f"{len(step.choices)} times, now {len(outcome.choices)}"
        raise _StoppedError(f"{name} chose {counts}")
    if not outcome.enabled:
        raise _StoppedError(_say_blocked(interpreter, words, actor, step))
    if outcome.broken is None:
        return outcome.words, None
    rule = interpreter.program.rules[outcome.broken]
    if rule.verdict == "widen":
        raise _StoppedError(f"{name} needs a larger machine than the run was found on: {rule.name}")
    return outcome.words, rule.name


def _say_blocked(interpreter: Interpreter, words: Words, actor: int, step: SavedStep) -> str:
    trace = trace_step(interpreter, words, actor, tuple(step.choices))
    row = interpreter.program.actors[actor]
    last = row.code[trace.operations[-1]]
    where = f"at {last.where.file}:{last.where.line}"
    if not isinstance(last, Acquire):
        return f"{row.name} waits for a condition {where}"
    lock = interpreter.program.variables[last.variable]
    held = lock.kind.show(interpreter.unpack(words).variables[last.variable][0])
    return f"{row.name} waits for {lock.name} ({held}) {where}"


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
