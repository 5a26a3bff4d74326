"""The output side of the compiler: operations, registers, labels, the locks held.

One emitter writes the code of one actor; all emitters of a system share its `Tables`. Every access
to shared state is noted as a `Touch`, with the locks held at that place. Because calls are inlined
and `with` is the only way to hold a lock, those locks are simply the ones on the emitter's stack.

Registers get the range of what is assigned to them. In a loop a range can grow after it was read;
the actor is then compiled again with what was learned. A register that still grows after `ROUNDS`
times is capped: it gets a fixed range up to `LOCAL_HIGH` and a check that it stays inside. Because
what is compiled may itself depend on ranges, registers are recognised by name and place, not by
their number.
"""

from __future__ import annotations

import ast
from collections import Counter as Tally
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from shootdown.lang.declare import Declaration
from shootdown.lang.errors import Collector, Diagnostic, RefusedError
from shootdown.lang.geometry import Geometry
from shootdown.lang.scope import Scope
from shootdown.lang.values import Dynamic, Static, Value, describe, interval, kind_of, operand_of
from shootdown.program.kind import Family, Kind
from shootdown.program.operation import (
    Access,
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
    Reg,
    Release,
    Store,
)
from shootdown.program.points import Touch, retarget
from shootdown.program.program import Register, Rule, Variable
from shootdown.program.where import NOWHERE, Where

ROUNDS = 3
LOCAL_HIGH = 255
WIDEST = 62
"""bits of a value; the operations work on 63"""

Key = tuple[Where, str, int]
"""a register: the place where it is made, its name, and how many equal ones came before"""

RANGE = Rule("range", "an Int stays within its bounds")
INDEX = Rule("index", "an index stays within its array")
UNDERFLOW = Rule("counter-underflow", "a counter does not go below zero")
WIDTH = Rule("counter-width", "a counter does not wrap in the width chosen", verdict="widen")
ASSERTION = Rule("assertion", "an assertion of the model holds")


@dataclass(frozen=True, slots=True)
class Options:
    """How to compile: for the checker (all checks, no counts) or for replay (the reverse)."""

    geometry: Geometry
    counter_bits: int = 3
    checked: bool = True
    counted: bool = False
    merged: bool = True
    """private accesses belong to the step before them (`program.points`); False: every access to
    shared state is a step of its own"""


@dataclass(slots=True)
class Tables:
    """What the actors of a system share while they are compiled."""

    options: Options
    actors: tuple[str, ...]
    variables: list[Variable] = field(default_factory=list)
    numbers: dict[int, int] = field(default_factory=dict)
    declarations: list[Declaration] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    counters: list[str] = field(default_factory=list)
    touches: list[Touch] = field(default_factory=list)
    errors: Collector = field(default_factory=Collector)

    def variable(self, declaration: Declaration) -> int:
        """The number of a variable, entered at its first use."""
        number = self.numbers.get(id(declaration))
        if number is None:
            number = len(self.variables)
            self.numbers[id(declaration)] = number
            self.declarations.append(declaration)
            self.variables.append(self._make(declaration))
        return number

    def _make(self, declaration: Declaration) -> Variable:
        options = self.options
        kind = declaration.kind(options.geometry, options.counter_bits, self.actors)
        length = declaration.length(options.geometry)
        owner: Any = declaration.owner
        return Variable(
            declaration.name,
            kind,
            length,
            (declaration.initial,) * length,
            array=declaration.is_array,
            segment=owner.segment if owner is not None else "mm",
            ghost=declaration.ghost,
        )

    def rule(self, rule: Rule) -> int:
        """The number of a rule, entered at its first use."""
        if rule not in self.rules:
            self.rules.append(rule)
        return self.rules.index(rule)

    def counter(self, name: str) -> int:
        """The number of an event counter."""
        if name not in self.counters:
            self.counters.append(name)
        return self.counters.index(name)


@dataclass(frozen=True, slots=True)
class Hints:
    """What earlier rounds learned about growing registers."""

    kinds: Mapping[Key, Kind] = field(default_factory=dict)
    capped: Set[Key] = frozenset()


@dataclass(slots=True)
class Box:
    """A register while its kind is still being found."""

    name: str
    kind: Kind | None
    fixed: bool = False
    """the kind does not grow: what is assigned is checked"""
    changes: bool = False
    """it may be assigned again while somebody still needs the old value"""
    key: Key | None = None
    """for a register that grows"""
    is_read: bool = False
    stale: bool = False
    """the kind grew after the register was read"""


@dataclass(slots=True)
class Held:
    """A lock on the stack of `with` blocks."""

    lock: Declaration
    mode: Mode
    depth: int
    calls: int
    """calls that were being inlined when it was taken"""


@dataclass(frozen=True, slots=True)
class Finally:
    """The last block of a `try`, on the same stack."""

    body: list[ast.stmt]


@dataclass(frozen=True, slots=True)
class Inside:
    """A section on the same stack: the bound method that leaves it, and what entering gave."""

    leave: Any
    token: Value


