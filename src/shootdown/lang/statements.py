"""Statements: control flow, assignment, locks."""

from __future__ import annotations

import ast
from dataclasses import replace

from shootdown.lang.calls import Calls
from shootdown.lang.declare import Declaration, Lock
from shootdown.lang.emitter import ASSERTION
from shootdown.lang.errors import Refused
from shootdown.lang.scope import Loop, Slot
from shootdown.lang.values import (
    NONE,
    Dynamic,
    Items,
    LockUse,
    Poison,
    Static,
    Struct,
    Value,
    describe,
    is_scalar,
    kind_of,
)
from shootdown.program import kind as kinds
from shootdown.program.operation import Arithmetic, Mode, Move, Reg

ELSEWHERE = {
    ast.Try: "write the `with` blocks so that no cleanup is needed",
    ast.Match: "write `if` and `elif`",
    ast.FunctionDef: "define it as a method or at module level",
    ast.ClassDef: "define it at module level",
    ast.Raise: "use `assert` for what must never happen",
    ast.Import: "import at the top of the file",
    ast.ImportFrom: "import at the top of the file",
    ast.Global: "keep what changes in state variables",
    ast.Nonlocal: "keep what changes in state variables",
    ast.Delete: "assign EMPTY or 0 instead",
    ast.AsyncFor: "actors are the only concurrency",
    ast.AsyncWith: "actors are the only concurrency",
}
"""what to write instead of a statement that is not part of the language"""


