"""States in memory, in two forms.

While a state is worked on it is whole words: that is what the steps of a model read and write.
Where it is kept for good it takes as many bytes as it has use for: the last word is cut after the
last byte that any field reaches into (`Shape.size`). Reading a stored state may read up to seven
bytes behind it; writing one writes exactly its own, so neighbours may be written at the same time.
"""

from __future__ import annotations

from shootdown.machine.native.compiled import Shape, Word, inlined
from shootdown.machine.native.primitives import get_word, put8, put16, put32, put_word, unsigned


@inlined
def copy_state(target: int, source: int, shape: Shape) -> None:
    """Copy a state in words."""
    for word in range(shape.words):
        put_word(target, word, get_word(source, word))


@inlined
def are_equal(a: int, b: int, shape: Shape) -> bool:
    """Whether two states in words are equal."""
    for word in range(shape.words):  # noqa: SIM110 (the language has no `all`)
        if get_word(a, word) != get_word(b, word):
            return False
    return True


@inlined
def _last_of(stored: int, shape: Shape) -> Word:
    """The last word of a stored state."""
    last = shape.words - 1
    unused = 8 * (shape.words * 8 - shape.size)
    return get_word(stored, last) & (unsigned(-1) >> unused)


@inlined
def is_stored(stored: int, state: int, shape: Shape) -> bool:
    """Whether a stored state equals one in words."""
    last = shape.words - 1
    for word in range(last):
        if get_word(stored, word) != get_word(state, word):
            return False
    return _last_of(stored, shape) == get_word(state, last)


@inlined
def take_state(target: int, stored: int, shape: Shape) -> None:
    """The words of a stored state."""
    last = shape.words - 1
    for word in range(last):
        put_word(target, word, get_word(stored, word))
    put_word(target, last, _last_of(stored, shape))


@inlined
def store_state(target: int, state: int, shape: Shape) -> None:
    """Store a state given in words."""
    last = shape.words - 1
    for word in range(last):
        put_word(target, word, get_word(state, word))
    rest, at, bytes_left = get_word(state, last), target + last * 8, shape.size - last * 8
    if bytes_left == 8:
        put_word(at, 0, rest)
        return
    if bytes_left & 4:
        put32(at, 0, rest)
        at += 4
        rest >>= 32
    if bytes_left & 2:
        put16(at, 0, rest)
        at += 2
        rest >>= 16
    if bytes_left & 1:
        put8(at, 0, rest)