class Emitter:
    """Writes the code of one actor."""

    def __init__(self, tables: Tables, actor: int, hints: Hints) -> None:
        self.tables = tables
        self.actor = actor
        self.hints = hints
        self.keys: Tally[tuple[Where, str]] = Tally()
        self.code: list[Operation] = []
        self.positions: list[int] = []
        self.aims: set[int] = set()
        """labels that some operation leads to"""
        self.boxes: list[Box] = []
        self.held: list[Held | Finally | Inside] = []
        """what leaving the blocks around the current place has to do, the innermost last"""
        self.stack: list[Scope] = []
        """calls being inlined, the innermost last"""
        self.atomic = 0
        """indivisible methods, ghosts and waits around the current place"""
        self.ghosts = 0
        """@ghost methods around the current place"""
        self.judging = 0
        """conditions of `require` and `assert` around the current place"""
        self.depth = 0
        """branches and loops around the current place that are decided only when running"""
        self.place_now: Where | tuple[Scope, ast.AST] = NOWHERE
        """where the operations to come stand; only worked out when one is emitted"""

    @property
    def where(self) -> Where:
        """The place in the source of what is being compiled."""
        place = self.place_now
        return place if isinstance(place, Where) else place[0].where(place[1])

    @where.setter
    def where(self, place: Where) -> None:
        self.place_now = place

    # --- errors -------------------------------------------------------------------------------

    def refuse(self, message: str, help: str = "", where: Where | None = None) -> RefusedError:
        """The exception for a mistake at the current place, to be raised by the caller."""
        place = where or self.where
        before = self.stack[-1].source.before(place) if self.stack else ()
        return RefusedError(Diagnostic(place, message, help, before=before))

    # --- registers ----------------------------------------------------------------------------

    def register(self, name: str) -> Reg:
        """A new register, to be assigned again and again; its kind grows with what is assigned."""
        place = self.where, name
        key = (*place, self.keys[place])
        self.keys[place] += 1
        kind = self.hints.kinds.get(key)
        self.boxes.append(Box(name, kind, key in self.hints.capped, changes=True, key=key))
        return Reg(len(self.boxes) - 1)

    def temporary(self, kind: Kind, name: str = "", changes: bool = False) -> Reg:
        """A register of a kind that holds all it will be assigned."""
        self.boxes.append(Box(name or f"t{len(self.boxes)}", kind, fixed=True, changes=changes))
        return Reg(len(self.boxes) - 1)

    def read(self, register: Reg) -> Dynamic:
        """The value of a register, with the kind known so far."""
        box = self.boxes[register.index]
        if box.kind is None:
            raise self.refuse(f"`{box.name}` is used before anything was assigned to it")
        box.is_read = True
        return Dynamic(register, box.kind)

    def assign(self, register: Reg, value: Static | Dynamic) -> None:
        """register = value"""
        box, kind = self.boxes[register.index], kind_of(value)
        if box.fixed and box.kind is not None:
            if not box.kind.holds(kind):
                self.check_range(value, box.kind, RANGE)
        else:
            if box.kind is not None and box.kind.title != kind.title:
                raise self.refuse(
                    f"{describe(value)} does not go with what stands here on another way",
                    "use members of one Enum on every way, or another name",
                )
            joined = kind if box.kind is None else box.kind.join(kind)
            box.stale = box.stale or (box.is_read and joined != box.kind)
            box.kind = joined
        self.emit(Move(self.where, register, operand_of(value)))

    def grown(self) -> tuple[dict[Key, Kind], set[Key]]:
        """If some register was read when its kind was still narrower: the kinds of all that grow,
        and which were read too early."""
        late = {box.key for box in self.boxes if box.stale and box.key is not None}
        kinds = {
            box.key: box.kind
            for box in self.boxes
            if box.key is not None and box.kind is not None and not box.fixed
        }
        return (kinds, late) if late else ({}, late)

    # --- code ---------------------------------------------------------------------------------

    def emit(self, operation: Operation) -> None:
        self.code.append(operation)

    def label(self) -> int:
        """A new label, to be placed later."""
        self.positions.append(-1)
        return len(self.positions) - 1

    def place(self, label: int) -> None:
        self.positions[label] = len(self.code)

    def leads_to(self, label: int) -> bool:
        """Whether some operation so far goes on at the label."""
        return label in self.aims

    def jump(self, label: int) -> None:
        self.aims.add(label)
        self.emit(Jump(self.where, label))

    def branch(self, value: Static | Dynamic, then: int, other: int) -> None:
        if isinstance(value, Static):
            self.jump(then if operand_of(value) != Const(0) else other)
        else:
            self.aims |= {then, other}
            self.emit(Branch(self.where, value.operand, then, other))

    @contextmanager
    def unrecorded(self) -> Iterator[None]:
        """Look at an expression without compiling it: whatever was emitted inside is dropped."""
        before = len(self.code), len(self.boxes), len(self.tables.touches)
        try:
            yield
        finally:
            code, boxes, touches = before
            del self.code[code:], self.boxes[boxes:], self.tables.touches[touches:]

    def finish(self) -> tuple[tuple[Operation, ...], tuple[Register, ...]]:
        """The code with labels resolved, and the registers."""
        self.emit(Halt(self.where))
        code = tuple(retarget(operation, self.positions) for operation in self.code)
        empty = Kind(Family.INT, 0, 0)
        return code, tuple(Register(box.name, box.kind or empty) for box in self.boxes)

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
        self.emit(Load(self.where, register, number, operand))
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
        self.emit(Store(self.where, number, operand, operand_of(value)))

    def checked_index(self, declaration: Declaration, index: Static | Dynamic) -> Operand:
        length = declaration.length(self.tables.options.geometry)
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

    def acquire(self, lock: Declaration, mode: Mode) -> None:
        self.point()
        self.emit(Acquire(self.where, self.number_of(lock), mode))
        self.held.append(Held(lock, mode, self.depth, len(self.stack)))

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
