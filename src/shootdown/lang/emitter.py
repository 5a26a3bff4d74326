"""Operations on shared state, steps and locks: the output side of the compiler.

One emitter writes the code of one actor; all emitters of a system share its `Tables`. Every access
to shared state is noted as a `Touch`, with the locks held at that place. Because calls are inlined
and `with` is the only way to hold a lock, those locks are simply the ones on the emitter's stack.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import Any

from shootdown.lang.contexts import Context
from shootdown.lang.declaration import Declaration
from shootdown.lang.output import Output
from shootdown.lang.tables import (
    INDEX,
    INTERRUPTED,
    RANGE,
    SLEEP,
    UNDERFLOW,
    WIDTH,
    Hints,
    Tables,
)
from shootdown.lang.values import (
    FALSE,
    Dynamic,
    LockUse,
    Static,
    Value,
    describe,
    interval,
    kind_of,
    operand_of,
)
from shootdown.program.kind import Family, Kind
from shootdown.program.operation import (
    Access,
    Acquire,
    Arithmetic,
    Binary,
    Check,
    Choose,
    Count,
    Downgrade,
    Guard,
    Load,
    Manner,
    Mode,
    Operand,
    Patience,
    Point,
    Release,
    Store,
)
from shootdown.program.points import Touch
from shootdown.program.program import Rule

WIDEST = 62
"""bits of a value; the operations work on 63"""


@dataclass(slots=True)
class Held:
    """A lock on the stack of `with` blocks."""

    lock: Declaration
    mode: Mode
    depth: int
    calls: int
    """calls that were being inlined when it was taken"""
    off: Context
    """what cannot interrupt whoever holds it"""


@dataclass(frozen=True, slots=True)
class Finally:
    """The last block of a `try`, on the same stack."""

    body: list[ast.stmt]


@dataclass(frozen=True, slots=True)
class Inside:
    """A section on the same stack: the bound method that leaves it, and what entering gave."""

    leave: Any
    token: Value
    atomic: bool = False


def is_atomic(entry: Held | Finally | Inside) -> bool:
    """Whether nothing may sleep inside."""
    match entry:
        case Held(lock=lock):
            return not lock.sleeps
        case Inside(atomic=atomic):
            return atomic
        case Finally():
            return False


class Emitter(Output):
    """Writes the code of one actor."""

    def __init__(self, tables: Tables, actor: int, hints: Hints) -> None:
        super().__init__(tables, actor, hints)
        self.held: list[Held | Finally | Inside] = []
        """what leaving the blocks around the current place has to do, the innermost last"""
        self.atomic = 0
        """indivisible methods, ghosts and waits around the current place"""
        self.ghosts = 0
        """@ghost methods around the current place"""
        self.contexts: tuple[Context, ...] = ()
        """@atomic_context methods around the current place"""
        self.judging = 0
        """conditions of `require` and `assert` around the current place"""
        self.marked = 0
        """atomic operations, READ_ONCE and WRITE_ONCE around the current place"""
        self.depth = 0

    # --- arithmetic ---------------------------------------------------------------------------

    def binary(
        self, operator: Arithmetic, a: Static | Dynamic, b: Static | Dynamic, name: str = ""
    ) -> Dynamic:
        """a operator b, at least one of them only known when running."""
        kind = interval(operator, kind_of(a), kind_of(b))
        if max(kind.high.bit_length(), kind.low.bit_length()) > WIDEST:
            raise self.refuse(
                f"this value may need more than {WIDEST} bits",
                "keep it in an Int(low, high), which is checked",
            )
        register = self.temporary(kind, name)
        self.emit(Binary(self.where, register, operator, operand_of(a), operand_of(b)))
        return Dynamic(register, kind)

    def choose(self, bound: int) -> Static | Dynamic:
        """Any of 0 .. bound - 1."""
        if bound == 1 and self.tables.options.checked:
            return Static(0)
        kind = Kind(Family.INT, 0, bound - 1)
        register = self.temporary(kind, "choice")
        self.emit(Choose(self.where, register, bound))
        return Dynamic(register, kind)

    # --- checks -------------------------------------------------------------------------------

    def check(self, value: Static | Dynamic, rule: Rule) -> None:
        self.emit(Check(self.where, operand_of(value), self.tables.rule(rule)))

    def check_range(self, value: Static | Dynamic, kind: Kind, rule: Rule) -> None:
        """Check that a value is one of the kind's; nothing to do where that is certain."""
        if not self.tables.options.checked:
            return
        found = kind_of(value)
        if found.low < kind.low:
            self.check(self.binary(Arithmetic.LE, Static(kind.low), value), rule)
        if found.high > kind.high:
            self.check(self.binary(Arithmetic.LE, value, Static(kind.high)), rule)

    def count(self, name: str, amount: Static | Dynamic) -> None:
        if self.tables.options.counted:
            self.emit(Count(self.where, self.tables.counter(name), operand_of(amount)))

    # --- shared state -------------------------------------------------------------------------

    def access(self, declaration: Declaration, write: bool) -> int:
        """Note an access, with the point it may need before it; the number of the variable."""
        number = self.number_of(declaration)
        is_ghost = declaration.ghost or self.ghosts > 0
        if write and self.ghosts and not declaration.ghost:
            raise self.refuse(
                f"a rule writes `{declaration.name}`, which is state of the system",
                "declare it with Ghost(…), or move this out of the @ghost method",
            )
        held = frozenset(
            (self.tables.variable(entry.lock), entry.mode)
            for entry in self.held
            if isinstance(entry, Held)
        )
        access = Access(number, write, held, is_ghost)
        self.tables.touches.append(Touch(self.actor, access))
        if not (is_ghost or self.atomic):
            self.emit(Point(self.where, access))
        return number

    def manner(self, declaration: Declaration) -> Manner:
        """How the current place touches a variable."""
        if declaration.ghost or self.ghosts or self.judging:
            return Manner.RULE
        marked = self.atomic or self.marked or declaration.marked
        return Manner.MARKED if marked else Manner.PLAIN

    def number_of(self, declaration: Declaration) -> int:
        """The number of a variable, which has to belong to somebody."""
        if declaration.owner is None:
            raise self.refuse(
                "this state belongs to no part",
                "assign it to an attribute of a part in __init__, not in the class",
            )
        return self.tables.variable(declaration)

    def load(self, declaration: Declaration, index: Static | Dynamic) -> Dynamic:
        """The value of a variable or of an element of an array."""
        operand = self.checked_index(declaration, index)
        if declaration.ghost and not (self.ghosts or self.judging):
            raise self.refuse(
                f"`{declaration.name}` is Ghost state, which the system cannot see",
                "look at it in a @ghost method, in require(…) or in assert",
            )
        number = self.access(declaration, write=False)
        variable = self.tables.variables[number]
        register = self.temporary(variable.kind, declaration.attribute)
        self.emit(Load(self.where, register, number, operand, self.manner(declaration)))
        return Dynamic(register, variable.kind)

    def store(
        self, declaration: Declaration, index: Static | Dynamic, value: Static | Dynamic
    ) -> None:
        """Set a variable or an element of an array."""
        operand = self.checked_index(declaration, index)
        number = self.access(declaration, write=True)
        kind = self.tables.variables[number].kind
        if kind.title != kind_of(value).title:
            raise self.refuse(
                f"`{declaration.name}` cannot hold {describe(value)}",
                f"it holds {describe(Dynamic(operand, kind))}",
            )
        if kind.family is Family.COUNTER:
            self.check_range(value, replace(kind, high=1 << 62), UNDERFLOW)
            self.check_range(value, replace(kind, low=-(1 << 62)), WIDTH)
        else:
            self.check_range(value, kind, RANGE)
        manner = self.manner(declaration)
        self.emit(Store(self.where, number, operand, operand_of(value), manner))

    def checked_index(self, declaration: Declaration, index: Static | Dynamic) -> Operand:
        length = self.tables.length(declaration)
        kind = Kind(Family.INT, 0, length - 1)
        if isinstance(index, Static) and not kind.holds(kind_of(index)):
            raise self.refuse(
                f"`{declaration.name}` has {length} elements, there is no [{index.value}]",
                f"indexes go from 0 to {length - 1}",
            )
        self.check_range(index, kind, INDEX)
        return operand_of(index)

    # --- steps and locks ----------------------------------------------------------------------

    def point(self, patience: Patience = Patience.MUST, loop: bool = False) -> None:
        """A place where others may run, whatever the passes find."""
        if self.atomic:
            raise self.refuse(
                "this would let others run inside an indivisible step",
                "take it out of the @indivisible or @ghost method",
            )
        self.emit(Point(self.where, None, loop, patience))

    def guard(self, value: Static | Dynamic) -> None:
        self.emit(Guard(self.where, operand_of(value)))

    def may_sleep(self) -> None:
        """Here the actor may go to sleep, which breaks a rule in atomic context."""
        if self.tables.options.checked and (self.contexts or any(map(is_atomic, self.held))):
            self.check(FALSE, SLEEP)

    def acquire(self, use: LockUse) -> None:
        lock = use.lock
        if lock.sleeps:
            self.may_sleep()
        elif lock.family == "lock":
            self._may_be_interrupted(use)
        self.point()
        self.emit(Acquire(self.where, self.number_of(lock), use.mode))
        self.held.append(Held(lock, use.mode, self.depth, len(self.stack), use.off))

    def _may_be_interrupted(self, use: LockUse) -> None:
        """A spinlock is taken: whoever takes it in a handler could interrupt its holder."""
        own = max(self.contexts, default=Context.PROCESS)
        if own:
            self.tables.handlers.add((id(use.lock), own))
        held = (entry.off for entry in self.held if isinstance(entry, Held))
        safe = max(own, use.off, *held)
        takers = {context for lock, context in self.tables.takers if lock == id(use.lock)}
        if self.tables.options.checked and any(context > safe for context in takers):
            self.check(FALSE, INTERRUPTED)

    def release(self) -> None:
        """Give back the lock taken last."""
        held = self.held.pop()
        assert isinstance(held, Held)
        self.give_back(held)

    def give_back(self, held: Held) -> None:
        self.emit(Release(self.where, self.tables.variable(held.lock), held.mode))

    def downgrade(self, lock: Declaration) -> None:
        top = self.held[-1] if self.held else None
        if (
            not isinstance(top, Held)
            or (top.lock, top.mode, top.depth) != (lock, Mode.WRITE, self.depth)
            or any(scope.jumped for scope in self.stack[top.calls :])
        ):
            raise self.refuse(
                f"`{lock.name}` is not held for writing by the innermost `with`",
                f"write it inside `with {lock.attribute}.write():`, where nothing can skip it",
            )
        top.mode = Mode.READ
        self.emit(Downgrade(self.where, self.tables.variable(lock)))
