"""An actor that makes one kind of call: it waits for a row of digits, performs the call, says what
it returned, and waits again.

A row is a range and up to three more numbers, whatever the call makes of them.
"""

from __future__ import annotations

from collections.abc import Callable

from shootdown.lang.declare import Int, PageRange, choose, indivisible, rest
from shootdown.lang.part import Part
from shootdown.linux.syscalls.process import Process

Call = Callable[[Process, PageRange, int, int, int], int]

NUMBERS = 1 << 20
"""one more than the largest number in a row"""
WIDTH = 5
"""numbers of a row"""


class Results(Part):
    """What the last call returned."""

    def __init__(self) -> None:
        self.label = "results"
        self.value = Int(-4096, 0)


class Caller(Part):
    """Makes one kind of call, again and again."""

    def __init__(self, process: Process, results: Results, call: Call) -> None:
        self.process = process
        self.results = results
        self.call = call

    def run(self) -> None:
        """Obey for ever."""
        while True:
            start, end, one, two, three = self.next()
            self.results.value = self.call(self.process, PageRange(start, end), one, two, three)

    @indivisible
    def next(self) -> tuple[int, int, int, int, int]:
        """The next row."""
        rest()
        start, end = choose(NUMBERS), choose(NUMBERS)
        one, two, three = choose(NUMBERS), choose(NUMBERS), choose(NUMBERS)
        return start, end, one, two, three


def of_process(perform: Callable[[Process], int]) -> Call:
    """A call that needs nothing of the row."""

    def call(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
        return perform(process)

    return call


def of_range(perform: Callable[[Process, PageRange], int]) -> Call:
    """A call that needs the range alone."""

    def call(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
        return perform(process, range)

    return call


def of_range_and_number(perform: Callable[[Process, PageRange, int], int]) -> Call:
    """A call that needs the range and one number."""

    def call(process: Process, range: PageRange, number: int, two: int, three: int) -> int:
        return perform(process, range, number)

    return call


def of_range_and_numbers(perform: Callable[[Process, PageRange, int, int], int]) -> Call:
    """A call that needs the range and two numbers."""

    def call(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
        return perform(process, range, one, two)

    return call


def of_two(perform: Callable[[Process, int, int], int]) -> Call:
    """A call that takes the two ends of the range for something else."""

    def call(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
        return perform(process, range.start, range.end)

    return call


def of_file_and_range(perform: Callable[[Process, int, PageRange], int]) -> Call:
    """A call on pages of a file, which is the number."""

    def call(process: Process, range: PageRange, file: int, two: int, three: int) -> int:
        return perform(process, file, range)

    return call
