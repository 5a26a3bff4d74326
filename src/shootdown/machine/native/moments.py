"""A running search as its checkpoint keeps it, and back."""

from __future__ import annotations

from shootdown.machine.checkpoint import CheckpointError, CheckpointReader, Moment
from shootdown.machine.native import bfs
from shootdown.machine.native.loops import Numbers, zeros
from shootdown.machine.native.packed import Marks
from shootdown.machine.native.store import Store

_SAVED = (bfs.HEAD, bfs.COUNT, bfs.TRANSITIONS, bfs.LEVEL, bfs.LEVEL_END)
"""places of the board that are kept; everything else follows"""


def moment_of(board: Numbers, store: Store, marks: Marks, seconds: float, *, cut: bool) -> Moment:
    """The search as it stands; where it was cut, before the state at which that happened, and
    `marks` are those of then."""
    numbers = zeros(0)
    numbers.extend(board[place] for place in _SAVED)
    if cut:
        numbers[_SAVED.index(bfs.TRANSITIONS)] -= board[bfs.PART]
        numbers[_SAVED.index(bfs.COUNT)] = board[bfs.WAS]
    count, head = numbers[_SAVED.index(bfs.COUNT)], board[bfs.HEAD]
    return Moment(
        store.states.array[: count * store.shape.size],
        store.firsts.array[: -(-head // bfs.GROUP)],
        numbers,
        marks,
        seconds,
    )


def read_moment(reader: CheckpointReader, board: Numbers, store: Store, marks: Marks) -> None:
    """Put what a checkpoint holds where it was.

    Raises:
        CheckpointError: if it is damaged, or holds more states than the board allows.
    """
    room = board[bfs.LIMIT] * store.shape.size
    reader.read_into(store.states.array[:room], store.firsts.array)
    sizes = (len(reader.numbers), len(reader.marks))
    if sizes != (len(_SAVED), len(marks)) or reader.numbers[1] != reader.states:
        raise CheckpointError(
            f"the checkpoint {reader.path} was written by another version",
            "start the search anew",
        )
    for place, value in zip(_SAVED, reader.numbers, strict=True):
        board[place] = value
    marks[:] = reader.marks
