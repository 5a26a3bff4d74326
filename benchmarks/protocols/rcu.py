"""A grace period in the way of SRCU: readers count themselves in one of two counters.

A reader looks which counter is current, counts itself there, follows the pointer, uses what it
found, and counts itself out. An updater, one at a time, publishes another object, and twice makes
the other counter the current one and waits until the one before is at zero; then it frees the old
object. Once is not enough: a reader may count itself in a counter that has not been current for a
while. Everybody does so for ever. Nobody uses a freed object.

(P. E. McKenney, "Is Parallel Programming Hard, And, If So, What Can You Do About It?", on counters
for grace periods; kernel/rcu/srcutree.c has the same two counters.)

`rcu.pml` is the same for SPIN, with exactly as many states and, counting its way, one transition
more. Each method marked `indivisible` is one step. A local nobody reads any more is not part of a
state here; there it is set to 0.
"""

from __future__ import annotations

from shootdown.lang.compile import Entry, compile_system
from shootdown.lang.declare import Array, Flag, Int, ghost, indivisible, require, wait_until
from shootdown.lang.geometry import Geometry
from shootdown.lang.part import Part
from shootdown.lang.tables import Options
from shootdown.program.program import Program
from shootdown.rules.rule import Rule


class NotFreed(Rule):
    """The one thing that has to hold here."""

    name = "not-freed"
    sentence = "no reader uses a freed object"


NOT_FREED = NotFreed()


class Domain(Part):
    """The pointer, the objects, and the two counters."""

    def __init__(self, readers: int, objects: int) -> None:
        self.label = "domain"
        self.objects = objects
        self.pointer = Int(0, objects - 1)
        self.freed = Array(Flag, objects)
        self.current = Int(0, 1)
        self.inside = Array(Int(0, readers), 2)
        self.locked = Flag()


class Reader(Part):
    """Follows the pointer."""

    def __init__(self, domain: Domain, number: int) -> None:
        self.domain = domain
        self.label = f"reader{number}"

    def run(self) -> None:
        """For ever."""
        while True:
            counter = self.look()
            self.count_in(counter)
            found = self.follow()
            self.use(found)
            self.count_out(counter)

    @indivisible
    def look(self) -> int:
        """Which counter is current."""
        return self.domain.current

    @indivisible
    def count_in(self, counter: int) -> None:
        """From here on updaters wait for this reader."""
        self.domain.inside[counter] += 1

    @indivisible
    def follow(self) -> int:
        """The object of the moment."""
        return self.domain.pointer

    @indivisible
    def use(self, found: int) -> None:
        """It must still be there."""
        self.judge(found)

    @indivisible
    def count_out(self, counter: int) -> None:
        """Updaters need not wait any more."""
        self.domain.inside[counter] -= 1

    @ghost
    def judge(self, found: int) -> None:
        """An object is used."""
        require(not self.domain.freed[found], NOT_FREED)


class Updater(Part):
    """Replaces the object the pointer names."""

    def __init__(self, domain: Domain, number: int, periods: int) -> None:
        self.domain = domain
        self.label = f"updater{number}"
        self.periods = periods

    def run(self) -> None:
        """For ever."""
        while True:
            self.lock()
            old = self.replace()
            for _ in range(self.periods):
                before = self.flip()
                self.drain(before)
            self.free(old)

    @indivisible
    def lock(self) -> None:
        """One updater at a time."""
        wait_until(not self.domain.locked)
        self.domain.locked = True

    @indivisible
    def replace(self) -> int:
        """Let the pointer name the next object; the one before."""
        old = self.domain.pointer
        new = (old + 1) % self.domain.objects
        self.domain.freed[new] = False
        self.domain.pointer = new
        return old

    @indivisible
    def flip(self) -> int:
        """Make the other counter the current one; the one before."""
        before = self.domain.current
        self.domain.current = 1 - before
        return before

    @indivisible
    def drain(self, before: int) -> None:
        """Until nobody is counted there."""
        wait_until(self.domain.inside[before] == 0)

    @indivisible
    def free(self, old: int) -> None:
        """Nobody can use it any more; the next updater may go on."""
        self.domain.freed[old] = True
        self.domain.locked = False


def build(readers: int, updaters: int, objects: int, careless: bool = False) -> Program:
    """The program for these sizes; with a mistake, updaters wait only once."""
    domain = Domain(readers, objects)
    periods = 1 if careless else 2
    parts: list[Reader | Updater] = [
        *(Reader(domain, number) for number in range(readers)),
        *(Updater(domain, number, periods) for number in range(updaters)),
    ]
    sizes = Geometry(pages=1, frames=1, tasks=readers + updaters, devices=1)
    return compile_system([Entry(part.label, part.run) for part in parts], Options(sizes))
