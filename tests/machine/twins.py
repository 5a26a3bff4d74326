"""Random programs whose actors are alike, and programs in which one of them was spoilt.

Each thread runs the same segments with its own number in them: an element and a variable of its
own, a shared variable that names a thread, values every thread computes with, two kinds of locks,
choices, waits and checks.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from shootdown.program.kind import FLAG, Family, Kind, integer
from shootdown.program.operation import (
    Binary,
    Choose,
    Const,
    Load,
    Mode,
    Operation,
    Patience,
    Store,
)
from shootdown.program.program import Program

from .programs import Code, Model, rwlock

MOST = 3
"""threads"""

PIECES = (
    "raise", "lower", "look", "name", "is named", "is named", "copy", "add", "choose", "own", "own",
    "check", "through", "all",
)  # fmt: skip


class _Writer:
    """Writes the segments of one thread; what is drawn does not depend on the thread."""

    def __init__(self, model: Model, me: int, threads: int) -> None:
        self.me = me
        self.other = (me + 1) % threads if threads == 2 else me
        self.threads = threads
        self.code: Code = model.code(f"thread{me}")
        self.flag = self.code.register("flag")
        self.number = self.code.register("number", integer(0, 7))
        self.name = self.code.register("name", integer(0, MOST - 1))

    def piece(self, what: str, value: int) -> None:
        code, me = self.code, self.me
        match what:
            case "raise" | "lower":
                code.store(0, int(what == "raise"), me)
            case "look":
                code.load(self.flag, 0, self.other)
            case "name":
                code.store(1, me if value % 2 else self.other)
            case "is named":
                code.load(self.name, 1)
                code.binary(self.flag, self.name, "==" if value % 2 else "!=", me)
            case "copy":
                code.load(self.name, 1)
                code.store(4, self.name)
            case "add":
                code.load(self.number, 2)
                code.binary(self.number, self.number, "+", 1)
                code.binary(self.number, self.number, "%", 3)
                code.store(2, self.number)
            case "choose":
                code.choose(self.flag, 2)
            case "own":
                code.binary(self.number, self.flag, "+", value)
                code.binary(self.number, self.number, "%", 3)
                code.store(5 + me, self.number)
            case "check":
                code.load(self.number, 2)
                code.binary(self.flag, self.number, "!=", value)
                code.check(self.flag, 0)
            case "through":  # an element found through a variable that names a thread
                code.load(self.name, 1)
                code.load(self.flag, 0, self.name)
            case "all":
                code.load(self.number, 2)
                code.binary(self.number, self.number, "%", self.threads)
                code.store(3, 1, self.number)


def _segment(writer: _Writer, number: int, segments: int, decisions: list[int]) -> None:
    code = writer.code
    opening, value, after, there, *pieces = decisions
    code.label(f"segment{number}")
    code.point([Patience.MUST, Patience.MUST, Patience.IDLE, Patience.REST][value % 4])
    if opening == 1:
        code.load(writer.flag, 0, writer.other)
        code.guard(writer.flag)
    if opening in (2, 3):
        code.acquire(5 + MOST)
    if opening in (4, 5):
        code.acquire(6 + MOST, Mode.READ if opening == 4 else Mode.WRITE)
    for piece in pieces:
        writer.piece(PIECES[piece % len(PIECES)], value)
    if opening >= 2:
        code.point()
        code.release(
            5 + MOST if opening < 4 else 6 + MOST, Mode.READ if opening == 4 else Mode.WRITE
        )
    if after == 0:
        code.halt()
    elif after == 1:
        code.branch(writer.flag, f"segment{there % segments}", f"then{number}")
        code.label(f"then{number}")


@st.composite
def twins(draw: st.DrawFn) -> Program:
    """Two or three threads that are alike."""
    threads = draw(st.sampled_from([2, 2, 3]))
    model = Model()
    model.variable("flags", FLAG, MOST)
    model.variable("turn", integer(0, MOST - 1))
    model.variable("sum", integer(0, 7))
    model.variable("marks", FLAG, MOST)
    model.variable("before", integer(0, MOST - 1))
    for me in range(MOST):
        model.variable(f"own{me}", integer(0, 2))
    model.variable("lock", Kind(Family.LOCK, 0, MOST))
    model.variable("rwlock", rwlock(2, MOST))
    model.rule("rule")
    segments = draw(st.sampled_from([1, 2, 2, 3]))
    numbers = st.integers(0, 50)
    heads = st.tuples(st.integers(0, 5), st.integers(0, 7), st.integers(0, 3), numbers)
    bodies = st.lists(numbers, min_size=1, max_size=4)
    rows = [[*draw(heads), *draw(bodies)] for _ in range(segments)]
    for me in range(threads):
        writer = _Writer(model, me, threads)
        for number, row in enumerate(rows):
            _segment(writer, number, segments, row)
        writer.code.halt()
    if draw(st.booleans()):
        model.initials = ((), ((0, 1, 1),), ((5, 0, 1),))
    return model.build()


@st.composite
def spoilt(draw: st.DrawFn) -> Program:
    """The last thread differs in a constant, a variable or an index, wherever that is possible."""
    program = draw(twins())
    *others, last = program.actors
    places = [n for n, op in enumerate(last.code) if isinstance(op, Binary | Choose | Load | Store)]
    if not places:
        return program
    place = draw(st.sampled_from(places))
    operation = _spoil(last.code[place], program, draw(st.integers(0, 2)))
    code = (*last.code[:place], operation, *last.code[place + 1 :])
    return replace(program, actors=(*others, replace(last, code=code)))


def _spoil(operation: Operation, program: Program, way: int) -> Operation:
    match operation:
        case Binary(b=Const(value)):
            return replace(operation, b=Const(value + 1))
        case Choose():
            return replace(operation, bound=1)
        case Load() | Store():
            length = program.variables[operation.variable].length
            if isinstance(operation.index, Const) and length > 1:
                return replace(operation, index=Const((operation.index.value + 1) % length))
            if isinstance(operation, Store) and isinstance(operation.a, Const):
                high = program.variables[operation.variable].kind.high
                return replace(operation, a=Const((operation.a.value + 1 + way) % (high + 1)))
            return operation
        case _:
            return operation
