"""A counterexample as the kernel draws races: time goes down, one column for each of two actors.

    task0: munmap                               device0
    ------------------------------------------  ------------------------------------------
    pte = self.mm.pte[page]       gather.py:51
        sees pte[0]: pfn 1 rw
                                                page, write, pte = self.issue()  device.py:72
                                                    tlb[0]: none → pfn 1 rw

Under a line of source stands what it changed, or what it saw and wrote in vain if it changed
nothing. Steps that do not matter for the end are only counted, unless all are asked for. Lines are
indented by the locks that are held. Three actors or more do not fit side by side with their source
lines, so they take turns under `[Time N]` (the second shape of Documentation/mm/mmu_notifier.rst),
which leaves each line the whole width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePath

from shootdown.linux.operations.catalogue import OPERATIONS
from shootdown.report.paint import Paint
from shootdown.report.rows import Again, AnyRow, Aside, ForEver, Row, make_rows
from shootdown.report.words import Names, say_changes, say_reads, say_start, say_unchanged
from shootdown.scenarios.verdict import Counterexample

GAP = 2
LEAST_COLUMN = 40
"""narrower columns cut off too much of the source"""

FOR_EVER = "loop, for ever:"

PACKAGE = "shootdown/"
HARDWARE = "shootdown/devices/"


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a column before it is painted: its text, and what stands at its right edge."""

    text: str
    place: str = ""
    faint: bool = False


def draw(
    name: str, counterexample: Counterexample, paint: Paint, every_step: bool = False
) -> Iterator[str]:
    """The lines of a timeline. `name` is that of the scenario: `munmap + fork`."""
    names = Names(counterexample)
    rows = make_rows(counterexample.steps, every_step, counterexample.loop)
    actors = list(dict.fromkeys(filter(None, map(_actor, rows))))
    actors.sort(key=lambda actor: not actor.startswith("task"))
    titles = {actor: _title(actor, name) for actor in actors}
    start = "; ".join(say_start(names, counterexample.start))
    yield f"At the start {start or 'all state is 0, false or free'}."
    yield ""
    column = (paint.width - GAP) // 2
    if len(actors) == 2 and column >= LEAST_COLUMN:
        yield from _columns(rows, titles, names, paint, column)
    else:
        yield from _turns(rows, titles, names, paint)
    yield ""
    yield from _ending(counterexample, paint)


def _title(actor: str, scenario: str) -> str:
    """`task0: munmap`: a task performs the operation of its number. A model may have threads that
    are called `task0` too, but no operations."""
    number = actor.removeprefix("task")
    operations = scenario.split(" + ")
    if not (actor.startswith("task") and number.isdigit() and int(number) < len(operations)):
        return actor
    operation = operations[int(number)]
    return f"{actor}: {operation}" if operation in OPERATIONS else actor


def _ending(counterexample: Counterexample, paint: Paint) -> Iterator[str]:
    rule = f"This breaks {counterexample.rule}: {counterexample.sentence}."
    yield paint.verdict("violated", rule)
    if counterexample.broken_at is not None:
        place = counterexample.broken_at
        yield f"    {place.text}  {paint.faint(f'{place.file}:{place.line}')}"
    if not counterexample.held:
        return
    if counterexample.rule in ("deadlock", "data-race") or counterexample.loop is not None:
        yield from (f"    {who}" for who in counterexample.held)
    else:
        yield f"    {counterexample.steps[-1].actor} held {', '.join(counterexample.held)}"


# --- two columns --------------------------------------------------------------------------------


def _columns(
    rows: Sequence[AnyRow],
    titles: dict[str, str],
    names: Names,
    paint: Paint,
    column: int,
) -> Iterator[str]:
    printer = _Printer(_Within(titles), names, _short_places(rows), paint)
    left, right = titles
    yield f"{titles[left]:<{column}}{' ' * GAP}{titles[right]}"
    yield paint.faint(f"{'-' * column}{' ' * GAP}{'-' * column}")
    for row in rows:
        indent = 0 if _actor(row) == left else column + GAP
        yield from printer.lines(row, indent, column)


