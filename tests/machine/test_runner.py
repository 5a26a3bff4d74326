"""Runs with given choices: what they do, and that both engines do the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shootdown.machine.result import Engine
from shootdown.machine.runner import Driven, RunError, Runner
from shootdown.machine.wide import Numbers, Pace
from shootdown.program.operation import Patience
from shootdown.program.program import Program

from . import programs
from .generate import programs as random_programs

ENGINES = pytest.mark.parametrize("engine", ["python", "native"])
MAP, UNMAP = 0, 1


def rows(*digits: tuple[int, ...]) -> Numbers:
    """Digits as the runner takes them."""
    return np.array(digits, np.int64)


@ENGINES
def test_rows_are_driven_one_by_one(engine: Engine) -> None:
    """Each row maps or unmaps a page; what changed something is counted."""
    runner = Runner(programs.device_and_worker(), engine)
    space = runner.new_space()
    driven = runner.drive(space, 0, rows((MAP, 3), (MAP, 3), (MAP, 5), (UNMAP, 3), (UNMAP, 4)))
    assert driven == Driven(5, None, False)
    assert runner.counters == {"maps": 2, "unmaps": 1, "flushes": 0}
    assert np.flatnonzero(runner.view(space, "table")).tolist() == [5]
    assert runner.view(space, "queued").tolist() == [1]


@ENGINES
def test_others_move_when_the_driven_actor_waits(engine: Engine) -> None:
    """The third unmapping finds the queue full; the worker flushes two, then it goes on."""
    runner = Runner(programs.device_and_worker(capacity=2), engine)
    space = runner.new_space()
    runner.drive(space, 0, rows(*((verb, page) for page in range(3) for verb in (MAP, UNMAP))))
    assert runner.counters == {"maps": 3, "unmaps": 3, "flushes": 1}
    assert (runner.view(space, "flushed")[0], runner.view(space, "queued")[0]) == (2, 1)


@ENGINES
def test_a_step_that_waits_takes_its_digits_again(engine: Engine) -> None:
    """The digits of a step that did not happen are those of the same step when it does."""
    model = programs.Model()
    room = model.variable("room", programs.integer(0, 1), initial=1)
    seen = model.variable("seen", programs.integer(0, 3))
    taker, giver = model.code("taker", daemon=True), model.code("giver", daemon=True)
    digit, free = taker.register("digit", programs.integer(0, 3)), taker.register("free")
    taker.label("again")
    taker.point(Patience.REST)
    taker.choose(digit, 4)
    taker.load(free, room)
    taker.guard(free)
    taker.store(room, 0)
    taker.store(seen, digit)
    taker.jump("again")
    full = giver.register("full")
    giver.label("again")
    giver.point(Patience.IDLE)
    giver.load(full, room)
    giver.binary(full, full, "==", 0)
    giver.guard(full)
    giver.store(room, 1)
    giver.jump("again")
    runner = Runner(model.build(), engine)
    space = runner.new_space()
    assert runner.drive(space, 0, rows((1,), (3,), (2,))) == Driven(3, None, False)
    assert runner.view(space, "seen").tolist() == [2]


@ENGINES
def test_spaces_share_the_machine_only(engine: Engine) -> None:
    """A copied space goes its own way; machine variables and counters are everybody's."""
    runner = Runner(programs.device_and_worker(), engine)
    parent = runner.new_space()
    runner.drive(parent, 0, rows((MAP, 1)))
    child = runner.copy_space(parent)
    runner.drive(child, 0, rows((UNMAP, 1)))
    assert (runner.view(parent, "table")[1], runner.view(child, "table")[1]) == (1, 0)
    assert runner.view(parent, "queued")[0] == runner.view(child, "queued")[0] == 1
    runner.reset_counters()
    assert set(runner.counters.values()) == {0}


@ENGINES
def test_a_broken_rule_ends_the_drive(engine: Engine) -> None:
    """The worker's check fails while the device waits; rows before that count as done."""
    program = programs.device_and_worker(capacity=1, most_flushed=1)
    runner = Runner(program, engine)
    pairs = rows(*((verb, page) for page in range(4) for verb in (MAP, UNMAP)))
    driven = runner.drive(runner.new_space(), 0, pairs)
    assert driven.rows == 5
    assert driven.broken is not None
    assert (driven.broken.rule, driven.broken.actor, driven.broken.index) == ("few flushes", 1, 9)


@ENGINES
def test_a_deadlock_names_who_waits(engine: Engine) -> None:
    """Nobody raises the flag: the waiter is named."""
    runner = Runner(programs.guarded(wakes=False), engine)
    with pytest.raises(RunError, match="row 0: deadlock: waiter at") as caught:
        runner.drive(runner.new_space(), 0, rows(()))
    assert caught.value.waiting == ("waiter",)


@ENGINES
@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ((2, 0), "row 1: device: a digit is not among its choices"),
        ((-1, 0), "row 1: device: a digit is not among its choices"),
        ((0, 16), "row 1: device: a digit is not among its choices"),
    ],
)
def test_a_foreign_digit_is_refused(engine: Engine, row: tuple[int, int], complaint: str) -> None:
    """A digit must be one of the choices; the message names the row and the actor."""
    runner = Runner(programs.device_and_worker(16), engine)
    with pytest.raises(RunError, match=complaint):
        runner.drive(runner.new_space(), 0, rows((MAP, 3), row))


@ENGINES
def test_a_short_row_is_refused(engine: Engine) -> None:
    """Every Choose needs a digit."""
    runner = Runner(programs.device_and_worker(), engine)
    with pytest.raises(RunError, match="too few digits"):
        runner.drive(runner.new_space(), 0, rows((MAP,)))


@ENGINES
def test_a_spinning_actor_is_caught(engine: Engine) -> None:
    """A loop that nobody ends is an error, not a hang."""
    runner = Runner(programs.wrapping_counter(), engine, pace=Pace(50, 10, 3))
    with pytest.raises(RunError, match="does not come to rest"):
        runner.drive(runner.new_space(), 0, rows(()))


@ENGINES
def test_an_index_out_of_range_is_caught(engine: Engine) -> None:
    """With bounds checks a stray index is an error with a place."""
    model = programs.Model()
    table = model.variable("table", programs.integer(0, 1), 3)
    code = model.code("task")
    index = code.register("index", programs.integer(0, 7))
    code.point(Patience.REST)
    code.choose(index, 8)
    code.store(table, 1, index)
    code.halt()
    runner = Runner(model.build(), engine, check_bounds=True)
    assert runner.drive(runner.new_space(), 0, rows((2,))) == Driven(1, None, True)
    with pytest.raises(RunError, match="task: an index is out of range"):
        runner.drive(runner.new_space(), 0, rows((5,)))


def outcome(program: Program, engine: Engine, digits: Numbers) -> tuple[object, ...]:
    """Everything a few drives leave behind, as comparable values."""
    runner = Runner(program, engine, check_bounds=True, pace=Pace(20, 5, 2))
    space = runner.new_space(len(program.initials) - 1)
    told: list[object] = []
    for actor in [*range(len(program.actors))] * 2:
        try:
            told.append(runner.drive(space, actor, digits))
        except RunError as error:
            told.append((str(error), error.waiting))
    return told, runner.counters, space.mm.tolist(), runner.machine.tolist()


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(random_programs(), st.integers(0, 2**32 - 1))
def test_random_runs_agree(program: Program, seed: int) -> None:
    """Both engines leave the same buffers, counters and complaints behind."""
    digits = np.random.default_rng(seed).integers(0, 2, (6, 12))
    assert outcome(program, "native", digits) == outcome(program, "python", digits)
