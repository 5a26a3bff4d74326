"""Kinds: what a state variable or register holds, in how many bits, and how people read it.

A machine only ever sees small integers. The kind says which integers are possible (`low` to `high`,
both included) and how one is printed. Packed states store `value - low` in `bits` bits, so a kind
whose range is a single value takes no room at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


class Family(Enum):
    """What the number means to a reader."""

    INT = "int"
    FLAG = "flag"
    COUNTER = "counter"
    ENUM = "enum"
    """the position of a member"""
    CPUMASK = "cpumask"
    """a set of actors, one bit for each"""
    PTE = "pte"
    LOCK = "lock"
    """0 free, n held by actor n - 1"""
    RWLOCK = "rwlock"
    """0 free, 1..readers read-held by that many, above: write-held by actor value - readers - 1"""


@dataclass(frozen=True, slots=True)
class Kind:
    """A family of values and the range it may take here. `readers` only matters to an RWLOCK."""

    family: Family
    low: int
    high: int
    names: tuple[str, ...] = ()
    readers: int = 0
    title: str = ""
    """the Enum, for a member of one"""

    @property
    def bits(self) -> int:
        """Width in a packed state."""
        return (self.high - self.low).bit_length()

    def join(self, other: Kind) -> Kind:
        """The narrowest kind that holds the values of both; of this family unless it is INT."""
        family = other.family if self.family is Family.INT else self.family
        if {self.family, other.family} == {Family.FLAG, Family.INT}:
            family = Family.INT
        return replace(
            self,
            family=family,
            low=min(self.low, other.low),
            high=max(self.high, other.high),
            names=self._joined_names(other),
        )

    def _joined_names(self, other: Kind) -> tuple[str, ...]:
        """Words for numbers count from `low`: they go if the joined range is another one."""
        if Family.INT not in (self.family, other.family):
            return self.names or other.names
        for named, rest in ((self, other), (other, self)):
            if named.names and named.holds(rest) and rest.names in ((), named.names):
                return named.names
        return ()

    def holds(self, other: Kind) -> bool:
        """Whether every value of `other` is a value of this kind."""
        return self.low <= other.low and other.high <= self.high

    def show(self, value: int) -> str:
        """The value as a kernel developer would write it: `pfn 3 rw`, `none`, `held by task0`."""
        if self.family is Family.FLAG:
            return "true" if value else "false"
        if self.family is Family.PTE:
            return show_pte(value)
        if self.family is Family.CPUMASK:
            members = [name for bit, name in enumerate(self.names) if value >> bit & 1]
            return ", ".join(members) or "nobody"
        if self.family is Family.LOCK:
            return f"held by {self._actor(value - 1)}" if value else "free"
        if self.family is Family.RWLOCK:
            return self._show_rwlock(value)
        first = self.low if self.family is Family.INT else 0
        if self.names and 0 <= value - first < len(self.names):
            return self.names[value - first]
        return str(value)

    def _actor(self, number: int) -> str:
        return self.names[number] if number < len(self.names) else f"actor {number}"

    def _show_rwlock(self, value: int) -> str:
        if value == 0:
            return "free"
        if value <= self.readers:
            return "read-held" if value == 1 else f"read-held by {value}"
        return f"write-held by {self._actor(value - self.readers - 1)}"


FLAG = Kind(Family.FLAG, 0, 1)


def integer(low: int, high: int, names: tuple[str, ...] = ()) -> Kind:
    """Whole numbers from `low` to `high`, both included."""
    return Kind(Family.INT, low, high, names)


def counter(bits: int) -> Kind:
    """A counter of `bits` bits that starts at zero and wraps."""
    return Kind(Family.COUNTER, 0, (1 << bits) - 1)


# A page-table entry is one integer: the rights in the two low bits, the frame number above.
# A present entry always has rights, so that 0 is the empty entry and nothing else is.
NO_RIGHTS, PROT_NONE, READ_ONLY, READ_WRITE = 0, 1, 2, 3
RIGHTS_BITS = 2
RIGHTS_MASK = (1 << RIGHTS_BITS) - 1
RIGHTS_NAMES = ("", "prot-none", "ro", "rw")


def pte(frames: int) -> Kind:
    """A page-table entry that can name `frames` page frames."""
    return Kind(Family.PTE, 0, (frames << RIGHTS_BITS) - 1)


def make_pte(frame: int, rights: int) -> int:
    """The entry for a frame; rights is PROT_NONE, READ_ONLY or READ_WRITE."""
    return frame << RIGHTS_BITS | rights


def show_pte(value: int) -> str:
    """`none` for an empty entry, otherwise the frame and the rights, as in `pfn 3 rw`."""
    rights = value & RIGHTS_MASK
    return f"pfn {value >> RIGHTS_BITS} {RIGHTS_NAMES[rights]}" if rights else "none"
