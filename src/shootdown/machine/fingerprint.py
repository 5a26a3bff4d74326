"""What a program and its layout are, in 32 bytes.

Everything that decides which states there are and how they are packed goes in; where the source
stands does not, so that a comment added above a driver changes nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

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
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, tuple):
        return tuple(_plain(part) for part in value)
    if is_dataclass(value):
        names = [field.name for field in fields(value) if field.name not in _LEFT_OUT]
        return (type(value).__name__, *(_plain(getattr(value, name)) for name in names))
    return value
