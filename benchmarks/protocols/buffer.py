"""A bounded buffer: producers and consumers, counters of room and of goods, a ticket lock.

Producers claim room, put one of several goods into the next slot under the lock, and publish it;
consumers take what is published, empty the slot under the lock, and give the room back. Everybody
does so for ever. Whoever takes something out finds something there.

`buffer.pml` is the same for SPIN, with exactly as many states and, counting its way, one transition
more. Each method marked `indivisible` is one step. A local nobody reads any more is not part of a
state here; there it is set to 0.
"""

from __future__ import annotations

from shootdown.lang.compile import Entry, compile_system
from shootdown.lang.declare import Array, Int, choose, ghost, indivisible, require, wait_until
from shootdown.lang.geometry import Geometry
from shootdown.lang.part import Part
from shootdown.lang.tables import Options
from shootdown.program.program import Program
from shootdown.rules.rule import Rule


class SomethingThere(Rule):
    """The one thing that has to hold here."""

    name = "something-there"
    sentence = "what is taken out was put in"


SOMETHING_THERE = SomethingThere()


class Buffer(Part):
    """Slots in a ring, a lock that serves in the order of tickets, and the two counters."""

    def __init__(self, slots: int, goods: int, threads: int) -> None:
        self.label = "buffer"
        self.size = slots
        self.threads = threads
        self.slot = Array(Int(0, goods), slots)
        self.head = Int(0, slots - 1)
        self.tail = Int(0, slots - 1)
        self.claimed = Int(0, slots)
        self.published = Int(0, slots)
        self.next_ticket = Int(0, threads - 1)
        self.serving = Int(0, threads - 1)

    @indivisible
    def draw(self) -> int:
        """A ticket; more than there are threads are never out."""
        mine = self.next_ticket
        self.next_ticket = (mine + 1) % self.threads
        return mine

    @indivisible
    def await_turn(self, mine: int) -> None:
        """Until the ticket is served."""
        wait_until(self.serving == mine)

    @indivisible
    def unlock(self) -> None:
        """The next, please."""
        self.serving = (self.serving + 1) % self.threads


class Producer(Part):
    """Puts things in."""

    def __init__(self, buffer: Buffer, number: int, goods: int) -> None:
        self.buffer = buffer
        self.label = f"producer{number}"
        self.goods = goods

    def run(self) -> None:
        """One thing after the other."""
        while True:
            good = self.claim()
            self.buffer.await_turn(self.buffer.draw())
            self.put(good)
            self.buffer.unlock()
            self.publish()

    @indivisible
    def claim(self) -> int:
        """Room for whatever it will be."""
        wait_until(self.buffer.claimed < self.buffer.size)
        self.buffer.claimed += 1
        good: int = choose(range(1, self.goods + 1))
        return good

    @indivisible
    def put(self, good: int) -> None:
        """Into the next slot."""
        self.buffer.slot[self.buffer.tail] = good
        self.buffer.tail = (self.buffer.tail + 1) % self.buffer.size

    @indivisible
    def publish(self) -> None:
        """Consumers may take it."""
        self.buffer.published += 1


class CarelessProducer(Producer):
    """With a mistake, so that there is something to find."""

    def run(self) -> None:
        """Publishes what is not there yet."""
        while True:
            good = self.claim()
            self.publish()
            self.buffer.await_turn(self.buffer.draw())
            self.put(good)
            self.buffer.unlock()


class Consumer(Part):
    """Takes things out."""

    def __init__(self, buffer: Buffer, number: int) -> None:
        self.buffer = buffer
        self.label = f"consumer{number}"

    def run(self) -> None:
        """One thing after the other."""
        while True:
            self.take()
            self.buffer.await_turn(self.buffer.draw())
            self.remove()
            self.buffer.unlock()
            self.give_back()

    @indivisible
    def take(self) -> None:
        """One of the published things."""
        wait_until(self.buffer.published > 0)
        self.buffer.published -= 1

    @indivisible
    def remove(self) -> None:
        """Out of the oldest slot."""
        self.judge()
        self.buffer.slot[self.buffer.head] = 0
        self.buffer.head = (self.buffer.head + 1) % self.buffer.size

    @indivisible
    def give_back(self) -> None:
        """The room."""
        self.buffer.claimed -= 1

    @ghost
    def judge(self) -> None:
        """Something is taken out."""
        require(self.buffer.slot[self.buffer.head] != 0, SOMETHING_THERE)


def build(
    producers: int, consumers: int, slots: int, goods: int, careless: bool = False
) -> Program:
    """The program for these sizes."""
    threads = producers + consumers
    buffer = Buffer(slots, goods, threads)
    make = CarelessProducer if careless else Producer
    parts: list[Producer | Consumer] = [
        *(make(buffer, number, goods) for number in range(producers)),
        *(Consumer(buffer, number) for number in range(consumers)),
    ]
    sizes = Geometry(pages=1, frames=1, tasks=threads, devices=1)
    return compile_system([Entry(part.label, part.run) for part in parts], Options(sizes))
