"""Who has which breakpoints open: descriptors of events, which a fork copies.

A breakpoint goes with its last descriptor. A process that forked keeps it alive in its children;
it is then the last of them to end that takes it away. What is taken away is taken from every
process that maps the file, children first (the mappings of a file are gone through backwards), and
in two rounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

ROUNDS = 2
"""uprobe_apply() as the event goes, uprobe_unregister() as the breakpoint does"""


@dataclass(slots=True)
class Breakpoint:
    """An event at the beginning of a page of the memfd."""

    page: int
    holders: set[int] = field(default_factory=lambda: {PARENT})
    """who has it open: PARENT, or how many children there were when this one was forked"""


PARENT = 0


class Breakpoints:
    """Of one program."""

    def __init__(self) -> None:
        self.all: list[Breakpoint] = []
        """those that are there, in the order in which they were set"""
        self.children = 0

    def set(self, page: int) -> None:
        """The process has one more."""
        self.all.append(Breakpoint(page))

    def forked(self) -> None:
        """A child has the descriptors of its parent."""
        self.children += 1
        for each in self.all:
            if PARENT in each.holders:
                each.holders.add(self.children)

    def close_last(self) -> list[Breakpoint] | None:
        """The process closes its last descriptor: what goes with it. None if it has none."""
        own = [each for each in self.all if PARENT in each.holders]
        if not own:
            return None
        own[-1].holders.discard(PARENT)
        return list(self._gone())

    def child_ended(self) -> list[Breakpoint]:
        """What goes with the last child, the last breakpoint first (task_work_run())."""
        for each in self.all:
            each.holders.discard(self.children)
        self.children -= 1
        return list(self._gone())[::-1]

    def _gone(self) -> Iterator[Breakpoint]:
        gone = [each for each in self.all if not each.holders]
        self.all = [each for each in self.all if each.holders]
        yield from gone
