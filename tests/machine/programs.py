"""Small handwritten programs, and the two builders they are written with."""

from __future__ import annotations

from dataclasses import replace

from shootdown.program.kind import FLAG, Family, Kind, counter, integer
from shootdown.program.operation import (
    Acquire,
    Arithmetic,
    Binary,
    Branch,
    Check,
    Choose,
    Const,
    Count,
    Downgrade,
    Guard,
    Halt,
    Jump,
    Load,
    Mode,
    Move,
    Operand,
    Operation,
    Patience,
    Point,
    Progress,
    Reg,
    Release,
    Store,
)
from shootdown.program.program import Actor, Program, Register, Rule, Variable
from shootdown.program.wellformed import check_program
from shootdown.program.where import NOWHERE

LOCK = Kind(Family.LOCK, 0, 3)
VALUE = integer(0, 1 << 30)


def rwlock(readers: int, actors: int) -> Kind:
    """A lock for that many readers at a time, or one of that many actors."""
    return Kind(Family.RWLOCK, 0, readers + actors, readers=readers)


def operand(value: Operand | int) -> Operand:
    """Plain numbers are constants."""
    return Const(value) if isinstance(value, int) else value


class Code:
    """Collects the operations of one actor; jumps go to labels, filled in by `build`."""

    def __init__(self, name: str, daemon: bool = False) -> None:
        self.name = name
        self.daemon = daemon
        self.operations: list[Operation] = []
        self.registers: list[Register] = []
        self.labels: dict[str, int] = {}
        self.jumps: dict[int, tuple[str, ...]] = {}

    def register(self, name: str, kind: Kind = FLAG) -> Reg:
        self.registers.append(Register(name, kind))
        return Reg(len(self.registers) - 1)

    def label(self, name: str) -> None:
        self.labels[name] = len(self.operations)

    def point(self, patience: Patience = Patience.MUST) -> None:
        self.operations.append(Point(NOWHERE, patience=patience))

    def move(self, dst: Reg, a: Operand | int) -> None:
        self.operations.append(Move(NOWHERE, dst, operand(a)))

    def binary(self, dst: Reg, a: Operand | int, operator: str, b: Operand | int) -> None:
        row = Binary(NOWHERE, dst, Arithmetic(operator), operand(a), operand(b))
        self.operations.append(row)

    def choose(self, dst: Reg, bound: int) -> None:
        self.operations.append(Choose(NOWHERE, dst, bound))

    def load(self, dst: Reg, variable: int, index: Operand | int = 0) -> None:
        self.operations.append(Load(NOWHERE, dst, variable, operand(index)))

    def store(self, variable: int, a: Operand | int, index: Operand | int = 0) -> None:
        self.operations.append(Store(NOWHERE, variable, operand(index), operand(a)))

    def acquire(self, variable: int, mode: Mode = Mode.WRITE) -> None:
        self.operations.append(Acquire(NOWHERE, variable, mode))

    def release(self, variable: int, mode: Mode = Mode.WRITE) -> None:
        self.operations.append(Release(NOWHERE, variable, mode))

    def downgrade(self, variable: int) -> None:
        self.operations.append(Downgrade(NOWHERE, variable))

    def jump(self, label: str) -> None:
        self.jumps[len(self.operations)] = (label,)
        self.operations.append(Jump(NOWHERE, 0))

    def branch(self, a: Operand | int, then: str, other: str) -> None:
        self.jumps[len(self.operations)] = (then, other)
        self.operations.append(Branch(NOWHERE, operand(a), 0, 0))

    def guard(self, a: Operand | int) -> None:
        self.operations.append(Guard(NOWHERE, operand(a)))

    def check(self, a: Operand | int, rule: int) -> None:
        self.operations.append(Check(NOWHERE, operand(a), rule))

    def count(self, number: int, a: Operand | int) -> None:
        self.operations.append(Count(NOWHERE, number, operand(a)))

    def progress(self) -> None:
        self.operations.append(Progress(NOWHERE))

    def halt(self) -> None:
        self.operations.append(Halt(NOWHERE))

    def build(self) -> Actor:
        rows = list(self.operations)
        for index, names in self.jumps.items():
            places = [self.labels[name] for name in names]
            match rows[index]:
                case Jump() as row:
                    rows[index] = replace(row, target=places[0])
                case Branch() as row:
                    rows[index] = replace(row, then=places[0], other=places[1])
        return Actor(self.name, tuple(rows), tuple(self.registers), self.daemon)


