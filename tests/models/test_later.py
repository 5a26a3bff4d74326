"""Work, timers, RCU callbacks, interrupts: what is right holds, each mistake is found, exactly."""

from __future__ import annotations

import pytest

from shootdown import Flag, Model, Part, Work, schedule_work, thread
from shootdown.machine.reductions import Reductions
from shootdown.scenarios.check import check_case
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.model_request import ModelCase

from . import later_irq, later_rcu, later_timer, later_work
from .searching import Row, check_engines_agree, models_in, row

MODULES = later_work, later_timer, later_rcu, later_irq
MODELS = {name: cls for module in MODULES for name, cls in models_in(vars(module)).items()}
COUNTS: dict[str, Row] = {
    "Remove": ("holds", None, 19, 27, 0),
    "RemoveWithoutCancel": ("violated", "assertion", 15, 21, 7),
    "RemoveCancelsWithoutSync": ("violated", "assertion", 19, 26, 8),
    "RemoveTooEarly": ("violated", "assertion", 22, 31, 7),
    "Polls": ("holds", None, 11, 14, 0),
    "PollsFlushed": ("violated", "assertion", 19, 26, 10),
    "CancelsItself": ("violated", "deadlock", 7, 6, 3),
    "OneAtATime": ("holds", None, 31, 60, 0),
    "RunsAgain": ("holds", None, 38, 56, 0),
    "QueuedTooEarly": ("violated", "assertion", 21, 27, 7),
    "FlushWithLock": ("violated", "deadlock", 10, 11, 4),
    "FlushAfterLock": ("holds", None, 14, 19, 0),
    "CancelReleasesFlush": ("holds", None, 138, 322, 0),
    "FlushWithSpinlock": ("violated", "sleep-in-atomic", 2, 2, 2),
    "CancelWithSpinlock": ("holds", None, 9, 11, 0),
    "MutexWithSpinlock": ("violated", "sleep-in-atomic", 1, 1, 1),
    "SpinlockWithMutex": ("holds", None, 3, 2, 0),
    "Periodic": ("holds", None, 10, 12, 0),
    "PeriodicDeleted": ("violated", "assertion", 17, 21, 6),
    "StoppedAfterUser": ("holds", None, 7, 7, 0),
    "StoppedWhileRunning": ("violated", "assertion", 9, 11, 5),
    "StopsWithLock": ("violated", "deadlock", 10, 11, 3),
    "HandlerSleeps": ("violated", "sleep-in-atomic", 3, 3, 2),
    "Replace": ("holds", None, 29, 45, 0),
    "ReplaceTooEarly": ("violated", "assertion", 41, 70, 6),
    "ReplaceOutsideReader": ("violated", "assertion", 32, 50, 8),
    "ReplaceNested": ("holds", None, 38, 60, 0),
    "ReplaceWaiting": ("holds", None, 25, 38, 0),
    "ReplaceWaitingTooEarly": ("violated", "assertion", 27, 41, 7),
    "ReaderWaits": ("violated", "sleep-in-atomic", 1, 1, 1),
    "CalledTwice": ("violated", "assertion", 6, 6, 2),
    "Unload": ("holds", None, 154, 385, 0),
    "UnloadWithoutBarrier": ("violated", "assertion", 120, 260, 7),
    "Unbind": ("holds", None, 32, 70, 0),
    "UnbindDisables": ("holds", None, 32, 70, 0),
    "UnbindWithoutWaiting": ("violated", "assertion", 21, 39, 6),
    "UnbindOnlyWaits": ("violated", "assertion", 26, 44, 6),
    "UnbindNested": ("holds", None, 44, 94, 0),
    "Unbalanced": ("violated", "assertion", 16, 25, 4),
    "Pending": ("holds", None, 11, 11, 0),
    "NeverEnabled": ("violated", "deadlock", 4, 3, 3),
    "BottomHalf": ("holds", None, 248, 768, 0),
    "BottomHalfFirst": ("violated", "assertion", 257, 703, 13),
    "HandlerDisables": ("violated", "sleep-in-atomic", 14, 20, 4),
    "SharedWithHandler": ("holds", None, 44, 100, 0),
    "HandlerInterruptsThread": ("violated", "interrupted-lock", 2, 2, 1),
    "HandlerInterruptsTimer": ("violated", "interrupted-lock", 9, 10, 3),
    "OnlySoftirqsOff": ("violated", "interrupted-lock", 2, 2, 1),
    "OffFromOutside": ("holds", None, 66, 161, 0),
    "SharedWithTimer": ("holds", None, 14, 23, 0),
    "TimerInterruptsThread": ("violated", "interrupted-lock", 1, 1, 1),
}


def test_every_model_is_counted() -> None:
    """A new model needs its row here."""
    assert list(MODELS) == list(COUNTS)


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name: str) -> None:
    """Exact; no other verdict when every access is a step of its own, or with all reductions."""
    assert row(MODELS[name]) == COUNTS[name]
    assert row(MODELS[name], Reductions.none())[:2] == COUNTS[name][:2]
    assert row(MODELS[name], Reductions())[:2] == COUNTS[name][:2]


@pytest.mark.parametrize("name", COUNTS)
def test_engines_agree(name: str) -> None:
    """Same verdict, rule, states, transitions, depth, path, reached operations and exercise."""
    check_engines_agree(MODELS[name])


@pytest.mark.parametrize("name", COUNTS)
def test_no_races_of_ours(name: str) -> None:
    """What a data race is about is state of the model, never of a work item, a timer or an Rcu."""
    races = check_case(ModelCase(MODELS[name]), Effort(races=True)).races or ()
    assert {race.what for race in races} <= {"gone", "written", "current", "handled"}


def test_names() -> None:
    """An actor goes by the attribute; its state by that name. Unused ones do not exist."""
    program = ModelCase(later_irq.BottomHalf).program()
    assert [actor.name for actor in program.actors] == ["hardware", "unbind", "irq", "work"]
    assert [actor.daemon for actor in program.actors] == [True, False, True, True]
    names = {variable.name for variable in program.variables}
    assert {"irq.raised", "irq.running", "work.pending", "work.running"} <= names
    unused = ModelCase(later_work.SpinlockWithMutex).program()
    assert [actor.name for actor in unused.actors] == ["user"]


def test_names_in_a_list() -> None:
    """Actors and CPU masks go by where they are declared."""
    program = ModelCase(later_rcu.Unload).program()
    actors = [actor.name for actor in program.actors]
    assert actors == ["reader", "module", "heads[0]", "heads[1]"]
    (readers,) = [v for v in program.variables if v.name == "rcu.readers"]
    assert readers.kind.show(0b11) == "reader, module"
    assert readers.kind.show(0) == "nobody"


class Unit(Part):
    """Something with work, of which there may be several."""

    def __init__(self):
        self.work = Work(self.handle)
        self.done = Flag()

    def handle(self):
        self.done = True


class TwoUnits(Model):
    """A dict gives its values no names."""

    def __init__(self):
        self.units = {"left": Unit(), "right": Unit()}

    @thread
    def user(self):
        schedule_work(self.units["left"].work)
        schedule_work(self.units["right"].work)


def test_two_of_one_name() -> None:
    """They are told apart."""
    program = ModelCase(TwoUnits).program()
    assert [actor.name for actor in program.actors] == ["user", "unit.work", "unit.work#2"]
    assert row(TwoUnits)[2:4] == (13, 18)
