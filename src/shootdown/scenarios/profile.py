"""Where the steps of a search are, by source line.

Counts are exact. Time is an estimate: what taking steps took in all is divided among the lines as
operations are, and what storing and looking up took, as steps are (each step that is tried ends in
a state to look up, or in none). A step belongs to the line where it begins.
"""

from __future__ import annotations

from collections import Counter

from shootdown.machine.profile import Profiler
from shootdown.program.operation import Point
from shootdown.program.program import Program
from shootdown.scenarios.verdict import ProfileLine


def profile_lines(program: Program, profiler: Profiler, seconds: float) -> tuple[ProfileLine, ...]:
    """The lines of all files, the most expensive first; `seconds` are those of the search."""
    steps: Counter[tuple[str, int, str]] = Counter()
    operations: Counter[tuple[str, int, str]] = Counter()
    for (actor, index), times in profiler.counts.items():
        operation = program.actors[actor].code[index]
        place = operation.where
        line = (place.file, place.line, place.text.strip())
        (steps if isinstance(operation, Point) else operations)[line] += times
    all_steps, all_operations = steps.total() or 1, operations.total() or 1
    taking = min(profiler.seconds / seconds, 1.0) if seconds else 1.0
    found = [
        ProfileLine(
            *line,
            steps[line],
            operations[line],
            taking * operations[line] / all_operations + (1 - taking) * steps[line] / all_steps,
        )
        for line in steps.keys() | operations.keys()
    ]
    return tuple(sorted(found, key=lambda row: (-row.operations, -row.steps, row.file, row.line)))