class Statements(Calls):
    """The whole compiler for the code of one actor."""

    def body(self, statements: list[ast.stmt]) -> None:
        """A block. A refused statement does not stop the rest from being looked at."""
        for node in statements:
            if self.scope.ended:
                return
            before = self.where, len(self.held), self.depth, self.atomic, self.ghosts, self.scope
            depth = len(self.stack)
            self.where = self.scope.where(node)
            try:
                self.statement(node)
            except Refused as refused:
                self.where, held, self.depth, self.atomic, self.ghosts, self.scope = before
                del self.held[held:], self.stack[depth:]
                self._poison(node, refused)
            self.where = before[0]

    def _poison(self, node: ast.stmt, refused: Refused) -> None:
        if refused.diagnostic is not None:
            self.tables.errors.add(refused.diagnostic)
        for child in ast.walk(node):
            if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
                self.scope.names[child.id] = Poison()

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                pass
            case ast.Expr():
                self.expression(node.value)
            case ast.Assign():
                value = self.expression(node.value)
                for target in node.targets:
                    self.assign_target(target, value)
            case ast.AnnAssign(value=ast.expr() as given):
                self.assign_target(node.target, self.expression(given))
            case ast.AugAssign():
                self._augmented(node)
            case ast.If():
                self._if(node)
            case ast.While():
                self._while(node)
            case ast.For():
                self._for(node)
            case ast.With():
                self._with(node.items, node.body)
            case ast.Return():
                self._return(NONE if node.value is None else self.expression(node.value))
            case ast.Break() | ast.Continue():
                self._leave_loop(isinstance(node, ast.Break))
            case ast.Assert():
                self._assert(node)
            case _:
                raise self.refuse(
                    f"`{type(node).__name__.lower()}` is not part of the language",
                    ELSEWHERE.get(type(node), "see the list of statements in docs/language.md"),
                )

    # --- assignment ---------------------------------------------------------------------------

    def assign_target(self, target: ast.expr, value: Value) -> None:
        """target = value"""
        match target:
            case ast.Name():
                self.bind(target.id, value)
            case ast.Tuple() | ast.List():
                values = self.members(value)
                if len(values) != len(target.elts):
                    raise self.refuse(f"{len(values)} values for {len(target.elts)} names")
                for part, member in zip(target.elts, values, strict=True):
                    self.assign_target(part, member)
            case ast.Attribute() | ast.Subscript():
                declaration, index = self._place(target)
                self.store(declaration, index, self.need_scalar(value))
            case _:
                raise self.refuse(f"cannot assign to a {type(target).__name__}")

    def _place(self, target: ast.Attribute | ast.Subscript) -> tuple[Declaration, Static | Dynamic]:
        """The state variable, and the index in it, that an assignment names."""
        if isinstance(target, ast.Subscript):
            array = self.expression(target.value)
            index = self.scalar(target.slice)
            if isinstance(array, Static) and isinstance(array.value, Declaration):
                return array.value, index
            raise self.refuse(f"{describe(array)} cannot be changed while the model runs")
        owner = self.expression(target.value)
        name = target.attr
        found = getattr(owner.value, name, None) if isinstance(owner, Static) else None
        if not isinstance(found, Declaration) or found.is_array or found.is_lock:
            raise self.refuse(
                f"`{ast.unparse(target)}` is not state that can be assigned",
                f"declare it in __init__, for instance: self.{name} = Int(0, 7)",
            )
        return found, Static(0)

    def bind(self, name: str, value: Value) -> None:
        """name = value, for a local name."""
        scope = self.scope
        loop_depth = scope.unrolled[-1] if scope.unrolled else self.depth
        if name in scope.changing or (scope.unrolled and self.depth > loop_depth):
            if self._fits_slot(value):
                self._bind_slot(name, value)
                return
            if self.depth > scope.depth:
                raise self.refuse(
                    f"`{name}` changes while the model runs, so it cannot hold {describe(value)}",
                    "give it a number, a flag or a page-table entry in every place",
                )
        scope.names[name] = self._own(name, value)

    def _fits_slot(self, value: Value) -> bool:
        if isinstance(value, Struct):
            return all(self._fits_slot(part) for part in value.fields.values())
        if isinstance(value, Items):
            return all(self._fits_slot(part) for part in value.values)
        return is_scalar(value)

    def _bind_slot(self, name: str, value: Value) -> None:
        slot = self.scope.names.get(name)
        if not isinstance(slot, Slot):
            slot = self.new_slot(name, value)
            self.scope.names[name] = slot
        self.set_slot(name, slot, value)

    def new_slot(self, name: str, value: Value) -> Slot:
        """Registers for a value of this shape."""
        if isinstance(value, Struct):
            parts = {n: self.new_slot(f"{name}.{n}", v) for n, v in value.fields.items()}
            return Slot(value.cls, parts)
        if isinstance(value, Items):
            numbered = {str(n): v for n, v in enumerate(value.values)}
            return Slot(tuple, {n: self.new_slot(f"{name}.{n}", v) for n, v in numbered.items()})
        return Slot(None, {}, self.register(name))

    def set_slot(self, name: str, slot: Slot, value: Value) -> None:
        """Put a value of the same shape into a slot."""
        match value:
            case Struct(cls=cls, fields=parts) if slot.shape is cls:
                pass
            case Items(values=values) if slot.shape is tuple and len(values) == len(slot.parts):
                parts = {str(number): part for number, part in enumerate(values)}
            case _ if slot.register is not None:
                self.assign(slot.register, self.need_scalar(value))
                return
            case _:
                raise self.refuse(f"`{name}` holds a value of another shape: {describe(value)}")
        for part, member in parts.items():
            self.set_slot(f"{name}.{part}", slot.parts[part], member)

    def _own(self, name: str, value: Value) -> Value:
        """The value itself, or a copy if it lives in a register that may change later."""
        if isinstance(value, Dynamic) and isinstance(value.operand, Reg):
            box = self.boxes[value.operand.index]
            if not box.fixed:
                copy = self.temporary(value.kind, name)
                self.emit(Move(self.where, copy, value.operand))
                return Dynamic(copy, value.kind)
        if isinstance(value, Struct):
            return replace(value, fields={n: self._own(n, v) for n, v in value.fields.items()})
        return value

    def _augmented(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            old = self.need_scalar(self.name(node.target.id))
            self.bind(node.target.id, self.arithmetic(node.op, old, self.scalar(node.value)))
            return
        if not isinstance(node.target, ast.Attribute | ast.Subscript):
            raise self.refuse("cannot assign to this")
        declaration, index = self._place(node.target)
        amount = self.scalar(node.value)
        old = self.load(declaration, index)
        self.store(declaration, index, self.need_scalar(self.arithmetic(node.op, old, amount)))

    # --- branches and loops -------------------------------------------------------------------

    def _if(self, node: ast.If) -> None:
        then, other, end = self.label(), self.label(), self.label()
        known = self.condition(node.test, then, other)
        if known is not None:
            for label in (then, other):
                self.place(label)
            self.body(node.body if known else node.orelse)
            return
        self.depth += 1
        ended = []
        for label, block in ((then, node.body), (other, node.orelse)):
            self.place(label)
            self.body(block)
            ended.append(self.scope.ended)
            if not self.scope.ended:
                self.jump(end)
            self.scope.ended = False
        self.place(end)
        self.depth -= 1
        self.scope.ended = all(ended)

    def _while(self, node: ast.While) -> None:
        if self.atomic:
            raise self.refuse(
                "`while` inside an indivisible step needs a bound the checker can see",
                "write `for … in range(…)` and `break`",
            )
        if node.orelse:
            raise self.refuse("`while … else` is not part of the language")
        again, inside, leave = self.label(), self.label(), self.label()
        self.place(again)
        self.point(loop=True)
        known = self.condition(node.test, inside, leave)
        if known is False:
            self.place(leave)
            return
        loop = self._loop_body(node.body, inside, Loop(again, leave, len(self.held)))
        if not self.scope.ended:
            self.jump(again)
        self.scope.ended = known is True and not loop.left
        self.place(leave)

    def _loop_body(self, body: list[ast.stmt], inside: int, loop: Loop) -> Loop:
        self.place(inside)
        self.depth += 1
        self.scope.loops.append(loop)
        self.body(body)
        self.scope.loops.pop()
        self.depth -= 1
        return loop

    def _for(self, node: ast.For) -> None:
        if node.orelse:
            raise self.refuse("`for … else` is not part of the language")
        value = self.expression(node.iter)
        bounds = self.bounds_of(value)
        if bounds is None:
            self._unroll(node, self.members(value))
        elif not isinstance(node.target, ast.Name):
            raise self.refuse("a loop over a range has one name")
        else:
            self._for_range(node, node.target.id, *bounds)

    def _for_range(
        self, node: ast.For, name: str, start: Static | Dynamic, end: Static | Dynamic
    ) -> None:
        last = self._own(f"{name}.end", end)
        assert isinstance(last, Static | Dynamic)
        low, high = kind_of(start), kind_of(end)
        if high.high <= low.low:
            return
        index = self.temporary(kinds.integer(low.low, max(low.high, high.high)), name)
        self.assign(index, start)
        again, inside, step, leave = (self.label() for _ in range(4))
        self.place(again)
        here = self.read(index)
        self.branch(self.binary(Arithmetic.LT, here, last, "more"), inside, leave)
        inner = Dynamic(index, kinds.integer(low.low, high.high - 1))
        self.place(inside)
        if name in self.scope.changing:
            self._bind_slot(name, inner)
        else:
            self.scope.names[name] = inner
        self._loop_body(node.body, self.label(), Loop(step, leave, len(self.held)))
        self.scope.ended = False
        self.place(step)
        self.assign(index, self.need_scalar(self.arithmetic(ast.Add(), inner, Static(1))))
        self.jump(again)
        self.place(leave)

    def _unroll(self, node: ast.For, members: tuple[Value, ...]) -> None:
        leave = self.label()
        # With a break or continue, what follows is only reached in some runs: it counts as a branch.
        inside = any(isinstance(n, ast.Break | ast.Continue) for n in ast.walk(node))
        self.depth += inside
        self.scope.unrolled.append(self.depth)
        jumped = False
        for member in members:
            again = self.label()
            loop = Loop(again, leave, len(self.held))
            self.scope.loops.append(loop)
            self.assign_target(node.target, member)
            self.body(node.body)
            self.scope.loops.pop()
            self.place(again)
            jumped = jumped or loop.left
            if self.scope.ended and not loop.again_used:
                break
            self.scope.ended = False
        self.scope.unrolled.pop()
        self.depth -= inside
        self.place(leave)
        if jumped:
            self.scope.ended = False

    def _leave_loop(self, is_break: bool) -> None:
        if not self.scope.loops:
            raise self.refuse("this is not inside a loop")
        loop = self.scope.loops[-1]
        self.release_down_to(loop.held)
        loop.left = loop.left or is_break
        loop.again_used = loop.again_used or not is_break
        self.jump(loop.leave if is_break else loop.again)
        self.scope.ended = True

    # --- locks, returns, assertions -----------------------------------------------------------

    def _with(self, items: list[ast.withitem], body: list[ast.stmt]) -> None:
        if not items:
            self.body(body)
            return
        first, *others = items
        if first.optional_vars is not None:
            raise self.refuse("`with … as` is not part of the language", "leave out the `as`")
        self.where = self.scope.where(first.context_expr)
        lock = self._lock(self.expression(first.context_expr))
        if self.atomic:
            raise self.refuse(
                "a lock cannot be taken inside an indivisible step",
                "take it before, or drop @indivisible",
            )
        self.acquire(lock.lock, lock.mode)
        held = len(self.held)
        self._with(others, body)
        if self.scope.ended:
            del self.held[held - 1 :]
        else:
            self.release()

    def _lock(self, value: Value) -> LockUse:
        match value:
            case LockUse():
                return value
            case Static(value=Lock() as lock):
                return LockUse(lock, Mode.WRITE)
            case Static(value=Declaration(family="rwlock") as lock):
                raise self.refuse(
                    f"`{lock.name}` can be held in two ways",
                    f"write `with {lock.attribute}.read():` or `with {lock.attribute}.write():`",
                )
            case Poison():
                raise Refused(None)
            case _:
                raise self.refuse(f"`with` needs a lock, not {describe(value)}")

    def _return(self, value: Value) -> None:
        scope = self.scope
        self.release_down_to(scope.held)
        if self.depth > scope.depth or scope.jumped:
            if value != NONE:
                scope.result = scope.result or self.new_slot(scope.function.__name__, value)
                self.set_slot(scope.function.__name__, scope.result, value)
            elif scope.result is not None:
                raise self.refuse("returns nothing here but a value elsewhere")
            scope.jumped = True
            self.jump(scope.leave)
        else:
            scope.value = self._own(scope.function.__name__, value)
        scope.ended = True

    def _assert(self, node: ast.Assert) -> None:
        message = self.expression(node.msg) if node.msg is not None else NONE
        value = self.expression(node.test)
        if isinstance(value, Static):
            value = Static(bool(value.value))
        rule = ASSERTION
        if isinstance(message, Static) and message.value:
            rule = replace(rule, sentence=str(message.value))
        if self.tables.options.checked:
            self.check(self.need_scalar(value), rule)