class Model:
    """Collects variables, rules and actors."""

    def __init__(self) -> None:
        self.variables: list[Variable] = []
        self.rules: list[Rule] = []
        self.codes: list[Code] = []
        self.counters: list[str] = []
        self.initials: tuple[tuple[tuple[int, int, int], ...], ...] = ((),)

    def variable(
        self, name: str, kind: Kind = FLAG, length: int = 1, initial: int = 0, segment: str = "mm"
    ) -> int:
        row = Variable(name, kind, length, (initial,) * length, length > 1, segment)
        self.variables.append(row)
        return len(self.variables) - 1

    def rule(self, name: str, verdict: str = "violated") -> int:
        self.rules.append(Rule(name, f"{name} must hold", verdict))
        return len(self.rules) - 1

    def counter(self, name: str) -> int:
        self.counters.append(name)
        return len(self.counters) - 1

    def code(self, name: str, daemon: bool = False) -> Code:
        self.codes.append(Code(name, daemon))
        return self.codes[-1]

    def build(self) -> Program:
        actors = tuple(code.build() for code in self.codes)
        return check_program(
            Program(
                tuple(self.variables),
                actors,
                tuple(self.rules),
                tuple(self.counters),
                self.initials,
            )
        )


def peterson(broken: bool = False) -> Program:
    """Mutual exclusion of two by Peterson; broken: the turn is given before the flag is raised."""
    model = Model()
    flags = model.variable("flag", FLAG, 2)
    turn = model.variable("turn")
    inside = model.variable("inside", integer(0, 2))
    alone = model.rule("alone")
    for me in range(2):
        code = model.code(f"task{me}")
        seen, whose, sum_ = code.register("seen"), code.register("whose"), code.register("sum")
        number = code.register("number", integer(0, 3))
        writes = [(flags, 1, me), (turn, 1 - me, 0)]
        for variable, value, index in reversed(writes) if broken else writes:
            code.point()
            code.store(variable, value, index)
        code.label("wait")
        code.point()
        code.load(seen, flags, 1 - me)
        code.branch(seen, "look", "enter")
        code.label("look")
        code.point()
        code.load(whose, turn)
        code.binary(sum_, whose, "==", me)
        code.branch(sum_, "enter", "wait")
        code.label("enter")
        code.point()
        code.load(number, inside)
        code.binary(number, number, "+", 1)
        code.store(inside, number)
        code.binary(number, number, "<=", 1)
        code.check(number, alone)
        code.point()
        code.load(number, inside)
        code.binary(number, number, "-", 1)
        code.store(inside, number)
        code.point()
        code.store(flags, 0, me)
        code.halt()
    return model.build()


def opposite_locks() -> Program:
    """Two tasks take two locks in opposite order."""
    model = Model()
    locks = [model.variable("a", LOCK), model.variable("b", LOCK)]
    for me in range(2):
        code = model.code(f"task{me}")
        for lock in locks if me == 0 else locks[::-1]:
            code.point()
            code.acquire(lock)
        for lock in locks:
            code.point()
            code.release(lock)
        code.halt()
    return model.build()


def readers_and_writer() -> Program:
    """Two readers and a writer that downgrades, on a lock for two readers."""
    model = Model()
    lock = model.variable("lock", rwlock(2, 3))
    data = model.variable("data", integer(0, 1))
    rule = model.rule("stable")
    for me in range(2):
        code = model.code(f"reader{me}")
        first, second = code.register("first"), code.register("second")
        code.point()
        code.acquire(lock, Mode.READ)
        code.point()
        code.load(first, data)
        code.point()
        code.load(second, data)
        code.binary(second, second, "==", first)
        code.check(second, rule)
        code.release(lock, Mode.READ)
        code.halt()
    code = model.code("writer")
    code.point()
    code.acquire(lock)
    code.point()
    code.store(data, 1)
    code.point()
    code.downgrade(lock)
    code.point()
    code.release(lock, Mode.READ)
    code.halt()
    return model.build()


def dependent_choices() -> Program:
    """One step: choose 1 of 2; then, if it was 1, 1 of 3. The value 12 is forbidden on request."""
    model = Model()
    result = model.variable("result", integer(0, 15))
    code = model.code("task")
    first, second = code.register("first"), code.register("second", integer(0, 15))
    code.point()
    code.choose(first, 2)
    code.move(second, 0)
    code.branch(first, "more", "out")
    code.label("more")
    code.choose(second, 3)
    code.binary(second, second, "+", 10)
    code.label("out")
    code.store(result, second)
    code.halt()
    return model.build()


def wrapping_counter(bits: int = 2, limit: int | None = None) -> Program:
    """A task increments a counter for ever; with a limit a check says when it is reached."""
    model = Model()
    number = model.variable("number", counter(bits))
    rule = model.rule("wide enough", "widen")
    code = model.code("task", daemon=True)
    value = code.register("value", integer(0, 1 << bits))
    code.label("again")
    code.point()
    code.load(value, number)
    code.binary(value, value, "+", 1)
    code.store(number, value)
    if limit is not None:
        code.binary(value, value, "<", limit)
        code.check(value, rule)
    code.jump("again")
    return model.build()


def guarded(patience: Patience = Patience.MUST, wakes: bool = True) -> Program:
    """One waits for a flag that the other raises, or never raises."""
    model = Model()
    flag = model.variable("flag")
    waiter = model.code("waiter")
    seen = waiter.register("seen")
    waiter.point(patience)
    waiter.load(seen, flag)
    waiter.guard(seen)
    waiter.halt()
    raiser = model.code("raiser")
    raiser.point()
    if wakes:
        raiser.store(flag, 1)
    raiser.halt()
    return model.build()