def _short_places(rows: Sequence[AnyRow]) -> dict[str, str]:
    """What stands before the number of a line: the shortest end of its file's path that tells it
    from the others. Where there are no others the file need not be said: all is in the target."""
    files = {row.step.file for row in rows if isinstance(row, Row)}
    if len(files) == 1:
        return dict.fromkeys(files, "line ")
    found = {}
    for file in files:
        parts = PurePath(file).parts
        ends = ("/".join(parts[-n:]) for n in range(1, len(parts) + 1))
        end = next(
            (e for e in ends if sum(f == e or f.endswith(f"/{e}") for f in files) == 1), file
        )
        found[file] = f"{end}:"
    return found


# --- turns --------------------------------------------------------------------------------------


def _turns(
    rows: Sequence[AnyRow], titles: dict[str, str], names: Names, paint: Paint
) -> Iterator[str]:
    files = {row.step.file for row in rows if isinstance(row, Row)}
    places = {file: f"{file.removeprefix(PACKAGE)}:" for file in files}
    printer = _Printer(_Within(titles), names, places, paint)
    turns = groupby(rows, _actor)
    time = 0
    for actor, group in turns:
        if actor:
            time += 1
            yield paint.faint(f"[Time {time}]") + f" {paint.strong(titles[actor])}"
        for row in group:
            yield from printer.lines(row, 4, paint.width - 4)


# --- both ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Printer:
    """Says rows, wherever they stand."""

    within: _Within
    names: Names
    places: dict[str, str]
    paint: Paint

    def lines(self, row: AnyRow, indent: int, width: int) -> Iterator[str]:
        """What stands for a row, so far from the left and at most so wide."""
        room = " " * indent
        if isinstance(row, Again):
            yield self.paint.faint(_say_again(row))
        elif isinstance(row, ForEver):
            yield self.paint.strong(FOR_EVER)
        elif isinstance(row, Aside):
            yield room + self.paint.faint(_say_aside(row))
        else:
            for line in (*self.within.enter(row), *_lines(row, self.names, self.places)):
                yield room + _fit(line, width, self.paint)


class _Within:
    """Tells when an actor goes to another function.

    Hardware has no functions worth naming, helpers belong to who calls them, and the title of a
    task, or of a thread of a model, names its first one.
    """

    def __init__(self, titles: dict[str, str]) -> None:
        self._last = {
            actor: title.partition(": ")[2] or actor.rstrip("0123456789")
            for actor, title in titles.items()
        }

    def enter(self, row: Row) -> list[_Line]:
        """The heading of a row: `zap_page_range()`, or nothing if the last row was in it too."""
        step = row.step
        name = step.function.rpartition(".")[2]
        if step.file.startswith(HARDWARE) or name.startswith("_") or not name:
            return []
        if self._last[step.actor] == name:
            return []
        self._last[step.actor] = name
        return [_Line(f"{'  ' * row.depth}{name}()", faint=True)]


def _actor(row: AnyRow) -> str:
    """Whose row it is; a repetition may be of several."""
    if isinstance(row, Again | ForEver):
        return ""
    return row.actor if isinstance(row, Aside) else row.step.actor


def _say_aside(aside: Aside) -> str:
    return f"... {aside.steps} steps of {aside.actor} that do not matter"


def _say_again(again: Again) -> str:
    which = "this line" if again.rows == 1 else f"the last {again.rows} lines of source"
    times = "once more" if again.times == 1 else f"{again.times} more times"
    return f"    ... and {which} {times}"


def _lines(row: Row, names: Names, places: dict[str, str]) -> Iterator[_Line]:
    """The source line, then what it chose, changed or saw."""
    step, indent = row.step, "  " * row.depth
    yield _Line(indent + step.text, f"{places[step.file]}{step.line}")
    below = f"{indent}    "
    if step.choices:
        yield _Line(below + ", ".join(step.choices))
    changes = list(say_changes(names, step.actor, step.changes))
    seen = list(say_reads(names, step.actor, step.reads))
    silent = all(change.startswith("unlocks ") for change in changes)
    if silent:
        for text in (*seen, *say_unchanged(names, step.actor, step.unchanged)):
            yield _Line(below + text, faint=True)
    for text in changes:
        yield _Line(below + text, faint=text.startswith("unlocks "))


def _fit(line: _Line, width: int, paint: Paint) -> str:
    """One line of a column: text cut to its room, the place at the right edge."""
    if not line.place:
        text = line.text if len(line.text) <= width else line.text[: width - 1] + "…"
        return paint.faint(text) if line.faint else paint.change(text)
    room = width - len(line.place) - 1
    text = line.text if len(line.text) <= room else line.text[: room - 1] + "…"
    return f"{text:<{room}} {paint.faint(line.place)}"
