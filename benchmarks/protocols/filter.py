"""Peterson's lock for many threads: the filter (G. L. Peterson, "Myths about the mutual exclusion
problem", Information Processing Letters 12, 1981).

There is a stage for every thread but one. At each stage a thread says where it is and that it came
last, and waits until nobody is as far or somebody came after it; so every stage holds one thread
back. Threads do this for ever. No two are inside at the same time.

`filter.pml` is the same for SPIN, with exactly as many states and, counting its way, one transition
more. A step is one write, or one look at another thread: its stage and who came last are looked at
together, as they are there.
"""

from __future__ import annotations

from shootdown.lang.compile import Entry, compile_system
from shootdown.lang.declare import Array, Flag, Int, ghost, indivisible, require, wait_until
from shootdown.lang.geometry import Geometry
from shootdown.lang.part import Part
from shootdown.lang.tables import Options
from shootdown.program.program import Program
from shootdown.rules.rule import Rule


class Exclusion(Rule):
    """The one thing that has to hold here."""

    name = "exclusion"
    sentence = "no two threads are inside"


EXCLUSION = Exclusion()


class Filter(Part):
    """What the threads share."""

    def __init__(self, threads: int) -> None:
        self.label = "filter"
        self.level = Array(Int(0, threads - 1), threads)
        self.last = Array(Int(0, threads - 1), threads)
        self.inside = Flag()


class Thread(Part):
    """One that wants to be inside, again and again."""

    def __init__(self, shared: Filter, me: int, threads: int, stages: int) -> None:
        self.shared = shared
        self.label = f"thread{me}"
        self.me = me
        self.threads = threads
        self.stages = stages

    def run(self) -> None:
        """Through all stages, in, out."""
        while True:
            for stage in range(1, self.stages + 1):
                self.announce(stage)
                self.come_last(stage)
                for other in range(self.threads):
                    if other != self.me:
                        self.pass_by(other, stage)
            self.enter()
            self.leave()

    @indivisible
    def announce(self, stage: int) -> None:
        """How far this thread is."""
        self.shared.level[self.me] = stage

    @indivisible
    def come_last(self, stage: int) -> None:
        """Whoever comes later lets this thread go on."""
        self.shared.last[stage] = self.me

    @indivisible
    def pass_by(self, other: int, stage: int) -> None:
        """Wait for one of the others."""
        wait_until(self.shared.level[other] < stage or self.shared.last[stage] != self.me)

    @indivisible
    def enter(self) -> None:
        """Go in."""
        self.judge()
        self.shared.inside = True

    @indivisible
    def leave(self) -> None:
        """Come out, and go back to the start."""
        self.shared.inside = False
        self.shared.level[self.me] = 0

    @ghost
    def judge(self) -> None:
        """Somebody goes in."""
        require(not self.shared.inside, EXCLUSION)


def build(threads: int, careless: bool = False) -> Program:
    """The program for these sizes; with a mistake, a stage is missing."""
    shared = Filter(threads)
    stages = threads - 2 if careless else threads - 1
    parts = [Thread(shared, me, threads, stages) for me in range(threads)]
    sizes = Geometry(pages=1, frames=1, tasks=threads, devices=1)
    return compile_system([Entry(part.label, part.run) for part in parts], Options(sizes))
