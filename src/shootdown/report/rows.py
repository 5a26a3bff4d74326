"""A counterexample shortened to the rows worth reading.

A step is one access to shared state, so one line of source may be several steps (`n += 1` reads and
writes), a loop the same line many times, and a retry the same lines again and again. Neighbouring
steps of one actor at one line become one row; a group of rows that repeats at once is shown once,
with a row that says how often. Rows whose steps have no influence on the end (`Step.relevant`) are
told as a number. Nothing else is left out but the moment at which a task begins, unless that is all
there is to see in the last step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from shootdown.scenarios.verdict import Change, Reading, Step

LONGEST_CYCLE = 12


@dataclass(frozen=True, slots=True)
class Row:
    """Some steps of one actor at one line of source."""

    step: Step
    """all of them as one"""
    depth: int = 0
    """locks the actor holds when it begins"""
    steps: int = 1
    """how many they are"""


@dataclass(frozen=True, slots=True)
class Again:
    """The last `rows` rows happen `times` more times."""

    rows: int
    times: int


@dataclass(frozen=True, slots=True)
class Aside:
    """Some steps of one actor that do not matter."""

    actor: str
    steps: int


@dataclass(frozen=True, slots=True)
class ForEver:
    """The rows after this one repeat for ever."""


AnyRow = Row | Again | Aside | ForEver


def make_rows(
    steps: Sequence[Step], every_step: bool = False, loop: int | None = None
) -> list[AnyRow]:
    """The rows of a counterexample, in order; with `every_step` those that do not matter, too.
    The steps from `loop` on repeat for ever."""
    begin = len(steps) if loop is None else loop
    shown = [s for s in steps[:begin] if not _begins(s) or s is steps[-1]]
    stem = list(_merge(shown))
    rows = list(_indent([*stem, *_merge(steps[begin:])]))
    parts = rows[: len(stem)], rows[len(stem) :]
    folded = [list(_fold(part if every_step else list(_set_aside(part)))) for part in parts]
    return folded[0] if loop is None else [*folded[0], ForEver(), *folded[1]]


def _begins(step: Step) -> bool:
    return step.text.startswith("def ") and not step.changes


def _merge(steps: Sequence[Step]) -> Iterator[Row]:
    """Neighbours of one actor at one line."""
    last: Row | None = None
    for step in steps:
        if last is not None and _same_line(last.step, step):
            last = Row(_join(last.step, step), steps=last.steps + 1)
            continue
        if last is not None:
            yield last
        last = Row(step)
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
    written = {reading.what: reading for reading in (*a.unchanged, *b.unchanged)}
    return replace(
        a,
        choices=a.choices + b.choices,
        reads=tuple(reads.values()),
        changes=kept,
        unchanged=tuple(reading for what, reading in written.items() if what not in changes),
        relevant=a.relevant or b.relevant,
    )


def _indent(rows: Sequence[Row]) -> Iterator[Row]:
    """Each row with the number of locks its actor holds."""
    held: dict[str, set[str]] = {}
    for row in rows:
        step = row.step
        own = held.setdefault(step.actor, set())
        yield replace(row, depth=len(own))
        for change in step.changes:
            if change.before == "free" and "held" in change.after:
                own.add(change.what)
            elif "held" in change.before and change.after == "free":
                own.discard(change.what)


def _set_aside(rows: Sequence[Row]) -> Iterator[Row | Aside]:
    """Neighbours of one actor that do not matter become one; a single line is worth its place."""
    for (actor, relevant), group in groupby(rows, lambda r: (r.step.actor, r.step.relevant)):
        found = list(group)
        if relevant or len(found) == 1:
            yield from found
        else:
            yield Aside(actor, sum(row.steps for row in found))


def _fold(rows: Sequence[Row | Aside]) -> Iterator[AnyRow]:
    """Each group of rows that follows itself, once."""
    at = 0
    while at < len(rows):
        length, times = _cycle(rows, at)
        yield from rows[at : at + length]
        if times > 1:
            yield Again(length, times - 1)
        at += length * times


def _cycle(rows: Sequence[Row | Aside], at: int) -> tuple[int, int]:
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


def _key(row: Row | Aside) -> tuple[object, ...]:
    if isinstance(row, Aside):
        return (id(row),)  # never the same again
    step = row.step
    return step.actor, step.file, step.line, step.choices, step.changes, row.depth
