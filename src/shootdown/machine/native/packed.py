"""The successors of a packed state, as one LLVM function per program.

    i64 expand(ptr state, ptr out, ptr marks)

writes the successors of `state` behind one another to `out`, in the order the search promises, and
returns their number with the flags below. Each actor is one internal function

    i64 actor(ptr state, ptr out, i64 found, ptr marks)

that switches on the pc, loads the registers alive there, runs the code of the step, and at the
next point puts everything back into words. The words of a state are stack slots that SROA turns
into values, so a field at a known place costs a shift and a mask; only variables longer than a
word stay in memory. An actor that chooses repeats its step once per setting of an odometer.

The caller's `marks` take how often each rule was checked (64 bits each), and behind that one byte
for every basic block, set when it was executed. The code itself keeps nothing, so that any number
of threads may run it, each with marks of its own.

A step that goes round and round without a point would never come back. Where code can turn back
inside a step it therefore burns fuel, and a step that burnt all of it is ENDLESS. The loops of
drivers are unrolled or short, so most programs contain nothing of this.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from shootdown.machine.canonical import Plan
from shootdown.machine.execution import FUEL
from shootdown.machine.native.blocks import find_blocks, most_successors
from shootdown.machine.native.canon import emit_canonical
from shootdown.machine.native.eager import emit_settle
from shootdown.machine.native.emit import ActorWriter, power
from shootdown.machine.native.text import signed
from shootdown.program.independence import Independence
from shootdown.program.known import KNOWN
from shootdown.program.layout import Field, Layout, Slots
from shootdown.program.operation import Choose, Const, Operand, Patience, Point
from shootdown.program.program import Program

ALIVE = 1 << 32
"""an actor that goes on has a step"""
STUCK = 1 << 33
"""an actor that must go on has none"""
BROKEN = 1 << 34
"""the last successor broke a rule; nothing after it was generated"""
ENDLESS = 1 << 35
"""the step to the last successor never ends; nothing after it was generated"""

Marks: TypeAlias = "array[int]"
"""64-bit numbers with sign"""

_RESTS = {Patience.MUST: 0, Patience.IDLE: 1, Patience.REST: 2}


@dataclass(frozen=True, slots=True)
class PackedCode:
    """The IR of a program's steps, and what is needed to call it and read its marks."""

    ir: str
    room: int
    """most successors of any state"""
    rules: int
    blocks: tuple[tuple[int, range], ...]
    """(actor, operations) of each block"""

    def new_marks(self) -> Marks:
        """Marks on which nothing is marked."""
        return array("q", bytes(8 * (self.rules + -(-len(self.blocks) // 8) + 1)))

    def exercised(self, marks: Marks) -> tuple[int, ...]:
        """How often each rule was checked."""
        return tuple(marks[: self.rules].tolist())

    def reached(self, marks: Marks) -> frozenset[tuple[int, int]]:
        """(actor, operation) of everything executed."""
        entered = memoryview(marks).cast("B")[self.rules * 8 :]
        rows = [self.blocks[number] for number, mark in enumerate(entered) if mark]
        return frozenset((actor, index) for actor, block in rows for index in block)


def emit_packed(
    program: Program,
    layout: Layout,
    writer_class: type[PackedWriter] | None = None,
    plan: Plan | None = None,
    independence: Independence | None = None,
) -> PackedCode:
    """The module of a program, each actor written by such a writer. With a plan, successors are
    canonical forms; with `independence`, steps that may be taken at once are."""
    blocks = tuple((n, b) for n, actor in enumerate(program.actors) for b in find_blocks(actor))
    lines: list[str] = []
    first = 0
    for number in range(len(program.actors)):
        writer = (writer_class or PackedWriter)(program, layout, number, first)
        writer.keeps_forms = plan is not None
        lines += writer.write()
        first += len(writer.blocks)
    if plan:
        lines += emit_canonical(plan, layout.words)
    room = sum(most_successors(actor) for actor in program.actors)
    code = PackedCode("", room, len(program.rules), blocks)
    if independence:
        marks = len(code.new_marks())
        lines += emit_settle(independence, layout, marks, alive=ALIVE, broken=BROKEN)
    lines += _expand(len(program.actors), layout.words if independence else 0)
    return replace(code, ir="\n".join(lines))


def _expand(actors: int, settled_words: int) -> Iterator[str]:
    """Call the actors in order; stop at the first broken rule. Where steps are taken at once, each
    successor, of so many words, is settled in its place."""
    yield "define i64 @expand(ptr %state, ptr %out, ptr %marks) {"
    yield "entry:"
    yield "  br label %actor0"
    for number in range(actors):
        before = f"%sum{number - 1}" if number else "0"
        yield f"actor{number}:"
        yield f"  %found{number} = and i64 {before}, {ALIVE - 1}"
        arguments = f"ptr %state, ptr %out, i64 %found{number}, ptr %marks"
        yield f"  %got{number} = call fastcc i64 @step{number}({arguments})"
        yield f"  %flags{number} = and i64 {before}, {ALIVE | STUCK}"
        yield f"  %sum{number} = or i64 %got{number}, %flags{number}"
        if settled_words:
            yield from _SETTLE.format(
                n=number, words=settled_words, mask=ALIVE - 1, broken=BROKEN
            ).splitlines()
        yield f"  %over{number} = icmp uge i64 %got{number}, {BROKEN}"
        yield f"  br i1 %over{number}, label %broken{number}, label %actor{number + 1}"
        yield f"broken{number}:"
        yield f"  ret i64 %got{number}"
    yield f"actor{actors}:"
    yield f"  ret i64 {f'%sum{actors - 1}' if actors else '0'}"
    yield "}"


_SETTLE = """\
  %count{n} = and i64 %got{n}, {mask}
  %fails{n} = icmp uge i64 %got{n}, {broken}
  %bad{n} = zext i1 %fails{n} to i64
  %stop{n} = sub i64 %count{n}, %bad{n}
  br label %more{n}
more{n}:
  %at{n} = phi i64 [ %found{n}, %actor{n} ], [ %after{n}, %settled{n} ]
  %all{n} = icmp uge i64 %at{n}, %stop{n}
  br i1 %all{n}, label %through{n}, label %settle{n}
settle{n}:
  %first{n} = mul i64 %at{n}, {words}
  %place{n} = getelementptr i64, ptr %out, i64 %first{n}
  %failure{n} = call fastcc i64 @settle(ptr %place{n}, ptr %marks)
  %after{n} = add i64 %at{n}, 1
  %fine{n} = icmp eq i64 %failure{n}, 0
  br i1 %fine{n}, label %settled{n}, label %failed{n}
settled{n}:
  br label %more{n}
failed{n}:
  %ended{n} = or i64 %after{n}, %failure{n}
  ret i64 %ended{n}
through{n}:"""
"""settle the successors of actor n, from `found` on; one that broke a rule is the last, and none"""


class PackedWriter(ActorWriter):
    """Writes the function of one actor."""

    def __init__(self, program: Program, layout: Layout, number: int, first_block: int) -> None:
        super().__init__(program, number)
        self.layout = layout
        self.frame = layout.actors[number]
        self.first_block = first_block
        self.keeps_forms = False
        """successors are replaced by their canonical forms (`canon`)"""
        self.ways_back: dict[str, str] = {}
        """label to destination of the jumps to an earlier operation of the same step"""
        self.knows = any(rule.verdict == KNOWN for rule in program.rules)
        """some steps can be taken and lead nowhere (`program.known`)"""
        self.chooses = sum(isinstance(operation, Choose) for operation in self.actor.code)

    def write(self) -> list[str]:
        """The whole function."""
        head = f"define internal fastcc i64 @step{self.number}"
        state, out = "ptr noalias readonly %state", "ptr noalias %out"
        self.text.lines.append(f"{head}({state}, {out}, i64 %found, ptr noalias %marks) {{")
        self._write_entry()
        for point in range(self.actor.halted):
            self._write_departure(point)
        self.write_code()
        self._write_ways_back()
        for point in range(self.actor.halted + 1):
            self._write_arrival(point)
        self.write_keep()
        self._write_odometer()
        self._write_ends()
        self.text.lines.append("}")
        return self.text.lines

    def _write_entry(self) -> None:
        """Slots for registers and words; then, for every setting of the odometer, the step."""
        text = self.text
        text.label("entry")
        for register in range(len(self.actor.registers)):
            text.line(f"%r{register} = alloca i64")
        text.line("%count = alloca i64")
        text.line("store i64 %found, ptr %count")
        text.line("%rests = alloca i64")
        if self.knows:
            text.line("%nowhere = alloca i1")
            text.line("store i1 false, ptr %nowhere")
        text.line("%fuel = alloca i64")
        if self.chooses:
            for name in ("taken", "radix"):
                text.line(f"%{name} = alloca [{self.chooses} x i64]")
            for name in ("position", "known"):
                text.line(f"%{name} = alloca i64")
            text.line("store i64 0, ptr %known")
        self.write_word_slots()
        for word in range(self.layout.words):
            pointer = text.set(f"getelementptr i64, ptr %state, i64 {word}")
            text.line(f"%s{word} = load i64, ptr {pointer}")
        pc = self._extract(f"%s{self.frame.pc.word}", self.frame.pc)
        text.jump("again")
        text.label("again")
        for word, mask in enumerate(self._own_bits()):
            kept = signed(~mask)
            rest = text.set(f"and i64 %s{word}, {kept}") if mask else f"%s{word}"
            text.line(f"store i64 {rest}, ptr %w{word}")
        text.line(f"store i64 {FUEL}, ptr %fuel")
        if self.chooses:
            text.line("store i64 0, ptr %position")
        cases = " ".join(f"i64 {p}, label %leave{p}" for p in range(self.actor.halted))
        text.line(f"switch i64 {pc}, label %idle [ {cases} ]")

    def write_word_slots(self) -> None:
        """A slot per word; the words of a long variable lie together so that an index can reach."""
        long: dict[int, str] = {}
        for number, slots in enumerate(self.layout.variables):
            if slots.per_word:
                size = -(-slots.length // slots.per_word)
                self.text.line(f"%v{number} = alloca [{size} x i64]")
                for word in range(size):
                    source = f"getelementptr i64, ptr %v{number}, i64 {word}"
                    long[slots.word + word] = source
        for word in range(self.layout.words):
            self.text.line(f"%w{word} = {long.get(word, 'alloca i64')}")

    def _own_bits(self) -> list[int]:
        """Per word the bits of this actor's pc and registers, which every step writes anew."""
        masks = [0] * self.layout.words
        fields = [field for row in self.frame.registers for _, field in row]
        for field in (self.frame.pc, *fields):
            masks[field.word] |= (1 << field.bits) - 1 << field.shift
        return masks

    def _write_departure(self, point: int) -> None:
        """A step begins at a point: its registers come out of the state."""
        index = self.actor.points[point]
        operation = self.actor.code[index]
        assert isinstance(operation, Point)
        self.text.label(f"leave{point}")
        self.begin_block()
        self.text.line(f"store i64 {_RESTS[operation.patience]}, ptr %rests")
        self.enter(next(n for n, block in enumerate(self.blocks) if block.start == index))
        for register, field in self.frame.registers[point]:
            value = self._extract(f"%s{field.word}", field)
            self.text.line(f"store i64 {value}, ptr %r{register}")
        self.text.jump(self.destination(index + 1))

    def _write_arrival(self, point: int) -> None:
        """A step ends at a point, or halted: pc and registers go into the words."""
        self.text.label(f"arrive{point}")
        self.begin_block()
        pieces: dict[int, list[str]] = {}
        pc = point << self.frame.pc.shift
        if pc:
            pieces[self.frame.pc.word] = [str(signed(pc))]
        rows = self.frame.registers[point] if point < self.actor.halted else ()
        for register, field in rows:
            if field.bits:
                value = self.text.set(f"load i64, ptr %r{register}")
                pieces.setdefault(field.word, []).append(self._insertable(value, field))
        for word, values in pieces.items():
            whole = self.text.set(f"load i64, ptr %w{word}")
            for value in values:
                whole = self.text.set(f"or i64 {whole}, {value}")
            self.text.line(f"store i64 {whole}, ptr %w{word}")
        self.text.jump("keep")

    def write_keep(self) -> None:
        """A successor is complete: append it to the output."""
        text = self.text
        text.label("keep")
        count = text.set("load i64, ptr %count")
        first = text.set(f"mul i64 {count}, {self.layout.words}")
        base = text.set(f"getelementptr i64, ptr %out, i64 {first}")
        for word in range(self.layout.words):
            value = text.set(f"load i64, ptr %w{word}")
            pointer = text.set(f"getelementptr i64, ptr {base}, i64 {word}")
            text.line(f"store i64 {value}, ptr {pointer}")
        if self.keeps_forms:
            text.line(f"call fastcc void @canonical(ptr {base})")
        text.bump("%count")
        text.jump("blocked")

    def _write_odometer(self) -> None:
        """The step is over, done or not: turn the last digit that can turn, and do it again."""
        text = self.text
        text.label("blocked")
        if not self.chooses:
            text.jump("done")
            return
        text.jump("turn")
        text.label("turn")
        position = text.set("load i64, ptr %position")
        text.fork(text.set(f"icmp eq i64 {position}, 0"), "done", "digit")
        text.label("digit")
        last = text.add(position, -1)
        text.line(f"store i64 {last}, ptr %position")
        digit_at = text.set(f"getelementptr i64, ptr %taken, i64 {last}")
        radix_at = text.set(f"getelementptr i64, ptr %radix, i64 {last}")
        digit = text.add(text.set(f"load i64, ptr {digit_at}"), 1)
        radix = text.set(f"load i64, ptr {radix_at}")
        text.fork(text.set(f"icmp ult i64 {digit}, {radix}"), "turned", "turn")
        text.label("turned")
        text.line(f"store i64 {digit}, ptr {digit_at}")
        text.line(f"store i64 {position}, ptr %known")
        text.jump("again")

    def _write_ends(self) -> None:
        """The flags that decide a deadlock; and the two other ways out."""
        text = self.text
        text.label("done")
        count = text.set("load i64, ptr %count")
        moved = text.set(f"icmp ugt i64 {count}, %found")
        if self.knows:
            moved = text.set(f"or i1 {moved}, {text.set('load i1, ptr %nowhere')}")
        rests = text.set("load i64, ptr %rests")
        goes_on = text.set(f"icmp ne i64 {rests}, {_RESTS[Patience.REST]}")
        alive = text.set(f"select i1 {goes_on}, i64 {ALIVE}, i64 0")
        must = text.set(f"icmp eq i64 {rests}, {_RESTS[Patience.MUST]}")
        stuck = text.set(f"select i1 {must}, i64 {STUCK}, i64 0")
        flags = text.set(f"select i1 {moved}, i64 {alive}, i64 {stuck}")
        text.line(f"ret i64 {text.set(f'or i64 {count}, {flags}')}")
        text.label("idle")
        text.line("ret i64 %found")
        if self.knows:
            text.label("leads_nowhere")
            text.line("store i1 true, ptr %nowhere")
            text.jump("blocked")
        for label, flag in (("broken", BROKEN), ("endless", ENDLESS)):
            text.label(label)
            count = text.set("load i64, ptr %count")
            text.line(f"ret i64 {text.set(f'or i64 {text.add(count, 1)}, {flag}')}")

    def way(self, target: int) -> str:
        """The label to jump to; ways back inside a step lead past the fuel."""
        if target > self.current or target in self.point_numbers:
            return self.destination(target)
        label = f"back{self.current}to{target}"
        self.ways_back[label] = self.destination(target)
        return label

    def _write_ways_back(self) -> None:
        text = self.text
        for label, destination in self.ways_back.items():
            text.label(label)
            left = text.add(text.set("load i64, ptr %fuel"), -1)
            text.line(f"store i64 {left}, ptr %fuel")
            text.fork(text.set(f"icmp eq i64 {left}, 0"), "endless", destination)

    def _extract(self, word: str, field: Field) -> str:
        """The value of a field of a word."""
        if not field.bits:
            return str(field.low)
        shifted = self.text.set(f"lshr i64 {word}, {field.shift}") if field.shift else word
        masked = self.text.set(f"and i64 {shifted}, {signed((1 << field.bits) - 1)}")
        return self.text.add(masked, field.low)

    def _insertable(self, value: str, field: Field) -> str:
        """A value moved to where its field lies, everything else 0."""
        plain = self.text.add(value, -field.low)
        masked = self.text.set(f"and i64 {plain}, {(1 << field.bits) - 1}")
        return self.text.set(f"shl i64 {masked}, {field.shift}") if field.shift else masked

    def load(self, variable: int, index: Operand) -> str:
        slots = self.layout.variables[variable]
        if isinstance(index, Const) or slots.length == 1:
            field = slots.at(index.value if isinstance(index, Const) else 0)
            return self._extract(self.text.set(f"load i64, ptr %w{field.word}"), field)
        if not slots.bits:
            return str(slots.low)
        pointer, shift = self._locate(variable, slots, self.value(index))
        word = self.text.set(f"load i64, ptr {pointer}")
        shifted = self.text.set(f"lshr i64 {word}, {shift}")
        masked = self.text.set(f"and i64 {shifted}, {(1 << slots.bits) - 1}")
        return self.text.add(masked, slots.low)

    def store(self, variable: int, index: Operand, value: str) -> None:
        slots = self.layout.variables[variable]
        if not slots.bits:
            return
        mask = (1 << slots.bits) - 1
        text = self.text
        if isinstance(index, Const) or slots.length == 1:
            field = slots.at(index.value if isinstance(index, Const) else 0)
            pointer, hole = f"%w{field.word}", str(signed(~(mask << field.shift)))
            placed = self._insertable(value, field)
        else:
            pointer, shift = self._locate(variable, slots, self.value(index))
            hole = text.set(f"xor i64 {text.set(f'shl i64 {mask}, {shift}')}, -1")
            masked = text.set(f"and i64 {text.add(value, -slots.low)}, {mask}")
            placed = text.set(f"shl i64 {masked}, {shift}")
        word = text.set(f"load i64, ptr {pointer}")
        kept = text.set(f"and i64 {word}, {hole}")
        text.line(f"store i64 {text.set(f'or i64 {kept}, {placed}')}, ptr {pointer}")

    def _locate(self, variable: int, slots: Slots, index: str) -> tuple[str, str]:
        """Pointer to the word and the shift of an element at a computed index."""
        text = self.text
        if not slots.per_word:
            offset = text.set(f"mul i64 {index}, {slots.bits}")
            return f"%w{slots.word}", text.add(offset, slots.shift)
        exponent = power(slots.per_word)
        if exponent is None:
            word = text.set(f"udiv i64 {index}, {slots.per_word}")
            position = text.set(f"urem i64 {index}, {slots.per_word}")
        else:
            word = text.set(f"lshr i64 {index}, {exponent}")
            position = text.set(f"and i64 {index}, {slots.per_word - 1}")
        pointer = text.set(f"getelementptr i64, ptr %v{variable}, i64 {word}")
        return pointer, text.set(f"mul i64 {position}, {slots.bits}")

    def choose(self, bound: int, index: int) -> str:
        text = self.text
        position = text.set("load i64, ptr %position")
        known = text.set("load i64, ptr %known")
        taken_at = text.set(f"getelementptr i64, ptr %taken, i64 {position}")
        radix_at = text.set(f"getelementptr i64, ptr %radix, i64 {position}")
        is_known = text.set(f"icmp ult i64 {position}, {known}")
        old = text.set(f"load i64, ptr {taken_at}")
        digit = text.set(f"select i1 {is_known}, i64 {old}, i64 0")
        text.line(f"store i64 {digit}, ptr {taken_at}")
        text.line(f"store i64 {bound}, ptr {radix_at}")
        text.line(f"store i64 {text.add(position, 1)}, ptr %position")
        return digit

    def count(self, counter: int, amount: str) -> None:
        """Counters are not part of a search."""

    def progress(self) -> None:
        """Of no concern to a search for broken rules."""

    def check(self, rule: int, passed: str, index: int) -> None:
        self.text.bump(self.text.set(f"getelementptr i64, ptr %marks, i64 {rule}"))
        known = self.program.rules[rule].verdict == KNOWN
        self.text.fork(passed, self.destination(index + 1), "leads_nowhere" if known else "broken")

    def enter(self, block: int) -> None:
        place = 8 * len(self.program.rules) + self.first_block + block
        mark = self.text.set(f"getelementptr i8, ptr %marks, i64 {place}")
        self.text.line(f"store i8 1, ptr {mark}")


__all__ = [
    "ALIVE",
    "BROKEN",
    "ENDLESS",
    "STUCK",
    "Marks",
    "PackedCode",
    "PackedWriter",
    "emit_packed",
]