def several_starts() -> Program:
    """Three starts, two of them equal; the last breaks the rule at once."""
    model = Model()
    value = model.variable("value", integer(0, 3))
    rule = model.rule("small")
    code = model.code("task")
    seen = code.register("seen", integer(0, 3))
    code.point()
    code.load(seen, value)
    code.binary(seen, seen, "<", 2)
    code.check(seen, rule)
    code.halt()
    model.initials = (((value, 0, 1),), ((value, 0, 1),), ((value, 0, 2),))
    return model.build()


def big(actors: int, rounds: int, cells: int = 6) -> Program:
    """Many states on purpose: actors change cells of a shared array at chosen indexes."""
    model = Model()
    table = model.variable("table", integer(0, 3), cells)
    lock = model.variable("lock", Kind(Family.LOCK, 0, actors))
    done = model.variable("done", integer(0, rounds), actors)
    for me in range(actors):
        code = model.code(f"task{me}")
        where = code.register("where", integer(0, cells - 1))
        value = code.register("value", integer(0, 3))
        number = code.register("number", integer(0, rounds))
        code.label("again")
        code.point()
        code.choose(where, cells)
        code.load(value, table, where)
        code.point()
        code.acquire(lock)
        code.binary(value, value, "+", me + 1)
        code.binary(value, value, "&", 3)
        code.store(table, value, where)
        code.point()
        code.release(lock)
        code.load(number, done, me)
        code.binary(number, number, "+", 1)
        code.store(done, number, me)
        code.binary(number, number, "<", rounds)
        code.branch(number, "again", "out")
        code.label("out")
        code.halt()
    return model.build()


def device_and_worker(pages: int = 16, capacity: int = 2, most_flushed: int = 1 << 29) -> Program:
    """For the runner: a device maps or unmaps a chosen page; a worker flushes what is queued.

    Unmapping waits while the queue is full, so the worker gets its turn in the middle of rows.
    """
    model = Model()
    model.variable("lock", Kind(Family.LOCK, 0, 2))
    model.variable("table", integer(0, 1), pages)
    model.variable("queued", integer(0, capacity), segment="machine")
    model.variable("flushed", counter(30), segment="machine")
    model.rule("few flushes")
    for name in ("maps", "unmaps", "flushes"):
        model.counter(name)
    _write_device(model.code("device", daemon=True), pages, capacity)
    _write_worker(model.code("worker", daemon=True), capacity, most_flushed)
    return model.build()


def _write_device(code: Code, pages: int, capacity: int) -> None:
    lock, table, queued, _ = range(4)
    maps, unmaps, _ = range(3)
    page, verb = code.register("page", integer(0, pages - 1)), code.register("verb")
    value, number = code.register("value"), code.register("number", integer(0, capacity + 1))
    code.point()
    code.label("rest")
    code.point(Patience.REST)
    code.choose(verb, 2)
    code.choose(page, pages)
    code.point()
    code.acquire(lock)
    code.load(value, table, page)
    code.branch(verb, "unmap", "map")
    code.label("map")
    code.store(table, 1, page)
    code.binary(value, value, "^", 1)
    code.count(maps, value)
    code.jump("unlock")
    code.label("unmap")
    code.store(table, 0, page)
    code.count(unmaps, value)
    code.label("unlock")
    code.release(lock)
    code.branch(value, "look", "rest")
    code.label("look")
    code.point()
    code.branch(verb, "wait", "rest")
    code.label("wait")
    code.point()
    code.load(number, queued)
    code.binary(value, number, "<", capacity)
    code.guard(value)
    code.binary(number, number, "+", 1)
    code.store(queued, number)
    code.jump("rest")


def _write_worker(code: Code, capacity: int, most_flushed: int) -> None:
    queued, flushed, flushes, rule = 2, 3, 2, 0
    waiting, total = code.register("waiting", integer(0, capacity)), code.register("total", VALUE)
    small = code.register("small")
    code.label("idle")
    code.point(Patience.IDLE)
    code.load(waiting, queued)
    code.guard(waiting)
    code.store(queued, 0)
    code.load(total, flushed)
    code.binary(total, total, "+", waiting)
    code.store(flushed, total)
    code.count(flushes, 1)
    code.binary(small, total, "<=", most_flushed)
    code.check(small, rule)
    code.jump("idle")


def lock_by_test_and_set() -> Program:
    """Two take a lock by test and set, for ever. Being inside is progress."""
    model = Model()
    taken = model.variable("taken")
    for me in range(2):
        code = model.code(f"process{me}")
        seen = code.register("seen")
        code.label("again")
        code.point()
        code.load(seen, taken)
        code.store(taken, 1)
        code.branch(seen, "again", "inside")
        code.label("inside")
        code.point()
        code.progress()
        code.store(taken, 0)
        code.jump("again")
    return model.build()
