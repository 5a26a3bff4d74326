"""Page frames are renumbered where, and only where, nobody can tell one from another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import assume, given, reject

from everyday import OPERATIONS as FEW
from shootdown.drivers.catalogue import DRIVERS
from shootdown.linux.operations.catalogue import OPERATIONS
from shootdown.machine.canonical import make_plan
from shootdown.machine.checkpoint import Checkpoint, CheckpointError
from shootdown.machine.interpreter import Interpreter, View, Words
from shootdown.machine.native.search import NativeSearch
from shootdown.machine.reductions import Reductions
from shootdown.machine.result import Engine, Limits, SearchResult
from shootdown.machine.search import PythonSearch, search
from shootdown.program import frames as frames_module
from shootdown.program.frames import Frames, find_frames
from shootdown.program.kind import integer, make_pte, pte
from shootdown.program.layout import make_layout
from shootdown.program.listing import list_program
from shootdown.program.operation import Reg
from shootdown.program.program import Program
from shootdown.program.symmetry import find_families
from shootdown.scenarios.driver_request import Request
from shootdown.scenarios.kernels import default_kernel

from .frame_users import CURSOR, FRAMES, REFERENCES, TABLE, Build, build, frame_users
from .programs import Code, Model
from .test_engines import without_cost
from .test_symmetry import (
    EVERY_STATE,
    SETTINGS,
    SYMMETRY,
    all_states,
    assert_happens,
    lines,
)

LIMITS = Limits(states=2000)


def permuted(frames: Frames, order: tuple[int, ...], view: View) -> View:
    """A state in which frame f is called order[f]."""
    below = dict(frames.shifts)

    def of(node: tuple[int, int], value: int) -> int:
        if node not in below:
            return value
        shift = below[node]
        return order[value >> shift] << shift | value & (1 << shift) - 1

    variables = [
        tuple(of((-1, number), value) for value in row) for number, row in enumerate(view.variables)
    ]
    for number in frames.arrays:
        row = view.variables[number]
        variables[number] = tuple(row[order.index(frame)] for frame in range(frames.count))
    actors = tuple(
        replace(actor, registers=tuple((r, of((number, r), v)) for r, v in actor.registers))
        for number, actor in enumerate(view.actors)
    )
    return View(tuple(variables), actors)


def orders(frames: Frames, view: View) -> list[tuple[int, ...]]:
    """All ways to call the frames that were handed out."""
    fresh = view.variables[frames.cursor][0] or frames.count
    rest = tuple(range(fresh, frames.count))
    return [(0, *order, *rest) for order in permutations(range(1, fresh))]


def least(frames: Frames, view: View) -> str:
    """Of all ways to call the frames one, by trying all; without those that nobody knows."""
    fresh = view.variables[frames.cursor][0] or frames.count
    below = dict(frames.shifts)
    known = {0}
    for number, row in enumerate(view.variables):
        known |= {value >> below[-1, number] for value in row if (-1, number) in below}
    for number, actor in enumerate(view.actors):
        known |= {v >> below[number, r] for r, v in actor.registers if (number, r) in below}
    kept = [
        frame
        for frame in range(1, fresh)
        if frame in known or any(view.variables[array][frame] for array in frames.arrays)
    ]
    dropped = [frame for frame in range(1, frames.count) if frame not in kept]
    order = [0] * frames.count
    for number, frame in enumerate([*kept, *dropped], 1):
        order[frame] = number
    small = permuted(frames, tuple(order), view)
    variables = list(small.variables)
    variables[frames.cursor] = ((len(kept) + 1) % frames.count,)
    small = replace(small, variables=tuple(variables))
    return min(repr(permuted(frames, order, small)) for order in orders(frames, small))


def assert_changes_nothing(program: Program) -> None:
    """What an actor can do does not depend on how frames are called, in any reachable state."""
    frames = find_frames(program)
    if frames is None:
        return
    interpreter = Interpreter(program, make_layout(program))
    found = all_states(program, interpreter.layout)
    if found is None:
        reject()
    states = {repr(interpreter.unpack(words)): words for words in found}

    def steps(words: Words, actor: int, order: tuple[int, ...]) -> list[str]:
        """What the actor can do, told with frames called so."""
        outcomes = [o for o in interpreter.attempts(words, actor) if o.enabled]
        views = (permuted(frames, order, interpreter.unpack(o.words)) for o in outcomes)
        return sorted(f"{o.broken} {view}" for o, view in zip(outcomes, views, strict=True))

    same = tuple(range(frames.count))
    for words in found:
        view = interpreter.unpack(words)
        for order in orders(frames, view)[1:4]:
            twin = states.get(repr(permuted(frames, order, view)))
            if twin is not None:  # it can be reached, too
                for actor in range(len(program.actors)):
                    assert steps(words, actor, order) == steps(twin, actor, same)


def widened(make: Build, reductions: Reductions) -> tuple[Program, SearchResult]:
    """The search on a machine with enough frames."""
    for count in range(4, 9):
        program = make(count)
        result = search(program, LIMITS, reductions=reductions)
        assume(result.cut is None)
        if result.verdict != "widen":
            break
    assume(result.verdict != "widen")
    return program, result


@SETTINGS
@given(frame_users())
def test_frames_are_found_and_alike(make: Build) -> None:
    """Programs that only pass frames around have them found if they hand any out."""
    program = make(4)
    hands_out = any(
        getattr(op, "variable", None) == CURSOR for a in program.actors for op in a.code
    )
    assert (find_frames(program) is not None) == hands_out
    assert_changes_nothing(program)


@SETTINGS
@given(frame_users())
def test_the_answer_is_that_of_the_full_search(make: Build) -> None:
    """Verdict, rule, length of a counterexample that happens, lines reached."""
    (small, reduced), (_, full) = widened(make, SYMMETRY), widened(make, EVERY_STATE)
    assert (reduced.verdict, reduced.rule) == (full.verdict, full.rule)
    assert len(reduced.path) == len(full.path)
    assert reduced.states <= full.states
    if full.verdict == "holds":
        assert lines(small, reduced) == lines(small, full)
    else:
        assert_happens(small, reduced)


@SETTINGS
@given(frame_users())
def test_together_with_the_other_reductions(make: Build) -> None:
    """All reductions at once find what the full search finds, and a run that happens."""
    (small, reduced), (_, full) = widened(make, Reductions()), widened(make, EVERY_STATE)
    assert (reduced.verdict, reduced.rule) == (full.verdict, full.rule)
    if full.verdict == "holds":
        assert lines(small, reduced) == lines(small, full)
    else:
        assert_happens(small, reduced)


@SETTINGS
@given(frame_users())
def test_each_orbit_is_one_state(make: Build) -> None:
    """As many states as there are orbits, found by trying every numbering of every state."""
    program = make(6)
    frames = find_frames(program)
    assume(frames is not None)
    layout = make_layout(program)
    plan = make_plan(program, layout, (), frames)
    full, reduced = (
        PythonSearch(program, LIMITS, layout),
        PythonSearch(program, LIMITS, layout, plan),
    )
    assume(full.run().verdict == "holds")
    assert reduced.run().verdict == "holds"
    assert frames is not None
    views = map(full.interpreter.unpack, full.packed_states())
    assert len(reduced.packed_states()) == len({least(frames, view) for view in views})


@SETTINGS
@given(frame_users())
def test_engines_agree(make: Build) -> None:
    """Both engines keep the same forms in the same order."""
    program = make(5)
    layout = make_layout(program)
    plan = make_plan(program, layout, find_families(program), find_frames(program))
    plain = PythonSearch(program, LIMITS, layout, plan)
    expected = plain.run()
    with NativeSearch(program, LIMITS, layout, plan) as native:
        found = native.run()
        states = [tuple(row) for row in native.rows().tolist()]
    assert without_cost(found) == without_cost(expected)
    assert states == plain.states_in_order()


# --- what tells frames apart --------------------------------------------------------------------


def hoarder(spoil: str = "", frames: int = 4) -> Program:
    """Takes a frame and looks at it; `spoil` names what it does that depends on its number."""
    model = Model()
    model.variable("table", pte(frames), 2)
    model.variable("bare", integer(0, frames - 1), frames)
    model.variable("plain", integer(0, 31))
    length = frames + 1 if spoil == "long" else frames
    model.variable("references", integer(0, 3), length)
    model.variable("cursor", integer(0, frames - 1), initial=1)
    model.variable("other", integer(0, 3), frames)
    model.rule("frames", "violated" if spoil == "rule" else "widen")
    code = model.code("hoarder")
    room = integer(0, frames - 1)
    fresh, frame = code.register("fresh", room), code.register("frame", room)
    flag, number = code.register("flag"), code.register("number", integer(0, 63))
    entry = code.register("entry", pte(frames))
    assert (fresh, frame, flag, number, entry) == (FRESH, FRAME, FLAG_, NUMBER, ENTRY)
    code.point()
    code.load(fresh, CURSOR)
    if spoil != "unchecked":
        code.binary(flag, fresh, "!=", 0)
        code.check(flag, FRAMES)
    code.store(REFERENCES, 1, fresh)
    if spoil == "between":
        code.point()
    code.binary(number, fresh, "+", 2 if spoil == "step" else 1)
    if spoil == "next":
        code.store(2, number)
    code.binary(number, number, "%", frames)
    code.store(CURSOR, number)
    code.binary(entry, fresh, "<<", 2)
    code.binary(entry, entry, "|", 3)
    code.store(TABLE, entry)
    code.point()
    code.load(entry, TABLE)
    code.binary(frame, entry, ">>", 2)
    SPOILERS.get(spoil, Code.point)(code)
    code.halt()
    model.initials = (((TABLE, 1, make_pte(2, 3)),),) if spoil == "start" else ((),)
    if spoil == "marked":
        model.initials = (((REFERENCES, 3, 1),),)
    return model.build()


def narrow(code: Code) -> None:
    """A register for frame 0 and 1 only."""
    code.move(code.register("narrow", integer(0, 1)), FRAME)


def mixed(code: Code) -> None:
    """An element of the array found by a number that is no frame."""
    code.choose(NUMBER, 3)
    code.load(FLAG_, REFERENCES, NUMBER)


def chosen(code: Code) -> None:
    """A frame out of the blue."""
    code.choose(FRAME, 3)
    code.store(1, FRAME)


FRESH, FRAME, FLAG_, NUMBER, ENTRY = map(Reg, range(5))

SPOILERS: dict[str, Callable[[Code], None]] = {
    "order": lambda code: code.binary(FLAG_, FRAME, "<", 2),
    "order entries": lambda code: code.binary(FLAG_, ENTRY, "<=", 9),
    "name": lambda code: code.binary(FLAG_, FRAME, "==", 2),
    "constant": lambda code: code.store(TABLE, make_pte(2, 3)),
    "reckon": lambda code: code.binary(NUMBER, FRAME, "+", 1),
    "place": lambda code: code.load(NUMBER, REFERENCES, 2),
    "mixed": mixed,
    "mask": lambda code: code.binary(NUMBER, ENTRY, "&", 7),
    "wide rights": lambda code: code.binary(ENTRY, ENTRY, "|", 4),
    "chosen": chosen,
    "peek": lambda code: code.load(NUMBER, CURSOR),
    "reset": lambda code: code.store(CURSOR, 1),
    "array of frames": lambda code: code.store(1, FRAME, FRAME),
    "narrow": narrow,
}
"""what a program does with a frame it holds"""

EARLIER = ("long", "rule", "unchecked", "between", "step", "next", "start", "marked")
"""what is wrong before it holds one; `hoarder` says how"""


def test_a_program_that_only_holds_frames() -> None:
    """Where frames are, bits below them, and the array with an element for each."""
    found = find_frames(hoarder())
    assert found is not None
    assert (found.count, found.cursor, found.arrays) == (4, CURSOR, (REFERENCES,))
    assert "alike: frames 1 to 3, handed out by cursor" in list_program(hoarder())
    assert dict(found.shifts) == {(-1, TABLE): 2, (0, 0): 0, (0, 1): 0, (0, 4): 2}


@pytest.mark.parametrize("spoil", [*EARLIER, *SPOILERS])
def test_what_tells_frames_apart_is_refused(spoil: str) -> None:
    """One operation, start or rule that depends on a number, and nothing is renumbered."""
    assert find_frames(hoarder(spoil)) is None


def test_the_order_of_faults_does_not_matter() -> None:
    """Three starts, two pages mapped in either order: fifteen states, twelve but for the numbers,
    eleven but for which of the two actors it was that mapped the only page."""
    small = build([[([("fault", me)], False)] for me in range(2)], 4)
    found, full = (search(small, reductions=r) for r in (SYMMETRY, EVERY_STATE))
    assert (found.verdict, full.verdict) == ("widen", "widen")
    found, full = (
        search(build([[([("fault", me)], False)] for me in range(2)], 6), reductions=r)
        for r in (SYMMETRY, EVERY_STATE)
    )
    assert (found.verdict, found.states, full.states) == ("holds", 11, 15)


@pytest.mark.parametrize("name", ["kvm", "sva", "invalidate-range", "amd-iommu-v2", "naive-tlb"])
def test_frames_of_shipped_drivers_are_alike(name: str) -> None:
    """Under everyday operations: a driver that would lose this reduction is noticed."""
    kernel = default_kernel(DRIVERS[name])
    assert kernel is not None
    for case in Request(DRIVERS[name], name, kernel, FEW).cases:
        program = case.program()
        frames = find_frames(program)
        assert frames is not None
        assert program.variables[frames.cursor].name == "memory.cursor"
        assert [program.variables[n].name for n in frames.arrays] == ["memory.refcount"]


@pytest.mark.parametrize("engine", ["native", "python"])
def test_a_run_that_needs_more_frames_than_its_forms(engine: Engine) -> None:
    """Forms get by with two frames; the run shown has to have five, and the machine grows until it
    has them. So the verdict never rests on a run that does not happen."""
    pieces = [*["fault", "drop"] * 4, "fault", "keep", "drop", "back", "look"]
    results = []
    for frames in (4, 5, 6):
        program = build([[([(piece, 0)], False) for piece in pieces]], frames)
        program = replace(program, initials=program.initials[:1])
        results.append(search(program, engine=engine, reductions=SYMMETRY))
        assert_happens(program, results[-1])
    assert [(r.verdict, r.rule, len(r.path)) for r in results] == [
        ("widen", "frames", 7),
        ("widen", "frames", 9),
        ("violated", "alive", 13),
    ]


def test_threads_and_checkpoints_keep_the_same_forms(tmp_path: Path) -> None:
    """Two tasks that are alike, and frames: one thread, three, and a search taken up again."""
    wanted = (OPERATIONS["read_fault"],)
    (case,) = Request(DRIVERS["kvm"], "kvm", (6, 6, 0), wanted, pairs=True).cases
    program = case.program()
    layout = make_layout(program)
    plan = make_plan(program, layout, find_families(program), find_frames(program))
    rows = []
    for workers in (1, 3):
        with NativeSearch(program, Limits(), layout, plan, workers=workers, grain=64) as native:
            rows.append((without_cost(native.run()), native.rows().tolist()))
    assert rows[0] == rows[1]
    kept = tmp_path / "search"
    search(program, Limits(states=2000), reductions=SYMMETRY, checkpoint=Checkpoint(kept))
    again = search(program, reductions=SYMMETRY, resume=kept)
    assert without_cost(again) == rows[0][0]
    with pytest.raises(CheckpointError):
        search(program, reductions=EVERY_STATE, resume=kept)


def test_a_judge_that_accepts_everything_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were frames renumbered although a rule names one, the verdict would be another."""

    def build_named(frames: int = 4) -> Program:
        model = Model()
        model.variable("table", pte(frames), 2)
        model.variable("unused")
        model.variable("plain", integer(0, 3))
        model.variable("references", integer(0, 3), frames)
        model.variable("cursor", integer(0, frames - 1), initial=1)
        model.rule("frames", "widen")
        model.rule("not two")
        for me in range(2):
            code = model.code(f"actor{me}")
            fresh = code.register("fresh", integer(0, frames - 1))
            entry = code.register("entry", pte(frames))
            flag, number = code.register("flag"), code.register("number", integer(0, frames))
            code.point()
            code.load(fresh, CURSOR)
            code.binary(flag, fresh, "!=", 0)
            code.check(flag, 0)
            code.binary(number, fresh, "+", 1)
            code.binary(number, number, "%", frames)
            code.store(CURSOR, number)
            code.binary(entry, fresh, "<<", 2)
            code.binary(entry, entry, "|", 3)
            code.store(TABLE, entry, me)
            code.point()
            code.load(entry, TABLE, 0)
            code.binary(flag, entry, "!=", make_pte(2, 3))
            code.check(flag, 1)
            code.halt()
        return model.build()

    program = build_named()
    assert find_frames(program) is None
    assert search(program, reductions=SYMMETRY).rule == "not two"
    monkeypatch.setattr(frames_module._Judge, "accept", lambda *_: None)
    with pytest.raises(AssertionError):
        assert_changes_nothing(program)
