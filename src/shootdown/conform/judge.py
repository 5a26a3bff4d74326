"""One program on the model and on a kernel.

On the running kernel a program whose run is just what the model said runs once; any other runs
until one run is, or until two agree on something else, and only that counts (`Observer.observe`).
A program that is to be recorded always runs until two runs agree.

A model that does not know an operation is asked again for what comes before it, so that this much
is compared.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from shootdown.conform.compare import FAILED, Disagreement, compare, cut, name_of
from shootdown.conform.model import ProgramModel, UnsupportedOperationError
from shootdown.conform.outcome import Outcome
from shootdown.live.callbacks import LostEventsError
from shootdown.live.notifications import Lookup
from shootdown.live.observe import Observer, UnstableProgramError
from shootdown.live.programs import Observed, Program, Recording
from shootdown.live.server import EndlessProgramError
from shootdown.live.settings import Settings


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model says of a program, as far as it goes."""

    observed: tuple[Observed, ...]
    unsupported: str = ""
    """why it ends before the program does"""
    error: str = ""
    """how the model failed"""


def predict(model: ProgramModel, program: Program) -> Prediction:
    """Ask a model, which may not know an operation, or fail."""
    try:
        observed = model.perform(program)
    except UnsupportedOperationError as error:
        before = _predict_start(model, program, error.number)
        reason = f"{name_of(error.operation)} is not modelled"
        reason += f": {error.reason}" if error.reason else ""
        return replace(before, unsupported=before.unsupported or reason)
    except Exception as error:
        before = _predict_start(model, program, len(program.operations) - 1)
        return before if before.unsupported else replace(before, error=before.error or _say(error))
    if len(observed) != len(program.operations):
        raise ValueError(
            f"the model performed {len(observed)} operations of the {len(program.operations)} of "
            f"{program}"
        )
    return Prediction(observed)


def _predict_start(model: ProgramModel, program: Program, count: int) -> Prediction:
    return predict(model, cut(program, count)) if count else Prediction(())


def _say(error: Exception) -> str:
    """The exception and where it comes from, the last places."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return "\n".join([f"{type(error).__name__}: {error}", *places])


def conclude(prediction: Prediction, recording: Recording) -> Outcome:
    """Compare."""
    program, observed = recording.program, recording.observed
    found = compare(program, prediction.observed, observed)
    if found is None and prediction.error:
        found = _failure(prediction, recording)
    count = found.number + 1 if found else len(prediction.observed)
    ranges = sum(len(each.ranges) for each in observed[:count])
    if found is not None:
        return Outcome(program, "disagrees", count, ranges, disagreement=found)
    if prediction.unsupported:
        return Outcome(program, "unsupported", count, ranges, prediction.unsupported)
    return Outcome(program, "agrees", count, ranges)


def _failure(prediction: Prediction, recording: Recording) -> Disagreement:
    """The operation at which the model failed."""
    number = len(prediction.observed)
    before = prediction.observed[-1] if number else None
    program, done = cut(recording.program, number + 1), recording.observed[number]
    return Disagreement(program, number, (FAILED,), None, done, before, prediction.error)


class LiveJudge:
    """Judges programs on the running kernel."""

    def __init__(
        self, model: ProgramModel, observer: Observer, settings: Settings, *, record: bool
    ) -> None:
        """To `record` is to have outcomes with what two runs of the program agree on."""
        self._model, self._observer, self._settings = model, observer, settings
        self._record = record

    def __call__(self, program: Program) -> Outcome:
        """The outcome of a program."""
        obstacle = self._settings.obstacle(program)
        if obstacle is not None:
            return Outcome(program, "skipped", 0, 0, obstacle)
        prediction = predict(self._model, program)
        if prediction.unsupported and not prediction.observed and not self._record:
            return Outcome(program, "unsupported", 0, 0, prediction.unsupported)

        def accept(observed: tuple[Observed, ...]) -> bool:
            found = compare(program, prediction.observed, observed)
            return found is None and not prediction.error and not self._record

        try:
            recording = self._observer.observe(program, accept)
        except UnstableProgramError:
            return Outcome(program, "unstable", 0, 0, "no two runs were alike")
        except EndlessProgramError:
            return Outcome(program, "unstable", 0, 0, "the kernel did not come to the end of it")
        except LostEventsError as error:
            return Outcome(program, "lost", 0, 0, f"in every run: {error}")
        outcome = conclude(prediction, recording)
        return replace(outcome, recording=recording) if self._record else outcome


@contextmanager
def judging_live(
    model: ProgramModel, settings: Settings, lookup: Lookup, record: bool = False
) -> Iterator[Callable[[Program], Outcome]]:
    """A judge for a worker."""
    with Observer(lookup) as observer:
        yield LiveJudge(model, observer, settings, record=record)


@contextmanager
def judging_recorded(
    model: ProgramModel, settings: Settings
) -> Iterator[Callable[[Recording], Outcome]]:
    """The same for recorded programs. No kernel is asked."""

    def judge(recording: Recording) -> Outcome:
        obstacle = settings.obstacle(recording.program)
        if obstacle is not None:
            return Outcome(recording.program, "skipped", 0, 0, obstacle)
        return conclude(predict(model, recording.program), recording)

    yield judge
