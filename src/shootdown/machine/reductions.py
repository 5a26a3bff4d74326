"""Which parts of a state space a search may leave out because they cannot change the verdict.

Each reduction has a switch of its own, and tests that hold it against the full search.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Reductions:
    """The reductions in use; all of them unless somebody says otherwise."""

    merge: bool = True
    """private accesses belong to the step before them (`program.points`)"""
    dead_variables: bool = True
    """states that differ only in registers that nobody will read are one (`program.liveness`)"""
    partial_order: bool = True
    """steps that nobody else can tell the time of are taken at once (`program.independence`)"""
    symmetry: bool = True
    """states that differ only in which of several equals is which are one (`program.symmetry`)"""

    @classmethod
    def none(cls) -> Reductions:
        """The full search."""
        return replace(cls(), **dict.fromkeys(cls.__dataclass_fields__, False))
