"""Steps taken at once, in machine code: what `machine.eager` does, on a successor in its place.

    i64 settle(ptr state, ptr marks)

takes all of them and returns 0, or BROKEN or ENDLESS as the last of them did. The tables of
`program.independence` are constants, a byte for each pair of pcs: bit 0 for a conflict, bit 1 for a
wake. Three helpers stand beside it:

    i64 attempt(i64 actor, ptr state, ptr out, ptr marks)    a step of an actor known by number
    i64 group(ptr pcs, i64 members, i64 self)                all who must be blocked, as bits
    i1 blocked(ptr state, i64 group)                         whether they are
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shootdown.machine.native.text import Text
from shootdown.program.independence import MOST_EAGER, Independence, Row
from shootdown.program.layout import Layout

_CONFLICTS, _WAKES = 1, 2


def emit_settle(
    table: Independence, layout: Layout, marks: int, *, alive: int, broken: int
) -> Iterator[str]:
    """The functions of a module whose steps write `marks` marks; below `alive` their answer is a
    number of successors, from `broken` on it tells of a failure."""
    writer = _Writer(table, layout, marks, alive, broken)
    yield from writer.constants()
    for write in (writer.attempt, writer.group, writer.blocked, writer.settle):
        writer.text = Text()
        write()
        yield from writer.text.lines


class _Writer:
    """Writes the functions, one after the other, into `text`."""

    def __init__(
        self, table: Independence, layout: Layout, marks: int, alive: int, broken: int
    ) -> None:
        self.table = table
        self.layout = layout
        self.marks = marks
        self.alive = alive
        self.broken = broken
        self.actors = range(len(table.eager))
        self.text = Text()
        self.pairs = {
            (a, b): rows
            for a in self.actors
            for b in self.actors
            if a != b and any(rows := self._bytes(a, b))
        }

    def _bytes(self, one: int, other: int) -> list[int]:
        """For each pc of one and each of the other."""
        conflicts, wakes = self.table.conflicts[one][other], self.table.wakes[one][other]
        return [
            conflict * _CONFLICTS + wake * _WAKES
            for row, more in zip(conflicts, wakes, strict=True)
            for conflict, wake in zip(row, more, strict=True)
        ]

    def constants(self) -> Iterator[str]:
        """The tables."""
        for (one, other), rows in self.pairs.items():
            yield _constant(f"pair{one}_{other}", rows)
        for actor in self.actors:
            yield _constant(f"eager{actor}", self.table.eager[actor])
            yield _constant(f"waits{actor}", self.table.waits[actor])

    def _begin(self, head: str) -> None:
        self.text.lines.append(f"define internal fastcc {head} {{")
        self.text.label("entry")

    def _look_up(self, table: str, place: str) -> str:
        """A byte of a constant, as an i64."""
        pointer = self.text.set(f"getelementptr i8, ptr @{table}, i64 {place}")
        byte = self.text.set(f"load i8, ptr {pointer}")
        return self.text.set(f"zext i8 {byte} to i64")

    def _partners(self, actor: int, pcs: Sequence[str], bit: int) -> str:
        """Who, as bits, conflicts with or wakes an actor."""
        text, found = self.text, "0"
        for other in self.actors:
            if (actor, other) not in self.pairs:
                continue
            row = text.set(f"mul i64 {pcs[actor]}, {len(self.table.eager[other])}")
            place = text.set(f"add i64 {row}, {pcs[other]}")
            byte = self._look_up(f"pair{actor}_{other}", place)
            wanted = text.set(f"and i64 {byte}, {bit}")
            shifted = text.set(f"shl i64 {wanted}, {other}")
            found = text.set(f"or i64 {found}, {shifted}")
        return text.set(f"lshr i64 {found}, {bit.bit_length() - 1}")

    # --- the helpers --------------------------------------------------------------------------

    def attempt(self) -> None:
        """attempt: a switch."""
        text = self.text
        self._begin("i64 @attempt(i64 %actor, ptr %state, ptr %out, ptr %marks)")
        rows = " ".join(f"i64 {actor}, label %actor{actor}" for actor in self.actors)
        text.line(f"switch i64 %actor, label %actor0 [ {rows} ]")
        for actor in self.actors:
            text.label(f"actor{actor}")
            arguments = "ptr %state, ptr %out, i64 0, ptr %marks"
            answer = text.set(f"call fastcc i64 @step{actor}({arguments})")
            text.line(f"ret i64 {answer}")
        text.lines.append("}")

    def group(self) -> None:
        """group: add those who could wake a member until there are no more."""
        text = self.text
        self._begin("i64 @group(ptr noalias readonly %pcs, i64 %members, i64 %self)")
        pcs = []
        for actor in self.actors:
            pointer = text.set(f"getelementptr i64, ptr %pcs, i64 {actor}")
            pcs.append(text.set(f"load i64, ptr {pointer}"))
        wakes = [self._partners(actor, pcs, _WAKES) for actor in self.actors]
        others = text.set("xor i64 %self, -1")
        text.jump("round")
        text.label("round")
        text.line("%before = phi i64 [ %members, %entry ], [ %after, %round ]")
        found = "%before"
        for actor, partners in enumerate(wakes):
            bit = text.set(f"and i64 %before, {1 << actor}")
            is_member = text.set(f"icmp ne i64 {bit}, 0")
            more = text.set(f"select i1 {is_member}, i64 {partners}, i64 0")
            found = text.set(f"or i64 {found}, {more}")
        text.line(f"%after = and i64 {found}, {others}")
        text.fork(text.set("icmp eq i64 %after, %before"), "done", "round")
        text.label("done")
        text.line("ret i64 %after")
        text.lines.append("}")

    def blocked(self) -> None:
        """blocked: try each member; what that writes and marks goes nowhere."""
        text = self.text
        self._begin("i1 @blocked(ptr %state, i64 %group)")
        text.line(f"%out = alloca [{self.layout.words} x i64]")
        text.line(f"%marks = alloca [{self.marks} x i64]")
        text.jump("next")
        text.label("next")
        text.line("%left = phi i64 [ %group, %entry ], [ %rest, %waits ]")
        text.fork(text.set("icmp eq i64 %left, 0"), "all", "member")
        text.label("member")
        actor = text.set("call i64 @llvm.cttz.i64(i64 %left, i1 true)")
        less = text.set("sub i64 %left, 1")
        text.line(f"%rest = and i64 %left, {less}")
        arguments = f"i64 {actor}, ptr %state, ptr %out, ptr %marks"
        answer = text.set(f"call fastcc i64 @attempt({arguments})")
        count = text.set(f"and i64 {answer}, {self.alive - 1}")
        text.fork(text.set(f"icmp eq i64 {count}, 0"), "waits", "moves")
        text.label("waits")
        text.jump("next")
        text.label("all")
        text.line("ret i1 true")
        text.label("moves")
        text.line("ret i1 false")
        text.lines.append("}")
        text.lines.append("declare i64 @llvm.cttz.i64(i64, i1)")

    # --- settle -------------------------------------------------------------------------------

    def settle(self) -> None:
        """settle: the actors in order, again and again."""
        text = self.text
        self._begin("i64 @settle(ptr noalias %state, ptr noalias %marks)")
        text.line(f"%out = alloca [{self.layout.words} x i64]")
        text.line(f"%pcs = alloca [{len(self.actors)} x i64]")
        text.line("%left = alloca i64")
        text.line(f"store i64 {MOST_EAGER}, ptr %left")
        text.jump("again")
        text.label("again")
        pcs = [self._pc(actor) for actor in self.actors]
        waiting = "0"
        for actor, pc in enumerate(pcs):
            pointer = text.set(f"getelementptr i64, ptr %pcs, i64 {actor}")
            text.line(f"store i64 {pc}, ptr {pointer}")
            if any(self.table.waits[actor]):
                bit = text.set(f"shl i64 {self._look_up(f'waits{actor}', pc)}, {actor}")
                waiting = text.set(f"or i64 {waiting}, {bit}")
        text.line(f"%free = xor i64 {waiting}, -1")
        able = [actor for actor in self.actors if any(self.table.eager[actor])]
        for actor, following in zip(able, [*able[1:], None], strict=True):
            last = "settled" if following is None else f"actor{following}"
            if actor == able[0]:
                text.jump(f"actor{actor}")
            self._actor(actor, pcs, last)
        text.label("settled")
        text.line("ret i64 0")
        self._taken()
        text.lines.append("}")

    def _pc(self, actor: int) -> str:
        field, text = self.layout.actors[actor].pc, self.text
        pointer = text.set(f"getelementptr i64, ptr %state, i64 {field.word}")
        word = text.set(f"load i64, ptr {pointer}")
        shifted = text.set(f"lshr i64 {word}, {field.shift}")
        return text.set(f"and i64 {shifted}, {(1 << field.bits) - 1}")

    def _actor(self, actor: int, pcs: Sequence[str], following: str) -> None:
        """Take the step of one actor, or go on with the next actor."""
        text = self.text
        text.label(f"actor{actor}")
        eager = self._look_up(f"eager{actor}", pcs[actor])
        text.fork(text.set(f"icmp eq i64 {eager}, 0"), following, f"conflicts{actor}")
        text.label(f"conflicts{actor}")
        members = self._partners(actor, pcs, _CONFLICTS)
        text.fork(text.set(f"icmp eq i64 {members}, 0"), f"take{actor}", f"group{actor}")
        text.label(f"group{actor}")
        self._refuse_free(members, f"closed{actor}", following)
        text.label(f"closed{actor}")
        group = text.set(f"call fastcc i64 @group(ptr %pcs, i64 {members}, i64 {1 << actor})")
        self._refuse_free(group, f"try{actor}", following)
        text.label(f"try{actor}")
        blocked = text.set(f"call fastcc i1 @blocked(ptr %state, i64 {group})")
        text.fork(blocked, f"take{actor}", following)
        text.label(f"take{actor}")
        arguments = "ptr %state, ptr %out, i64 0, ptr %marks"
        answer = text.set(f"call fastcc i64 @step{actor}({arguments})")
        text.line(f"%answer{actor} = add i64 {answer}, 0")
        count = text.set(f"and i64 {answer}, {self.alive - 1}")
        text.fork(text.set(f"icmp eq i64 {count}, 0"), following, "taken")

    def _refuse_free(self, members: str, then: str, other: str) -> None:
        """Go on only if all members are where they may be blocked."""
        free = self.text.set(f"and i64 {members}, %free")
        self.text.fork(self.text.set(f"icmp eq i64 {free}, 0"), then, other)

    def _taken(self) -> None:
        """A step was taken: it failed, or its successor takes the place of the state."""
        text = self.text
        able = [actor for actor in self.actors if any(self.table.eager[actor])]
        text.label("taken")
        rows = ", ".join(f"[ %answer{actor}, %take{actor} ]" for actor in able)
        answer = text.set(f"phi i64 {rows}")
        text.fork(text.set(f"icmp uge i64 {answer}, {self.broken}"), "failed", "replace")
        text.label("failed")
        failure = text.set(f"and i64 {answer}, {-self.broken}")
        text.line(f"ret i64 {failure}")
        text.label("replace")
        for word in range(self.layout.words):
            source = text.set(f"getelementptr i64, ptr %out, i64 {word}")
            value = text.set(f"load i64, ptr {source}")
            target = text.set(f"getelementptr i64, ptr %state, i64 {word}")
            text.line(f"store i64 {value}, ptr {target}")
        left = text.add(text.set("load i64, ptr %left"), -1)
        text.line(f"store i64 {left}, ptr %left")
        text.fork(text.set(f"icmp eq i64 {left}, 0"), "settled", "again")


def _constant(name: str, values: Sequence[int] | Row) -> str:
    rows = ", ".join(f"i8 {int(value)}" for value in values)
    return f"@{name} = private constant [{len(values)} x i8] [{rows}]"
