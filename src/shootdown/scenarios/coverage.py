"""What of a driver or model a search exercised: lines, ways of branches, rules.

Lines and branches are those in the files of the target. One that was compiled into several actors,
or is called from several places, counts as one.
"""

from __future__ import annotations

from shootdown.machine.result import SearchResult
from shootdown.program.operation import Jump, Operation
from shootdown.program.program import Program
from shootdown.program.ways import Fork
from shootdown.program.where import Where
from shootdown.rules.rule import Rule
from shootdown.scenarios.case import Case
from shootdown.scenarios.verdict import BranchCoverage, Coverage, SourceLine


def coverage_of(
    case: Case, program: Program, forks: tuple[Fork, ...], result: SearchResult
) -> Coverage:
    """Of a search of this program, whose forks are those of the branches in the case's files."""
    own = case.files
    lines: dict[tuple[str, int], str] = {}
    reached: set[tuple[str, int]] = set()
    for number, actor in enumerate(program.actors):
        for index, operation in enumerate(actor.code):
            if _closes_loop(operation):
                continue
            for place in operation.where.chain:  # a call is reached where what it calls is
                if place.file not in own:
                    continue
                lines[place.file, place.line] = place.text
                if (number, index) in result.reached:
                    reached.add((place.file, place.line))
    never = tuple(
        SourceLine(file, line, lines[file, line].strip())
        for file, line in sorted(lines.keys() - reached)
    )
    idle = tuple(
        rule.name
        for rule, times in zip(program.rules, result.exercised, strict=True)
        if times == 0 and _is_named(rule.name)
    )
    return Coverage(len(lines), len(reached), never, idle, _branches(forks, result))


def _branches(forks: tuple[Fork, ...], result: SearchResult) -> tuple[BranchCoverage, ...]:
    """Each condition once, in the order of the source."""
    found: dict[tuple[str, int, int, str], tuple[bool, bool]] = {}
    for fork in forks:
        place = fork.where
        key = (place.file, place.line, place.column, _text(place))
        true, false = found.get(key, (False, False))
        found[key] = (
            true or (fork.actor, fork.true) in result.reached,
            false or (fork.actor, fork.false) in result.reached,
        )
    return tuple(BranchCoverage(*key, *found[key]) for key in sorted(found))


def _text(place: Where) -> str:
    """The condition; of one that goes over several lines the first."""
    end = place.end_column if place.end_line == place.line else None
    return place.text[place.column : end].strip()


def _closes_loop(operation: Operation) -> bool:
    """The way back to the head of a loop stands at the head, which was reached long before."""
    text = operation.where.text.lstrip()
    return isinstance(operation, Jump) and text.startswith(("while ", "for "))


def _is_named(name: str) -> bool:
    """A rule about drivers, not one about the limits of integers."""
    return any(name == rule.name for rule in Rule.__subclasses__() if rule.verdict == "violated")
