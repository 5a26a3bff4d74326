"""Random small programs that are well formed: the input of the tests that compare engines.

Each actor is a list of segments; a segment is a point and what follows it up to the next. Steps
have no loops; jumps between segments go anywhere, so programs may run for ever (their state is
finite). Guards and acquires come before effects; indexes and register values stay in range by
masking.
"""

from __future__ import annotations

from hypothesis import strategies as st

from shootdown.program.kind import FLAG, Family, Kind, counter, integer
from shootdown.program.operation import Mode, Patience
from shootdown.program.program import Program

from .programs import Code, Model, rwlock

ACTORS = 3
OPERATORS = ("+", "-", "*", "//", "%", "&", "|", "^", "<<", ">>", "==", "!=", "<", "<=")
REGISTERS = 3
VALUE = integer(-4, 11)
"""kind of every register; results are masked into it"""


def variables(draw: st.DrawFn, model: Model) -> list[tuple[int, Kind, int]]:
    """A few variables of all kinds: (number, kind, length); the last can outgrow a word."""
    rows = []
    for name, kind, length in (
        ("flag", FLAG, 1),
        ("small", integer(-2, 5), draw(st.sampled_from([1, 3, 4]))),
        ("counter", counter(draw(st.sampled_from([1, 2, 3]))), 1),
        ("constant", integer(3, 3), draw(st.sampled_from([1, 2]))),
        ("long", integer(0, 7), draw(st.sampled_from([2, 24, 33]))),
    ):
        rows.append((model.variable(name, kind, length, max(kind.low, 0)), kind, length))
    return rows


class _Writer:
    """Writes the code of one actor from random decisions."""

    def __init__(self, draw: st.DrawFn, code: Code, rows: list[tuple[int, Kind, int]]) -> None:
        self.draw = draw
        self.code = code
        self.rows = rows
        self.registers = [code.register(f"r{i}", VALUE) for i in range(REGISTERS)]
        self.scratch = code.register("scratch", integer(-(1 << 20), 1 << 20))
        self.labels = 0

    def pick(self, *options: object) -> object:
        return self.draw(st.sampled_from(options))

    def operand(self) -> object:
        return self.draw(st.one_of(st.sampled_from(self.registers), st.integers(-4, 9)))

    def into(self, low: int, high: int) -> None:
        """Bring the scratch register into a range."""
        self.code.binary(self.scratch, self.scratch, "%", high - low + 1)
        self.code.binary(self.scratch, self.scratch, "+", low)

    def index(self, length: int) -> object:
        if self.draw(st.booleans()):
            return self.draw(st.integers(0, length - 1))
        self.code.binary(self.scratch, self.draw(st.sampled_from(self.registers)), "%", length)
        return self.scratch

    def load(self) -> None:
        number, _, length = self.draw(st.sampled_from(self.rows))
        self.code.load(self.draw(st.sampled_from(self.registers)), number, self.index(length))

    def store(self) -> None:
        number, kind, length = self.draw(st.sampled_from(self.rows))
        target = self.draw(st.sampled_from(self.registers))
        self.code.move(self.scratch, self.operand())
        if kind.family is not Family.COUNTER:
            self.into(kind.low, kind.high)
        self.code.move(target, self.scratch)
        self.code.store(number, target, self.index(length))
        self.code.move(target, 0)

    def compute(self) -> None:
        operator = self.pick(*OPERATORS)
        left, right = self.operand(), self.operand()
        if operator in ("//", "%"):
            right = self.pick(1, 2, 3, 8)
        if operator in ("<<", ">>"):
            right = self.pick(0, 1, 3)
        self.code.binary(self.scratch, left, operator, right)
        self.into(VALUE.low, VALUE.high)
        self.code.move(self.draw(st.sampled_from(self.registers)), self.scratch)

    def choose(self) -> None:
        self.code.choose(self.draw(st.sampled_from(self.registers)), self.pick(1, 2, 3))

    def check(self) -> None:
        """A check that fails for one value of a register, which may never get it."""
        value = self.draw(st.integers(1, 11))
        self.code.binary(self.scratch, self.draw(st.sampled_from(self.registers)), "!=", value)
        self.code.check(self.scratch, self.pick(0, 1))

    def count(self) -> None:
        """An event counted by the value of a register."""
        self.code.count(self.pick(0, 1), self.operand())

    def progress(self) -> None:
        """A step that gets something done, on some of its ways perhaps."""
        self.code.progress()

    def branched(self, depth: int) -> None:
        """Two ways that meet again."""
        self.labels += 1
        one, other, end = (f"{name}{self.labels}" for name in ("one", "other", "end"))
        self.code.branch(self.draw(st.sampled_from(self.registers)), one, other)
        for label in (one, other):
            self.code.label(label)
            self.body(depth - 1, effects=True)
            self.code.jump(end)
        self.code.label(end)

    def body(self, depth: int, effects: bool) -> None:
        """A few operations that cannot fail."""
        options = [self.load, self.compute, self.choose]
        if effects:
            options += [self.store, self.store, self.check, self.count, self.progress]
        for _ in range(self.draw(st.sampled_from([1, 2, 3, 4]))):
            self.draw(st.sampled_from(options))()
        if depth and self.draw(st.booleans()):
            self.branched(depth)


