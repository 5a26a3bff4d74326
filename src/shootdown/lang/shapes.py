"""Values made of parts: tuples, lists and frozen dataclasses, whose parts registers can hold."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace

from shootdown.lang.values import Items, Poison, Static, Struct, Value, is_scalar


def structured(value: Value) -> Value:
    """A frozen dataclass or tuple of scalars known now, as the parts it could be built from; also
    where it is itself a part of one."""
    if isinstance(value, Struct):
        return replace(value, fields={n: structured(part) for n, part in value.fields.items()})
    if isinstance(value, Items):
        return replace(value, values=tuple(map(structured, value.values)))
    if not isinstance(value, Static):
        return value
    known = value.value
    names = dataclass_fields(type(known))
    if names:
        parts = {name: structured(Static(getattr(known, name))) for name in names}
        return Struct(type(known), parts) if all(map(fits_slot, parts.values())) else value
    if isinstance(known, tuple):
        values = tuple(structured(Static(member)) for member in known)
        return Items(values) if all(map(fits_slot, values)) else value
    return value


def opened(value: Value) -> Value:
    """The same for any parts, one level deep."""
    known = value.value if isinstance(value, Static) else None
    names = dataclass_fields(type(known))
    if names:
        return Struct(type(known), {name: Static(getattr(known, name)) for name in names})
    if isinstance(known, tuple | list):
        return Items(tuple(map(Static, known)), list if isinstance(known, list) else tuple)
    return value


def fits_slot(value: Value) -> bool:
    """Whether registers can hold the value."""
    if isinstance(value, Struct):
        return all(fits_slot(part) for part in value.fields.values())
    if isinstance(value, Items):
        return all(fits_slot(part) for part in value.values)
    return is_scalar(value)


def is_poisoned(value: Value) -> bool:
    """Whether it is, or some part of it is, the value of something already refused."""
    if isinstance(value, Struct):
        return any(map(is_poisoned, value.fields.values()))
    if isinstance(value, Items):
        return any(map(is_poisoned, value.values))
    return isinstance(value, Poison)


def dataclass_fields(cls: type) -> tuple[str, ...]:
    """Field names of a frozen dataclass; empty for any other class."""
    parameters = getattr(cls, "__dataclass_params__", None)
    if parameters is None or not is_dataclass(cls) or not parameters.frozen:
        return ()
    return tuple(field.name for field in fields(cls))
