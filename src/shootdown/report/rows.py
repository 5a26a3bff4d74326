"""A counterexample shortened to the rows worth reading.

A step is one access to shared state, so one line of source may be several steps (`n += 1` reads and
writes), a loop the same line many times, and a retry the same lines again and again. Neighbouring
steps of one actor at one line become one row; a group of rows that repeats at once is shown once,
with a row that says how often. Nothing else is left out but the moment at which a task begins,
unless that is all there is to see in the last step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from shootdown.scenarios.verdict import Change, Reading, Step

LONGEST_CYCLE = 12


@dataclass(frozen=True, slots=True)
class Row:
    """Some steps of one actor at one line of source."""

    step: Step
    """all of them as one"""
    depth: int = 0
    """locks the actor holds when it begins"""


@dataclass(frozen=True, slots=True)
class Again:
    """The last `rows` rows happen `times` more times."""

    rows: int
    times: int


def make_rows(steps: Sequence[Step]) -> list[Row | Again]:
    """The rows of a counterexample, in order."""
    merged = list(_merge([s for s in steps if not _begins(s) or s is steps[-1]]))
    return list(_fold(list(_indent(merged))))


def _begins(step: Step) -> bool:
    return step.text.startswith("def ") and not step.changes


def _merge(steps: Sequence[Step]) -> Iterator[Step]:
    """Neighbours of one actor at one line."""
    last: Step | None = None
    for step in steps:
        if last is not None and _same_line(last, step):
            last = _join(last, step)
            continue
        if last is not None:
            yield last
        last = step
    if last is not None:
        yield last


def _same_line(a: Step, b: Step) -> bool:
    return (a.actor, a.file, a.line) == (b.actor, b.file, b.line)


def _join(a: Step, b: Step) -> Step:
    """Both steps as one: what changed and changed back did not change."""
    changes = {change.what: change for change in a.changes}
    for change in b.changes:
        before = changes[change.what].before if change.what in changes else change.before
        changes[change.what] = Change(change.what, before, change.after)
    kept = tuple(change for change in changes.values() if change.before != change.after)
    own = {change.what for change in a.changes}
    reads = {reading.what: reading for reading in a.reads}
    for reading in b.reads:
        if reading.what not in own:
            reads.setdefault(reading.what, Reading(reading.what, reading.value))
    return replace(a, choices=a.choices + b.choices, reads=tuple(reads.values()), changes=kept)


def _indent(steps: Sequence[Step]) -> Iterator[Row]:
    """Each step with the number of locks its actor holds."""
    held: dict[str, set[str]] = {}
    for step in steps:
        own = held.setdefault(step.actor, set())
        yield Row(step, len(own))
        for change in step.changes:
            if change.before == "free" and "held" in change.after:
                own.add(change.what)
            elif "held" in change.before and change.after == "free":
                own.discard(change.what)


def _fold(rows: list[Row]) -> Iterator[Row | Again]:
    """Each group of rows that follows itself, once."""
    at = 0
    while at < len(rows):
        length, times = _cycle(rows, at)
        yield from rows[at : at + length]
        if times > 1:
            yield Again(length, times - 1)
        at += length * times


def _cycle(rows: list[Row], at: int) -> tuple[int, int]:
    """The group that starts here and repeats over most rows: its length, and how often it comes."""
    best = (1, 1)
    for length in range(1, min(LONGEST_CYCLE, (len(rows) - at) // 2) + 1):
        group = [_key(row) for row in rows[at : at + length]]
        times = 1
        while [_key(row) for row in rows[at + times * length :][:length]] == group:
            times += 1
        if times > 1 and length * times > best[0] * best[1]:
            best = (length, times)
    return best


def _key(row: Row) -> tuple[object, ...]:
    step = row.step
    return step.actor, step.file, step.line, step.choices, step.changes, row.depth
