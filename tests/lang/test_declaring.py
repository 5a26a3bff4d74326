"""What `__init__` declares wrongly is refused there, in words."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, IntEnum

import pytest

from shootdown.lang.declare import (
    Array,
    Atomic,
    Counter,
    EnumState,
    Flag,
    Ghost,
    Int,
    Mutex,
    PerCpu,
    PerPage,
    Pte,
)
from shootdown.lang.part import Part
from shootdown.lang.queue import Queue
from shootdown.lang.timer import Timer


class Phase(Enum):
    """Two."""

    IDLE = 1
    BUSY = 2


class Level(IntEnum):
    """A number."""

    LOW = 1


class Wants(Part):
    """Its method cannot run by itself."""

    def tick(self, number):
        """Nothing."""


HOLDS = "an array holds Pte, Flag, Counter, Int(low, high) or a number of a frame"
ENUM = "EnumState takes a plain Enum; for numbers write Int(low, high, names=…)"

WRONG: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "start": (lambda: Int(0, 3, 4), ValueError, "Int(0, 3) cannot start with 4"),
    "bounds": (lambda: Int(3, 0), ValueError, "Int(3, 0) cannot start with 3"),
    "names": (
        lambda: Int(0, 1, names=("one",)),
        ValueError,
        "Int(0, 1) takes 2 names, one for each value",
    ),
    "a name": (
        lambda: Int(0, 1, names="ab"),
        ValueError,
        "Int(0, 1) takes 2 names, one for each value",
    ),
    "no Enum": (lambda: EnumState(int), TypeError, ENUM),
    "a number": (lambda: EnumState(Level), TypeError, ENUM),
    "no member": (
        lambda: EnumState(Phase, Level.LOW),
        ValueError,
        "EnumState(Phase) cannot start with <Level.LOW: 1>",
    ),
    "no element": (
        lambda: Array(Flag, 0),
        ValueError,
        "Array(…, 0): an array has 1 to 65536 elements",
    ),
    "too many elements": (
        lambda: Array(Flag, 65537),
        ValueError,
        "Array(…, 65537): an array has 1 to 65536 elements",
    ),
    "array of locks": (lambda: Array(Mutex(), 2), TypeError, HOLDS),
    "array of arrays": (lambda: PerCpu(PerPage(Pte)), TypeError, HOLDS),
    "array of values": (lambda: Array(3, 2), TypeError, HOLDS),
    "ghost": (lambda: Ghost(3), TypeError, "Ghost takes a kind of state: Ghost(Int(0, 3))"),
    "ghost lock": (
        lambda: Ghost(Mutex()),
        TypeError,
        "Ghost takes a kind of state: Ghost(Int(0, 3))",
    ),
    "atomic": (
        lambda: Atomic(Mutex()),
        TypeError,
        "Atomic takes a kind of state: Atomic(Counter())",
    ),
    "no room": (
        lambda: Queue(Counter, 0),
        ValueError,
        "Queue(…, 0): a queue has room for at least one element",
    ),
    "a function": (
        lambda: Timer(print),
        TypeError,
        "Timer(…) takes a method of a part: Timer(self.run_later)",
    ),
    "a function of nobody": (
        lambda: Timer(lambda: None),
        TypeError,
        "Timer(…) takes a method of a part: Timer(self.run_later)",
    ),
    "a method that wants something": (
        lambda: Timer(Wants().tick),
        TypeError,
        "Timer(…) gives `tick` nothing: it takes self only",
    ),
    "a method of something else": (
        lambda: Timer("text".upper),
        TypeError,
        "Timer(…) takes a method of a part: Timer(self.run_later)",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong(name: str) -> None:
    """The message is exact."""
    make, kind, message = WRONG[name]
    with pytest.raises(kind) as refusal:
        make()
    assert str(refusal.value) == message


def test_number_of_threads() -> None:
    """At least one, and no more than can be searched."""
    from shootdown.lang.model import thread

    for number, message in (
        (0, "@thread(0): the number of threads is 1 to 64"),
        (65, "@thread(65): the number of threads is 1 to 64"),
        (True, "@thread(True): the number of threads is 1 to 64"),
    ):
        with pytest.raises(ValueError) as refusal:
            thread(number)
        assert str(refusal.value) == message
    thread(64)


def test_right() -> None:
    """A method of any part will do."""

    class Own(Part):
        def tick(self) -> None:
            """Nothing."""

    assert Timer(Own().tick).name.startswith("own.")
