"""Names, attributes and elements: what they stand for, and the registers of those that change."""

from __future__ import annotations

import inspect
from dataclasses import replace
from difflib import get_close_matches
from types import FunctionType, MethodType
from typing import Any

from shootdown.lang.comparisons import Comparisons
from shootdown.lang.declaration import Declaration
from shootdown.lang.errors import RefusedError
from shootdown.lang.paging import Pte
from shootdown.lang.scope import UNSET, Scope, Slot, Unclear
from shootdown.lang.shapes import fits_slot, is_poisoned, structured
from shootdown.lang.values import (
    Dynamic,
    Items,
    Method,
    Parent,
    Poison,
    Static,
    Struct,
    Value,
    describe,
    is_scalar,
)
from shootdown.program import kind as kinds
from shootdown.program.kind import Family
from shootdown.program.operation import Move, Reg

LOCK_METHODS = ("read", "write", "downgrade", "bh", "irqsave")


class Names(Comparisons):
    """The part of the compiler that knows names."""

    scope: Scope

    # --- local and global names ---------------------------------------------------------------

    def name(self, name: str) -> Value:
        """What a name holds here."""
        found = self.scope.names.get(name)
        if found is None and self.scope.is_local(name):
            found = UNSET
        if isinstance(found, Slot):
            return self.read_slot(found)
        if isinstance(found, Unclear):
            raise self.refuse(f"`{name}` {found.why}", found.help)
        if found is not None:
            return found
        outer = self.scope.outer(name)
        if outer is None:
            near = get_close_matches(name, self.scope.names, 1)
            raise self.refuse(
                f"`{name}` has no value here",
                f"did you mean `{near[0]}`?" if near else "assign it, or import it at the top",
            )
        return outer

    def bind(self, name: str, value: Value) -> None:
        """name = value, for a local name."""
        scope = self.scope
        if is_poisoned(value):
            value = Poison()
        if name in scope.changing:
            value = structured(value)
            if fits_slot(value):
                slot = scope.slots.get(name)
                if slot is None:
                    slot = scope.slots[name] = self.new_slot(name, value)
                self.set_slot(name, slot, value)
                scope.names[name] = slot
                return
        scope.names[name] = self.own(name, value)

    # --- registers of names that change -------------------------------------------------------

    def read_slot(self, slot: Slot) -> Value:
        """What the registers hold now."""
        if slot.register is not None:
            return self.read(slot.register)
        parts = {name: self.read_slot(part) for name, part in slot.parts.items()}
        if slot.shape is tuple or slot.shape is list:
            return Items(tuple(parts.values()), slot.shape)
        assert slot.shape is not None
        return Struct(slot.shape, parts)

    def new_slot(self, name: str, value: Value) -> Slot:
        """Registers for a value of this shape."""
        if isinstance(value, Struct):
            parts = {n: self.new_slot(f"{name}.{n}", v) for n, v in value.fields.items()}
            return Slot(value.cls, parts)
        if isinstance(value, Items):
            numbered = {str(n): v for n, v in enumerate(value.values)}
            return Slot(
                value.type, {n: self.new_slot(f"{name}.{n}", v) for n, v in numbered.items()}
            )
        return Slot(None, {}, self.register(name))

    def set_slot(self, name: str, slot: Slot, value: Value) -> None:
        """Put a value of the same shape into a slot."""
        match value:
            case Struct(cls=cls, fields=parts) if slot.shape is cls:
                pass
            case Items(values=values) if slot.shape is value.type and len(values) == len(
                slot.parts
            ):
                parts = {str(number): part for number, part in enumerate(values)}
            case Static() | Dynamic() if slot.register is not None and is_scalar(value):
                self.assign(slot.register, value)
                return
            case Poison():
                raise RefusedError(None)
            case _:
                raise self.refuse(
                    f"`{name}` holds a value of another shape elsewhere, here {describe(value)}",
                    "use another name for it",
                )
        # All parts are read before the first is set: they may be those of this very slot.
        owned = {part: self.own(f"{name}.{part}", member) for part, member in parts.items()}
        for part, member in owned.items():
            self.set_slot(f"{name}.{part}", slot.parts[part], member)

    def own(self, name: str, value: Value) -> Value:
        """The value itself, or a copy if it lives in a register that may change later."""
        match value:
            case Dynamic(operand=Reg(index=index), kind=kind) if self.boxes[index].changes:
                copy = self.temporary(kind, name)
                self.emit(Move(self.where, copy, value.operand))
                return Dynamic(copy, kind)
            case Struct(fields=named):
                return replace(value, fields={n: self.own(n, v) for n, v in named.items()})
            case Items(values=values):
                parts = tuple(self.own(f"{name}.{n}", v) for n, v in enumerate(values))
                return replace(value, values=parts)
            case Method(receiver=receiver):
                return replace(value, receiver=self.own(name, receiver))
            case _:
                return value

    # --- attributes ---------------------------------------------------------------------------

    def attribute(self, value: Value, name: str) -> Value:
        """value.name"""
        match value:
            case Poison():
                raise RefusedError(None)
            case Struct() if name in value.fields:
                return value.fields[name]
            case Struct():
                return self._class_attribute(value, value.cls, name)
            case Dynamic(kind=kind) if kind.family is Family.PTE:
                if name == "value":
                    return Dynamic(value.operand, kinds.integer(kind.low, kind.high))
                return self._class_attribute(value, Pte, name)
            case Parent():
                return self._parent_attribute(value, name)
            case Static(value=Declaration() as declaration) if not _has(declaration, name):
                raise self._no_attribute(describe(value), name, list(_methods(declaration)))
            case Static():
                return self._object_attribute(value.value, name)
            case _:
                raise self.refuse(
                    f"{describe(value)} has no attribute `{name}`", "use the value by itself"
                )

    def _class_attribute(self, value: Value, cls: type, name: str) -> Value:
        found = inspect.getattr_static(cls, name, None)
        if isinstance(found, property) and isinstance(found.fget, FunctionType):
            return self.inline(found.fget, value, [])
        if isinstance(found, FunctionType):
            return Method(found, value)
        if isinstance(found, staticmethod):
            return Static(found.__func__)
        raise self._no_attribute(cls.__name__, name, dir(cls))

    def _parent_attribute(self, parent: Parent, name: str) -> Value:
        mro = type(parent.instance).__mro__
        above = mro[mro.index(parent.above) + 1 :]
        found = next((vars(cls)[name] for cls in above if name in vars(cls)), None)
        if isinstance(found, property) and isinstance(found.fget, FunctionType):
            return self.inline(found.fget, Static(parent.instance), [])
        if found is None:
            raise self._no_attribute("super()", name, [n for cls in above for n in vars(cls)])
        return self.static(getattr(super(parent.above, parent.instance), name))

    def _object_attribute(self, instance: Any, name: str) -> Value:
        descriptor = getattr(type(instance), name, None)
        if isinstance(descriptor, property) and isinstance(descriptor.fget, FunctionType):
            return self.inline(descriptor.fget, Static(instance), [])
        try:
            found = getattr(instance, name)
        except AttributeError:
            names = [*vars(instance), *dir(type(instance))] if hasattr(instance, "__dict__") else []
            raise self._no_attribute(_title(instance), name, names) from None
        return self.static(found)

    def _no_attribute(self, owner: str, name: str, names: list[str]) -> RefusedError:
        public = sorted(candidate for candidate in names if not candidate.startswith("_"))
        near = get_close_matches(name, public, 1)
        if owner.startswith("the lock"):
            help = "hold it for a `with` block"
        elif near:
            help = f"did you mean `{near[0]}`?"
        elif public:
            help = f"there are {', '.join(public[:8])}"
        else:
            help = "use the value by itself"
        return self.refuse(f"{owner} has no attribute `{name}`", help)

    # --- elements -----------------------------------------------------------------------------

    def subscript(self, value: Value, index: Value) -> Value:
        """value[index]"""
        match value, index:
            case (Poison(), _) | (_, Poison()):
                raise RefusedError(None)
            case Static(value=Declaration(is_array=True) as declaration), _:
                return self.load(declaration, self.need_scalar(index))
            case Items(values=values), Static(value=int() as key):
                return self.loaded(self._element(values, key))
            case Static(value=list() | tuple() | dict() as known), Static(value=key):
                return self.static(self._element(known, key))
            case Items() | Static(value=list() | tuple() | dict()), _:
                raise self.refuse(
                    "the element of a Python list must be known before the model runs",
                    "loop over the list and compare, or declare the values as state",
                )
            case _:
                raise self.refuse(
                    f"{describe(value)} has no elements",
                    "index a list, a tuple, or state declared as an array",
                )

    def _element(self, known: Any, key: Any) -> Any:
        try:
            return known[key]
        except (LookupError, TypeError):
            raise self.refuse(f"there is no element {key!r}", f"there are {len(known)}") from None


def _methods(declaration: Declaration) -> tuple[str, ...]:
    return tuple(name for name in LOCK_METHODS if hasattr(type(declaration), name))


def _has(declaration: Declaration, name: str) -> bool:
    return name in _methods(declaration)


def _title(instance: Any) -> str:
    if isinstance(instance, MethodType):
        return f"method `{instance.__name__}`"
    if isinstance(instance, type):
        return f"class `{instance.__name__}`"
    return f"{type(instance).__name__}"
