"""States with their page frames renumbered, so that those that differ only in numbers are equal.

Frames get new numbers in the order in which a walk over the state meets them: variables first, then
the registers alive at each actor's point. Those that are met nowhere but still differ from fresh
ones come next, in the order of what is kept about them; the rest are as good as fresh, and the
cursor goes back to the first of them. `program.frames` says why nobody can tell the difference.

The machine code of `native.renumber` does the same. It keeps the new numbers in one word, four bits
each, so more than MOST_FRAMES frames are left as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shootdown.program.frames import Frames
from shootdown.program.layout import Field, Layout, Slots, read_field, write_field

MOST_FRAMES = 15

Mention = tuple[Field, int]
"""a field that holds the number of a frame, above so many bits"""


@dataclass(frozen=True, slots=True)
class ActorMentions:
    """The registers of one actor that hold frames: for each pc those alive there."""

    pc: Field
    rows: tuple[tuple[Mention, ...], ...]


@dataclass(frozen=True, slots=True)
class FramePlan:
    """Where the frames of a packed state are."""

    count: int
    cursor: Field
    variables: tuple[Mention, ...]
    actors: tuple[ActorMentions, ...]
    arrays: tuple[tuple[Slots, int], ...]
    """what is kept about each frame, and what a fresh one has there"""


def make_frame_plan(
    frames: Frames | None, layout: Layout, fresh: dict[int, int]
) -> FramePlan | None:
    """The plan; None if there are no frames or too many. `fresh` is the value by array."""
    if frames is None or frames.count > MOST_FRAMES:
        return None
    arrays = tuple((layout.variables[number], fresh[number]) for number in frames.arrays)
    if any(slots.per_word for slots, _ in arrays):
        return None
    below = dict(frames.shifts)
    variables = [
        (slots.at(index), below[-1, number])
        for number, slots in enumerate(layout.variables)
        if (-1, number) in below
        for index in range(slots.length)
    ]
    actors = []
    for number, frame in enumerate(layout.actors):
        rows = tuple(
            tuple((field, below[number, r]) for r, field in row if (number, r) in below)
            for row in frame.registers
        )
        if any(rows):
            actors.append(ActorMentions(frame.pc, rows))
    cursor = layout.variables[frames.cursor].at(0)
    return FramePlan(frames.count, cursor, tuple(variables), tuple(actors), arrays)


def renumbered(plan: FramePlan, words: tuple[int, ...]) -> tuple[int, ...]:
    """The state with other numbers for the same frames."""
    numbers = [0] * plan.count
    following = 1
    mentions = list(_mentions(plan, words))
    for field, below in mentions:
        frame = read_field(words, field) >> below
        if frame and not numbers[frame]:
            numbers[frame] = following
            following += 1
    fresh = tuple(value for _, value in plan.arrays)
    rest = [
        (row, frame)
        for frame in range(1, plan.count)
        if not numbers[frame] and (row := _row(plan, words, frame)) != fresh
    ]
    for _, frame in sorted(rest):
        numbers[frame] = following
        following += 1
    out = list(words)
    for field, below in mentions:
        value = read_field(words, field)
        low = value & (1 << below) - 1
        write_field(out, field, numbers[value >> below] << below | low)
    for slots, value in plan.arrays:
        for frame in range(1, plan.count):
            write_field(out, slots.at(frame), value)
    for frame in range(1, plan.count):
        if numbers[frame]:
            for (slots, _), value in zip(plan.arrays, _row(plan, words, frame), strict=True):
                write_field(out, slots.at(numbers[frame]), value)
    write_field(out, plan.cursor, following % plan.count)
    return tuple(out)


def _mentions(plan: FramePlan, words: tuple[int, ...]) -> Iterator[Mention]:
    """The fields that hold frames now, in the order of the walk."""
    yield from plan.variables
    for actor in plan.actors:
        pc = read_field(words, actor.pc)
        if pc < len(actor.rows):
            yield from actor.rows[pc]


def _row(plan: FramePlan, words: tuple[int, ...], frame: int) -> tuple[int, ...]:
    return tuple(read_field(words, slots.at(frame)) for slots, _ in plan.arrays)
