"""The smallest program that still does what is looked for.

First operations are left out, in halves, quarters and one by one (Zeller and Hildebrandt,
"Simplifying and isolating failure-inducing input", IEEE TSE 28(2), 2002), then numbers are made
smaller. The result is a local minimum: nothing in it can be left out or made smaller by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from shootdown.live.programs import Operation, Program

Wanted = Callable[[Program], bool]
"""whether a program still does it; asked again and again"""


def shrink(program: Program, wanted: Wanted) -> Program:
    """A smallest program that is `wanted`, which this one has to be.

    Raises:
        ValueError: if it is not: there is nothing to look for.
    """
    if not wanted(program):
        raise ValueError(f"program {program.id} does not do what is looked for")
    while True:
        smaller = _fewer_operations(program, wanted)
        smaller = _smaller_numbers(smaller, wanted)
        if smaller == program:
            return program
        program = smaller


def _fewer_operations(program: Program, wanted: Wanted) -> Program:
    size = max(len(program.operations) // 2, 1)
    while True:
        shorter = next(filter(wanted, _without(program, size)), None)
        if shorter is not None:
            program = shorter
            size = min(size, max(len(program.operations) // 2, 1))
        elif size > 1:
            size //= 2
        else:
            return program


def _without(program: Program, size: int) -> Iterator[Program]:
    """The program without some operations in a row, the last ones first."""
    count = len(program.operations)
    for end in range(count, 0, -size):
        start = max(end - size, 0)
        left = program.operations[:start] + program.operations[end:]
        if left:
            yield replace(program, operations=left)


def _smaller_numbers(program: Program, wanted: Wanted) -> Program:
    for at in range(len(program.operations)):
        position = 1
        while position < len(program.operations[at]):
            smaller = next(filter(wanted, _with_less(program, at, position)), None)
            if smaller is None:
                position += 1
            else:
                program = smaller
    return program


def _with_less(program: Program, at: int, position: int) -> Iterator[Program]:
    """The program with one number smaller: 0, 1, by a half, by a quarter, and so on, by one."""
    operation = program.operations[at]
    value = operation[position]
    if not isinstance(value, int) or value <= 0 or _is_flags(operation, position):
        return
    steps = (value >> shift for shift in range(1, value.bit_length()))
    for less in dict.fromkeys((0, 1, *(value - step for step in steps))):
        if less < value:
            changed = (*operation[:position], less, *operation[position + 1 :])
            before, after = program.operations[:at], program.operations[at + 1 :]
            yield replace(program, operations=(*before, changed, *after))


def _is_flags(operation: Operation, position: int) -> bool:
    """A number that is none: the flags of mremap, what clear_refs is to clear."""
    return operation[0] == "clear_refs" or (operation[0] == "mremap" and position == 4)
