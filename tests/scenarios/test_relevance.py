"""Which steps of a counterexample matter, and that the others do not."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from machine.generate import programs as random_programs
from machine.programs import LOCK, Model
from shootdown.drivers.catalogue import DRIVERS
from shootdown.lang.model import Model as Written
from shootdown.linux.operations.catalogue import OPERATIONS
from shootdown.linux.version import parse_version
from shootdown.machine.interpreter import Interpreter
from shootdown.machine.reductions import Reductions
from shootdown.machine.result import StepTaken
from shootdown.machine.search import search
from shootdown.machine.trace import trace_step
from shootdown.program.program import Program
from shootdown.scenarios.check import check_case
from shootdown.scenarios.driver_request import Request
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.model_request import ModelCase
from shootdown.scenarios.relevance import relevant_steps
from shootdown.scenarios.verdict import Counterexample, Reading

from . import slices
from .slicing import Recorded, ends_alike, record, shorten, take_again, wander

QUIETLY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def explain(model: type[Written]) -> Counterexample:
    found = check_case(ModelCase(model), Effort("python")).counterexample
    assert found is not None
    return found


def irrelevant(model: type[Written]) -> list[str]:
    """The lines whose steps do not matter, without those at which a thread begins."""
    steps = explain(model).steps
    return [s.text for s in steps if not s.relevant and not s.text.startswith("def ")]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (
            slices.Bystander,
            ["self.noise[0] = 1", "self.noise[1] = 2", "self.noise[0] = 3", "self.noise[1] = 0"],
        ),
        (slices.Decides, []),
        (slices.Meets, ["if self.mode == 1:"]),
        (slices.Sections, ["with self.lock:", "with self.lock:", "with self.lock:"]),
        (slices.WritesInVain, []),
        (slices.Downgrades, []),
        (slices.Stuck, ["self.noise[0] = 1", "self.noise[1] = 1", "self.noise[0] = 0"]),
    ],
)
def test_what_does_not_matter(model: type[Written], expected: list[str]) -> None:
    """Data, decisions and locks each keep what they need, and nothing else is kept."""
    assert irrelevant(model) == expected


def test_what_was_not_written() -> None:
    """The flag that kept the other one from writing what the assertion reads."""
    steps = explain(slices.PublishedEarly).steps
    assert [s.text for s in steps if s.changes and s.relevant][-1] == "self.ready = True"


def test_a_write_in_vain_is_told() -> None:
    """What was written and had that value before; what changed is not among it."""
    cleared = next(s for s in explain(slices.WritesInVain).steps if "cache" in s.text)
    assert (cleared.unchanged, cleared.changes) == ((Reading("cache[0]", "0"),), ())
    assert cleared.relevant
    changed = [s for s in explain(slices.WritesInVain).steps if s.changes]
    assert [s.unchanged for s in changed] == [()]


@QUIETLY
@given(random_programs(), st.integers(0, 1 << 30))
def test_what_does_not_matter_can_be_anything(program: Program, seed: int) -> None:
    """Steps that do not matter write at random, registers too, and take no locks: every step that
    matters does what it did, and the last one ends as it ended."""
    random = Random(seed)
    for _ in range(6):
        run = wander(program, random)
        if run.steps:
            kept = relevant_steps(program, run.traces)
            assert take_again(run, kept, random) == []


@QUIETLY
@given(random_programs(), st.integers(0, 1 << 30))
def test_what_matters_is_a_run_by_itself(program: Program, seed: int) -> None:
    """With the steps that an actor cannot skip, and what they need in turn, the interpreter takes
    the shortened run, and it ends alike."""
    random = Random(seed)
    for _ in range(6):
        run = wander(program, random)
        if run.steps:
            assert ends_alike(run, shorten(run))


def test_a_lock_that_its_holder_never_gives_back() -> None:
    """Whoever waits for it needs the step that took it."""
    model = Model()
    lock, noise = model.variable("lock", LOCK), model.variable("noise")
    for name in ("holder", "waiter", "bystander"):
        code = model.code(name)
        code.point()
        if name == "bystander":
            code.store(noise, 1)
        else:
            code.acquire(lock)
        code.halt()
    program = model.build()
    steps = [StepTaken(2), StepTaken(0)]
    interpreter = Interpreter(program)
    run = record(interpreter, interpreter.initial_states()[0], steps)
    words = interpreter.step(interpreter.step(run.start, 2).words, 0).words
    waiting = [trace_step(interpreter, words, 1)]
    assert relevant_steps(program, run.traces, waiting) == {1}


def test_other_steps_are_missed_when_left_out() -> None:
    """The test of the tests: without a step that matters something goes another way."""
    interpreter = Interpreter(ModelCase(slices.Sections).program())
    found = search(interpreter.program, engine="python")
    run = record(interpreter, interpreter.initial_states()[found.start], list(found.path))
    kept = relevant_steps(interpreter.program, run.traces)
    assert take_again(run, kept, Random(1)) == []
    (missed,) = [n for n in kept if "self.n = 1" in _text(run, n)]
    assert any(take_again(run, kept - {missed}, Random(seed)) for seed in range(9))


def _text(run: Recorded, number: int) -> str:
    code = run.program.actors[run.traces[number].actor].code
    return " ".join(code[index].where.text for index in run.traces[number].operations)


@pytest.mark.parametrize(
    ("driver", "kernel", "operation"),
    [
        ("naive-tlb", "3.18", "munmap"),
        ("amd-iommu-v2", "3.18", "mmap"),
        ("kvm-no-sequence", "6.6", "write_fault"),
    ],
)
def test_runs_of_real_drivers(driver: str, kernel: str, operation: str) -> None:
    """The same for counterexamples people see, with every rule that can be broken. A shortest run
    cannot lose a step and still be a run: shortened as one it is whole."""
    chosen = (OPERATIONS[operation],)
    (case,) = Request(DRIVERS[driver], "", parse_version(kernel), operations=chosen).cases
    program = case.program()
    interpreter = Interpreter(program)
    found = search(program, reductions=Reductions.none())
    run = record(interpreter, interpreter.initial_states()[found.start], list(found.path))
    kept = relevant_steps(program, run.traces)
    for seed in range(5):
        assert take_again(run, kept, Random(seed)) == []
    assert shorten(run) == run.steps
