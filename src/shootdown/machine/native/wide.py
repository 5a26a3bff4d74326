"""Whole runs on wide state, as LLVM functions: what `wide` says, at machine speed.

    i64 drive_N(ptr mm, ptr machine, ptr counters, ptr digits, i64 rows, i64 width, ptr board)

drives actor N row by row and lets the others take turns where it is blocked. Beneath it lies one
function per actor that advances it from its saved point to its next stop:

    i64 advance_N(ptr mm, ptr machine, ptr counters, ptr row, i64 width, ptr board)

The code of an actor runs straight through its points; a point costs a count and a comparison, and
the saving of registers only where the step after it may fail. A width below 0 means that there
are no digits: this is somebody's turn, every Choose yields 0, and a REST point is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from shootdown.machine.native.emit import ActorWriter
from shootdown.machine.wide import (
    Board,
    Pace,
    Status,
    WideLayout,
    may_block,
    saved_registers,
)
from shootdown.program.operation import Const, Operand, Patience, Point
from shootdown.program.program import Program

_BUFFERS = "ptr noalias %mm, ptr noalias %machine, ptr noalias %counters"


def emit_wide(program: Program, layout: WideLayout, pace: Pace, check_bounds: bool) -> str:
    """The module of a program."""
    lines: list[str] = []
    for number in range(len(program.actors)):
        lines += _WideWriter(program, layout, number, pace, check_bounds).write()
    for number in range(len(program.actors)):
        lines += _drive(number, len(program.actors), pace)
    return "\n".join(lines)


class _WideWriter(ActorWriter):
    """Writes the function that advances one actor."""

    def __init__(
        self, program: Program, layout: WideLayout, number: int, pace: Pace, check_bounds: bool
    ) -> None:
        super().__init__(program, number)
        self.layout = layout
        self.pace = pace
        self.check_bounds = check_bounds
        self.saved = saved_registers(self.actor)
        self.blocks_at = may_block(self.actor)
        self.failures = 0

    def write(self) -> list[str]:
        """The whole function."""
        head = f"define internal i64 @advance_{self.number}"
        self.text.lines.append(
            f"{head}({_BUFFERS}, ptr noalias %row, i64 %width, ptr noalias %board) {{"
        )
        self._write_entry()
        for point in range(self.actor.halted):
            self._write_departure(point)
        self.write_code()
        for point in range(self.actor.halted):
            self._write_arrival(point)
        self._write_ends()
        self.text.lines.append("}")
        return self.text.lines

    def _write_entry(self) -> None:
        text = self.text
        text.label("entry")
        for register in range(len(self.actor.registers)):
            text.line(f"%r{register} = alloca i64")
            text.line(f"store i64 0, ptr %r{register}")
        for name in ("passed", "began", "place"):
            text.line(f"%{name} = alloca i64")
        text.line("store i64 0, ptr %passed")
        text.line(f"%position = getelementptr i64, ptr %board, i64 {int(Board.POSITION)}")
        text.line("%turn = icmp slt i64 %width, 0")
        self._remember_position()
        pc = text.set(f"load i32, ptr {self._slot(self.layout.pcs[self.number])}")
        cases = " ".join(f"i32 {p}, label %leave{p}" for p in range(self.actor.halted))
        text.line(f"switch i32 {pc}, label %over [ {cases} ]")
        text.label("over")
        text.fork("%turn", "asleep", "halted")

    def _slot(self, offset: int) -> str:
        return self.text.set(f"getelementptr i32, ptr %mm, i64 {offset}")

    def _remember_position(self) -> None:
        """Where in the digits the step began, for the case that it does not happen."""
        value = self.text.set("load i64, ptr %position")
        self.text.line(f"store i64 {value}, ptr %began")

    def _rests(self, point: int) -> bool:
        operation = self.actor.code[self.actor.points[point]]
        return isinstance(operation, Point) and operation.patience is Patience.REST

    def _write_departure(self, point: int) -> None:
        """Take up where the actor was saved."""
        text = self.text
        text.label(f"leave{point}")
        if self._rests(point):
            text.fork("%turn", "asleep", f"wake{point}")
            text.label(f"wake{point}")
        first = self.layout.registers[self.number]
        for register in self.saved[point]:
            narrow = text.set(f"load i32, ptr {self._slot(first + register)}")
            value = text.set(f"sext i32 {narrow} to i64")
            text.line(f"store i64 {value}, ptr %r{register}")
        text.jump(self.destination(self.actor.points[point] + 1))

    def _write_arrival(self, point: int) -> None:
        """Pass a point: stop there, or save what a failing step needs, or just count it."""
        text = self.text
        text.label(f"arrive{point}")
        text.bump("%passed")
        if self._rests(point):
            self._save(point)
            text.jump("rested")
            return
        if self.blocks_at[point]:
            self._save(point)
            self._remember_position()
        passed = text.set("load i64, ptr %passed")
        spent = text.set(f"icmp eq i64 {passed}, {self.pace.fuel}")
        text.fork(spent, f"spend{point}", f"pass{point}")
        text.label(f"spend{point}")
        self._save(point)
        text.jump("spent")
        text.label(f"pass{point}")
        text.jump(self.destination(self.actor.points[point] + 1))

    def _save(self, point: int) -> None:
        text = self.text
        text.line(f"store i32 {point}, ptr {self._slot(self.layout.pcs[self.number])}")
        first = self.layout.registers[self.number]
        for register in self.saved[point]:
            value = text.set(f"load i64, ptr %r{register}")
            narrow = text.set(f"trunc i64 {value} to i32")
            text.line(f"store i32 {narrow}, ptr {self._slot(first + register)}")

    def _write_ends(self) -> None:
        """The ways out, each with its status."""
        text = self.text
        text.label(f"arrive{self.actor.halted}")
        text.bump("%passed")
        slot = self._slot(self.layout.pcs[self.number])
        text.line(f"store i32 {self.actor.halted}, ptr {slot}")
        text.jump("halted")
        text.label("blocked")
        began = text.set("load i64, ptr %began")
        text.line(f"store i64 {began}, ptr %position")
        self._write_end("", Status.BLOCKED)
        for name, status in (
            ("rested", Status.RESTED),
            ("halted", Status.HALTED),
            ("asleep", Status.ASLEEP),
            ("spent", Status.SPENT),
        ):
            self._write_end(name, status)
        for name, status in (
            ("broken", Status.BROKEN),
            ("bad_digit", Status.BAD_DIGIT),
            ("no_digit", Status.NO_DIGIT),
            ("out_of_range", Status.OUT_OF_RANGE),
        ):
            text.label(name)
            self._post(Board.ACTOR, str(self.number))
            self._post(Board.PLACE, text.set("load i64, ptr %place"))
            self._write_end("", status)

    def _write_end(self, name: str, status: Status) -> None:
        if name:
            self.text.label(name)
        self._post(Board.PASSED, self.text.set("load i64, ptr %passed"))
        self.text.line(f"ret i64 {int(status)}")

    def _post(self, place: Board, value: str) -> None:
        pointer = self.text.set(f"getelementptr i64, ptr %board, i64 {int(place)}")
        self.text.line(f"store i64 {value}, ptr {pointer}")

    def _require(self, flag: str, failure: str) -> None:
        """Go on where the flag is set; otherwise stop at this operation with that failure."""
        text = self.text
        self.failures += 1
        good, bad = f"good{self.failures}", f"bad{self.failures}"
        text.fork(flag, good, bad)
        text.label(bad)
        text.line(f"store i64 {self.current}, ptr %place")
        text.jump(failure)
        text.label(good)

    def _element(self, variable: int, index: Operand) -> str:
        """A pointer to an element."""
        place = self.layout.variables[variable]
        base = "%machine" if place.machine else "%mm"
        if isinstance(index, Const):
            return self.text.set(f"getelementptr i32, ptr {base}, i64 {place.offset + index.value}")
        value = self.value(index)
        if self.check_bounds:
            inside = self.text.set(f"icmp ult i64 {value}, {place.length}")
            self._require(inside, "out_of_range")
        offset = self.text.add(value, place.offset)
        return self.text.set(f"getelementptr i32, ptr {base}, i64 {offset}")

    def load(self, variable: int, index: Operand) -> str:
        narrow = self.text.set(f"load i32, ptr {self._element(variable, index)}")
        return self.text.set(f"sext i32 {narrow} to i64")

    def store(self, variable: int, index: Operand, value: str) -> None:
        narrow = self.text.set(f"trunc i64 {value} to i32")
        self.text.line(f"store i32 {narrow}, ptr {self._element(variable, index)}")

    def choose(self, bound: int, index: int) -> str:
        text = self.text
        text.fork("%turn", f"zero{index}", f"digit{index}")
        text.label(f"digit{index}")
        position = text.set("load i64, ptr %position")
        self._require(text.set(f"icmp slt i64 {position}, %width"), "no_digit")
        digit_at = text.set(f"getelementptr i64, ptr %row, i64 {position}")
        digit = text.set(f"load i64, ptr {digit_at}")
        self._require(text.set(f"icmp ult i64 {digit}, {bound}"), "bad_digit")
        text.line(f"store i64 {text.add(position, 1)}, ptr %position")
        source = f"good{self.failures}"
        text.jump(f"chosen{index}")
        text.label(f"zero{index}")
        text.jump(f"chosen{index}")
        text.label(f"chosen{index}")
        return text.set(f"phi i64 [ {digit}, %{source} ], [ 0, %zero{index} ]")

    def count(self, counter: int, amount: str) -> None:
        pointer = self.text.set(f"getelementptr i64, ptr %counters, i64 {counter}")
        self.text.bump(pointer, amount)

    def progress(self) -> None:
        """Of no concern to a run."""

    def check(self, rule: int, passed: str, index: int) -> None:
        text = self.text
        text.fork(passed, self.destination(index + 1), f"fails{index}")
        text.label(f"fails{index}")
        self._post(Board.RULE, str(rule))
        text.line(f"store i64 {index}, ptr %place")
        text.jump("broken")

    def enter(self, block: int) -> None:
        """Coverage is for searches."""


def _drive(actor: int, actors: int, pace: Pace) -> Iterator[str]:
    """The rows of one actor, and the turns of the others."""
    others = [other for other in range(actors) if other != actor]
    yield f"define i64 @drive_{actor}({_BUFFERS}, ptr noalias %digits, i64 %rows, i64 %width,"
    yield "    ptr noalias %board) {"
    yield "entry:"
    for place in (Board.ROW, Board.POSITION, Board.RESUME, Board.TURN, Board.PASSED):
        name = place.name.lower()
        yield f"  %{name}_at = getelementptr i64, ptr %board, i64 {int(place)}"
    yield from _ROW.format(actor=actor, halted=int(Status.HALTED)).splitlines()
    cases = " ".join(f"i64 {n}, label %turn{n}" for n in range(len(others)))
    yield from _TURNS.format(others=len(others), cases=cases, turns=pace.turns).splitlines()
    for number, other in enumerate(others):
        yield f"turn{number}:"
        arguments = "ptr %mm, ptr %machine, ptr %counters, ptr %digits, i64 -1, ptr %board"
        yield f"  %got{number} = call i64 @advance_{other}({arguments})"
        yield "  br label %turned"
    gots = ", ".join(f"[ %got{n}, %turn{n} ]" for n in range(len(others)))
    if others:
        yield "turned:"
        yield f"  %got = phi i64 {gots}"
        yield from _TURNED.format(broken=int(Status.BROKEN)).splitlines()
    yield "pause:"
    yield f"  ret i64 {int(Status.SPENT)}"
    yield "}"


_ROW = """\
  br label %next
