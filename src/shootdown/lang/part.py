"""Parts: the objects a system is built from.

A part is an ordinary Python object whose `__init__` runs in Python. Assigning a declaration to an
attribute makes it state of this part and gives it its name: `mm.pte`, `device0.tlb`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shootdown.lang.declaration import Declaration


class Part:
    """Base class of everything that holds state or has compiled methods."""

    label: str = ""
    segment: str = "mm"
    """`machine` for parts that all address spaces share (see `program.program.Variable`)"""

    follows: bool = False
    """the segment is that of the owner"""

    @property
    def later(self) -> Callable[[], None] | None:
        """For a part that works by itself: the method that an actor of its own runs."""
        return None

    def __setattr__(self, name: str, value: Any) -> None:
        self._adopt(name, value)
        object.__setattr__(self, name, value)

    def _adopt(self, name: str, value: Any) -> None:
        """Name what has no name yet: state, parts, and those in a list."""
        if isinstance(value, Declaration) and value.owner is None:
            value.owner, value.attribute = self, name
        elif isinstance(value, Part) and not value.label and name != "parent":
            object.__setattr__(value, "label", name)
            if value.follows:
                object.__setattr__(value, "segment", self.segment)
        elif isinstance(value, list | tuple):
            for number, member in enumerate(value):
                self._adopt(f"{name}[{number}]", member)

    @property
    def name(self) -> str:
        """What reports call this part."""
        return self.label or type(self).__name__.lower()
