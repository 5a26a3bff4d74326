"""Where everything lies in a packed state.

A state is a few 64-bit words. An array that fits into a word never crosses one, so that an element
at a computed index costs a shift and no branch; a longer array starts at a word of its own and puts
as many whole elements into each word as fit. An actor owns a field for its pc and an area for its
registers; what the area holds depends on the pc, because at each point only the live registers are
kept (see `liveness`). Unused bits are zero, so equal states are equal words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from shootdown.program.kind import Kind
from shootdown.program.liveness import live_registers
from shootdown.program.program import Actor, Program

WORD = 64


@dataclass(frozen=True, slots=True)
class Field:
    """`bits` bits of word `word` from bit `shift` on; the value stored is `value - low`."""

    word: int
    shift: int
    bits: int
    low: int


@dataclass(frozen=True, slots=True)
class Slots:
    """The elements of one variable, all of the same width.

    With `per_word` 0 they all lie in word `word`, element i at bit `shift + i * bits`; otherwise
    element i is in word `word + i // per_word`, at bit `i % per_word * bits`.
    """

    word: int
    shift: int
    bits: int
    low: int
    length: int
    per_word: int
    fields: tuple[Field, ...] = field(init=False, repr=False, compare=False)
    """of the elements in order; it follows from the rest, and is asked for at every access"""

    def __post_init__(self) -> None:
        fields = tuple(self._field(index) for index in range(self.length))
        object.__setattr__(self, "fields", fields)

    def at(self, index: int) -> Field:
        """The field of one element."""
        return self.fields[index]

    def _field(self, index: int) -> Field:
        if self.per_word:
            word, position = divmod(index, self.per_word)
            return Field(self.word + word, position * self.bits, self.bits, self.low)
        return Field(self.word, self.shift + index * self.bits, self.bits, self.low)


@dataclass(frozen=True, slots=True)
class Frame:
    """Where an actor lies: its pc, and for each point the fields of the registers alive there."""

    pc: Field
    registers: tuple[tuple[tuple[int, Field], ...], ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """The packed state of a program: `words` 64-bit words."""

    words: int
    bits: int
    variables: tuple[Slots, ...]
    actors: tuple[Frame, ...]


class _Words:
    """Hands out room: first fit, so the order of requests decides, and it is always the same."""

    def __init__(self) -> None:
        self.used: list[int] = []

    def within(self, bits: int) -> tuple[int, int]:
        """A word and a shift with `bits` free bits."""
        for word, used in enumerate(self.used):
            if used + bits <= WORD:
                self.used[word] += bits
                return word, used
        self.used.append(bits)
        return len(self.used) - 1, 0

    def whole(self, words: int) -> int:
        """The first of `words` new words in a row."""
        self.used += [WORD] * words
        return len(self.used) - words


@dataclass(frozen=True, slots=True)
class _Area:
    """Room an actor needs for its registers: per point, (register, kind) in order."""

    points: tuple[tuple[tuple[int, Kind], ...], ...]

    def offsets(self, point: int) -> Iterator[tuple[int, int, Kind]]:
        """(register, bit offset in the area, kind); no register crosses a word."""
        offset = 0
        for register, kind in self.points[point]:
            if offset % WORD + kind.bits > WORD:
                offset += WORD - offset % WORD
            yield register, offset, kind
            offset += kind.bits

    @property
    def bits(self) -> int:
        ends = [
            offset + kind.bits
            for point in range(len(self.points))
            for _, offset, kind in self.offsets(point)
        ]
        return max(ends, default=0)


def make_layout(program: Program, keep_dead: bool = False) -> Layout:
    """Lay out a program; big pieces first, ties in the order of declaration."""
    words = _Words()
    areas = [_area(actor, keep_dead) for actor in program.actors]
    slots = _place_variables(program, words)
    frames = tuple(
        _place_actor(actor, area, words) for actor, area in zip(program.actors, areas, strict=True)
    )
    bits = sum(v.kind.bits * v.length for v in program.variables)
    bits += sum(f.pc.bits + a.bits for f, a in zip(frames, areas, strict=True))
    return Layout(max(len(words.used), 1), bits, slots, frames)


def _area(actor: Actor, keep_dead: bool) -> _Area:
    live = live_registers(actor, keep_dead)
    return _Area(tuple(tuple((r, actor.registers[r].kind) for r in row) for row in live))


def _place_variables(program: Program, words: _Words) -> tuple[Slots, ...]:
    sizes = [v.kind.bits * v.length for v in program.variables]
    placed: dict[int, Slots] = {}
    for number in sorted(range(len(sizes)), key=lambda n: (-sizes[n], n)):
        variable = program.variables[number]
        bits, low = variable.kind.bits, variable.kind.low
        if sizes[number] <= WORD:
            word, shift = words.within(sizes[number])
            placed[number] = Slots(word, shift, bits, low, variable.length, 0)
        else:
            per_word = WORD // bits
            word = words.whole(-(-variable.length // per_word))
            placed[number] = Slots(word, 0, bits, low, variable.length, per_word)
    return tuple(placed[number] for number in range(len(sizes)))


def _place_actor(actor: Actor, area: _Area, words: _Words) -> Frame:
    pc_bits = actor.halted.bit_length()
    word, shift = words.within(pc_bits)
    pc = Field(word, shift, pc_bits, 0)
    size = area.bits
    if size <= WORD:
        base_word, base_shift = words.within(size)
    else:
        base_word, base_shift = words.whole(-(-size // WORD)), 0
    rows = []
    for point in range(len(area.points)):
        row = []
        for register, offset, kind in area.offsets(point):
            bit = base_shift + offset
            row.append((register, Field(base_word + bit // WORD, bit % WORD, kind.bits, kind.low)))
        rows.append(tuple(row))
    return Frame(pc, tuple(rows))


def read_field(words: Sequence[int], field: Field) -> int:
    """The value a field holds."""
    return (words[field.word] >> field.shift & (1 << field.bits) - 1) + field.low


def write_field(words: list[int], field: Field, value: int) -> None:
    """Put a value into a field that is still zero or holds an older value."""
    mask = (1 << field.bits) - 1 << field.shift
    words[field.word] = words[field.word] & ~mask | (value - field.low << field.shift) & mask
