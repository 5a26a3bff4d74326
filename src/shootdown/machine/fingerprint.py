"""What a program and its layout are, in 32 bytes.

Everything that decides which states there are and how they are packed goes in; where the source
stands does not, so that a comment added above a driver changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, cast

from shootdown.machine.canonical import Plan
from shootdown.program.independence import Independence
from shootdown.program.layout import Layout
from shootdown.program.program import Program

_LEFT_OUT = ("where", "access", "loop", "manner", "fields")
"""places, what only passes look at, and what follows from the rest"""


def fingerprint(
    program: Program,
    layout: Layout,
    plan: Plan | None = None,
    independence: Independence | None = None,
) -> bytes:
    """The same for equal programs with equal layouts, of which the same forms are kept and the same
    steps taken at once, and practically never else."""
    text = repr((_plain(program), _plain(layout), _plain(plan), _plain(independence)))
    return hashlib.sha256(text.encode()).digest()


def _plain(value: Any) -> Any:
    """Records as tuples of their parts, enumerations as names."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    if isinstance(value, Enum):
        return value.name
    if is_dataclass(value):
        return (
            kind.__name__,
            *(_plain(getattr(value, name)) for name in _names(cast(Hashable, kind))),
        )
    return value


_PLAIN = (int, str, bool, NoneType)


@cache
def _names(kind: Hashable) -> tuple[str, ...]:
    """The parts of a kind of record that count."""
    return tuple(field.name for field in fields(cast(Any, kind)) if field.name not in _LEFT_OUT)
