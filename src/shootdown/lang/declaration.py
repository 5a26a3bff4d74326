"""A state variable, as `__init__` declares it: what every kind of state and every lock is.

The functions of `state` promise a type checker the value's type and return one of these; the
compiler recognises it where a method uses the attribute.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from shootdown.lang.geometry import Geometry
from shootdown.lang.paging import EMPTY
from shootdown.program import kind as kinds
from shootdown.program.kind import Kind

if TYPE_CHECKING:
    from shootdown.lang.part import Part


ACTORS = "actors"
"""the shape of an array with one element for each actor"""


@dataclass(slots=True, eq=False)
class Declaration:
    """A state variable. `shape` is a number of elements, the name of a size in the geometry,
    ACTORS, or None for a single value."""

    family: str
    low: int = 0
    high: int = 0
    initial: int = 0
    shape: str | int | None = None
    ghost: bool = False
    marked: bool = False
    """no access to it is a plain one"""
    owner: Part | None = None
    attribute: str = ""
    names: tuple[str, ...] = ()
    """what reports call the values, from `low` on"""
    title: str = ""
    """the name of the Enum the values are members of"""
    members: tuple[Enum, ...] = ()
    """these members"""

    @property
    def name(self) -> str:
        """`mm.pte`: the owner's name, unless it has none, and the attribute."""
        holder = self.owner.name if self.owner else "?"
        return f"{holder}.{self.attribute}" if holder else self.attribute

    @property
    def first(self) -> Any:
        """The value it starts with, or each of its elements does, as methods see it."""
        match self.family:
            case "enum":
                return self.members[self.initial]
            case "flag":
                return bool(self.initial)
            case "pte":
                return EMPTY
            case _:
                return self.initial

    @property
    def is_array(self) -> bool:
        return self.shape is not None

    sleeps: ClassVar[bool] = False
    """a lock that puts to sleep whoever waits for it, so that nobody may in atomic context"""

    @property
    def is_lock(self) -> bool:
        return self.family in ("lock", "rwlock")

    def length(self, geometry: Geometry, actors: int) -> int:
        """Number of elements; 1 for a single value."""
        if self.shape == ACTORS:
            return actors
        if isinstance(self.shape, str):
            return int(getattr(geometry, self.shape))
        return 1 if self.shape is None else self.shape

    def kind(self, geometry: Geometry, counter_bits: int, actors: tuple[str, ...]) -> Kind:
        """The values the variable may hold in a machine of this size."""
        match self.family:
            case "flag":
                return kinds.FLAG
            case "counter":
                return kinds.counter(counter_bits)
            case "pte":
                return kinds.pte(geometry.frames)
            case "frame":
                return kinds.integer(0, geometry.frames - 1)
            case "enum":
                return Kind(kinds.Family.ENUM, 0, self.high, self.names, title=self.title)
            case "page":
                return kinds.integer(0, geometry.pages)
            case "cpumask":
                return Kind(kinds.Family.CPUMASK, 0, (1 << len(actors)) - 1, actors)
            case "lock":
                return Kind(kinds.Family.LOCK, 0, len(actors), actors)
            case "rwlock":
                count = len(actors)
                return Kind(kinds.Family.RWLOCK, 0, 2 * count, actors, readers=count)
            case _:
                return kinds.integer(self.low, self.high, self.names)