def _segment(writer: _Writer, number: int, segments: int, locks: tuple[int, int]) -> None:
    """One point and its step."""
    code, draw = writer.code, writer.draw
    code.label(f"segment{number}")
    code.point(draw(st.sampled_from([*[Patience.MUST] * 4, Patience.IDLE, Patience.REST])))
    writer.load()
    writer.body(0, effects=False)
    opening = draw(st.sampled_from(["plain", "plain", "plain", "guard", "lock", "read", "write"]))
    if opening == "guard":
        code.binary(
            writer.scratch, draw(st.sampled_from(writer.registers)), "<=", draw(st.integers(0, 4))
        )
        code.guard(writer.scratch)
    if opening == "lock":
        code.acquire(locks[0])
    if opening in ("read", "write"):
        code.acquire(locks[1], Mode(opening))
    writer.body(2, effects=True)
    if opening == "lock" and draw(st.integers(0, 3)):
        code.point()
        writer.body(0, effects=True)
        code.release(locks[0])
    if opening == "write" and draw(st.booleans()):
        code.downgrade(locks[1])
        opening = "read"
    if opening in ("read", "write"):
        code.point()
        code.release(locks[1], Mode(opening))
    after = draw(st.integers(0, 5))
    if after == 0:
        code.halt()
    elif after <= 3:
        there = draw(st.integers(0, segments - 1))
        code.branch(draw(st.sampled_from(writer.registers)), f"segment{there}", f"then{number}")
        code.label(f"then{number}")


@st.composite
def programs(draw: st.DrawFn, apart: bool = False) -> Program:
    """A well-formed program of one to three actors; `apart` from each other, an actor uses few of
    the variables."""
    model = Model()
    rows = variables(draw, model)
    actors = draw(st.sampled_from([1, 2, 2, 3]))
    locks = (
        model.variable("lock", Kind(Family.LOCK, 0, ACTORS)),
        model.variable("rwlock", rwlock(2, ACTORS)),
    )
    model.rule("first", draw(st.sampled_from(["violated", "widen"])))
    model.rule("second")
    model.counter("one")
    model.counter("two")
    for me in range(actors):
        code = model.code(f"actor{me}", daemon=draw(st.booleans()))
        used = draw(st.lists(st.sampled_from(rows), min_size=1, max_size=2)) if apart else rows
        writer = _Writer(draw, code, used)
        segments = draw(st.sampled_from([1, 2, 2, 3, 3, 4]))
        for number in range(segments):
            _segment(writer, number, segments, locks)
        code.halt()
    if draw(st.booleans()):
        model.initials = ((), ((0, 0, 1),), ((0, 0, 1), (1, 0, 2)))
    return model.build()