next:
  %number = load i64, ptr %row_at
  %more = icmp slt i64 %number, %rows
  br i1 %more, label %start, label %finished
finished:
  ret i64 0
start:
  %resumes = load i64, ptr %resume_at
  %is_new = icmp eq i64 %resumes, 0
  br i1 %is_new, label %begin, label %try
begin:
  store i64 0, ptr %position_at
  store i64 1, ptr %resume_at
  br label %try
try:
  %turns = phi i64 [ 0, %start ], [ 0, %begin ], [ %turns_taken, %again ]
  %first = mul i64 %number, %width
  %row = getelementptr i64, ptr %digits, i64 %first
  %status = call i64 @advance_{actor}(ptr %mm, ptr %machine, ptr %counters, ptr %row,
      i64 %width, ptr %board)
  %came = icmp ule i64 %status, {halted}
  br i1 %came, label %done, label %stopped
done:
  %row_after = add i64 %number, 1
  store i64 %row_after, ptr %row_at
  store i64 0, ptr %resume_at
  %rested = icmp eq i64 %status, 0
  br i1 %rested, label %next, label %leave
leave:
  ret i64 %status
stopped:
  %waits = icmp ule i64 %status, 3
  br i1 %waits, label %search, label %leave
"""

_TURNS = """\
search:
  %idle = phi i64 [ 0, %stopped ], [ %idle_after, %nothing ]
  %nobody = icmp eq i64 %idle, {others}
  br i1 %nobody, label %leave, label %pick
pick:
  %turn = load i64, ptr %turn_at
  %turn_next = add i64 %turn, 1
  %wraps = icmp sge i64 %turn_next, {others}
  %turn_kept = select i1 %wraps, i64 0, i64 %turn_next
  store i64 %turn_kept, ptr %turn_at
  switch i64 %turn, label %leave [ {cases} ]
nothing:
  %idle_after = add i64 %idle, 1
  br label %search
again:
  %turns_taken = add i64 %turns, 1
  %enough = icmp eq i64 %turns_taken, {turns}
  br i1 %enough, label %pause, label %try
"""

_TURNED = """\
  %failed = icmp uge i64 %got, {broken}
  br i1 %failed, label %fail, label %moved
moved:
  %passed = load i64, ptr %passed_at
  %stood = icmp eq i64 %passed, 0
  br i1 %stood, label %nothing, label %again
fail:
  ret i64 %got
"""
