"""Renumbering page frames in machine code: `machine.renumber` says what is computed.

    void renumber(ptr state)

changes a state in place. The new numbers stand in one word, four bits for each frame; 0 means none
so far, which is also the number that frame 0 keeps. A frame that nothing mentions and that is as
fresh ones are gets no number: what is kept about it would go to the place of frame 0, but is
written as its difference from a fresh one, which is nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from shootdown.machine.native.text import Text, signed
from shootdown.machine.renumber import FramePlan, Mention
from shootdown.program.layout import Field, Slots

_NOBODY = 1 << 62


def emit_renumber(plan: FramePlan, words: int) -> list[str]:
    """The function, for states of so many words."""
    return _Renumber(plan, words).write()


class _Renumber:
    """Writes the function. The words lie in slots, which become values."""

    def __init__(self, plan: FramePlan, words: int) -> None:
        self.plan = plan
        self.words = words
        self.text = Text()

    def write(self) -> list[str]:
        """Meet the frames, number those that were not met, write everything down."""
        text = self.text
        text.lines.append("define internal fastcc void @renumber(ptr noalias %state) {")
        text.label("entry")
        text.line("%numbers = alloca i64")
        text.line("%following = alloca i64")
        text.line("store i64 0, ptr %numbers")
        text.line("store i64 1, ptr %following")
        for word in range(self.words):
            text.line(f"%w{word} = alloca i64")
            pointer = text.set(f"getelementptr i64, ptr %state, i64 {word}")
            value = text.set(f"load i64, ptr {pointer}")
            text.line(f"store i64 {value}, ptr %w{word}")
        self._for_all("meet", self._meet)
        self._number_the_rest()
        self._for_all("write", self._rewrite)
        for slots, fresh in self.plan.arrays:
            self._rewrite_array(slots, fresh - slots.low)
        self._rewrite_cursor()
        for word in range(self.words):
            value = text.set(f"load i64, ptr %w{word}")
            pointer = text.set(f"getelementptr i64, ptr %state, i64 {word}")
            text.line(f"store i64 {value}, ptr {pointer}")
        text.line("ret void")
        text.lines.append("}")
        return text.lines

    def _for_all(self, name: str, apply: Callable[[Mention], None]) -> None:
        """Do something with every field that holds a frame in this state."""
        text = self.text
        for mention in self.plan.variables:
            apply(mention)
        for number, actor in enumerate(self.plan.actors):
            there = {point: row for point, row in enumerate(actor.rows) if row}
            place = f"{name}{number}"
            cases = " ".join(f"i64 {point}, label %{place}at{point}" for point in there)
            text.line(f"switch i64 {self._raw(actor.pc)}, label %{place}done [ {cases} ]")
            for point, row in there.items():
                text.label(f"{place}at{point}")
                for mention in row:
                    apply(mention)
                text.jump(f"{place}done")
            text.label(f"{place}done")

    def _meet(self, mention: Mention) -> None:
        """The frame gets the next number if it has none. Frame 0 never does."""
        text, (field, below) = self.text, mention
        frame = text.set(f"lshr i64 {self._raw(field)}, {below}")
        is_frame = text.set(f"icmp ne i64 {frame}, 0")
        old, shift = self._number_of(frame)
        is_new = text.set(f"icmp eq i64 {old}, 0")
        self._give(shift, text.set(f"and i1 {is_frame}, {is_new}"))

    def _number_of(self, frame: str) -> tuple[str, str]:
        """The number a frame has, and where it stands in the word."""
        text = self.text
        shift = text.set(f"shl i64 {frame}, 2")
        numbers = text.set("load i64, ptr %numbers")
        return text.set(f"and i64 {text.set(f'lshr i64 {numbers}, {shift}')}, 15"), shift

    def _give(self, shift: str, flag: str) -> None:
        """Hand out the next number if the flag is set."""
        text = self.text
        following = text.set("load i64, ptr %following")
        placed = text.set(f"shl i64 {following}, {shift}")
        added = text.set(f"select i1 {flag}, i64 {placed}, i64 0")
        numbers = text.set("load i64, ptr %numbers")
        text.line(f"store i64 {text.set(f'or i64 {numbers}, {added}')}, ptr %numbers")
        text.bump("%following", text.set(f"zext i1 {flag} to i64"))

    def _number_the_rest(self) -> None:
        """Again and again the least of those that have no number and are not fresh."""
        text = self.text
        text.jump("rest")
        text.label("rest")
        least = str(_NOBODY)
        for frame in range(1, self.plan.count):
            old, _ = self._number_of(str(frame))
            has_none = text.set(f"icmp eq i64 {old}, 0")
            row, is_fresh = self._row(frame)
            differs = text.set(f"xor i1 {is_fresh}, true")
            waits = text.set(f"and i1 {has_none}, {differs}")
            key = text.set(f"or i64 {text.set(f'shl i64 {row}, 4')}, {frame}")
            candidate = text.set(f"select i1 {waits}, i64 {key}, i64 {_NOBODY}")
            is_less = text.set(f"icmp ult i64 {candidate}, {least}")
            least = text.set(f"select i1 {is_less}, i64 {candidate}, i64 {least}")
        text.fork(text.set(f"icmp eq i64 {least}, {_NOBODY}"), "known", "one")
        text.label("one")
        shift = text.set(f"shl i64 {text.set(f'and i64 {least}, 15')}, 2")
        self._give(shift, "true")
        text.jump("rest")
        text.label("known")

    def _row(self, frame: int) -> tuple[str, str]:
        """What is kept about a frame, as one number, and whether it is as of a fresh one."""
        text, row, is_fresh = self.text, "0", "true"
        for slots, fresh in self.plan.arrays:
            value = self._raw(slots.at(frame))
            here = text.set(f"icmp eq i64 {value}, {fresh - slots.low}")
            is_fresh = text.set(f"and i1 {is_fresh}, {here}")
            row = text.set(f"or i64 {text.set(f'shl i64 {row}, {slots.bits}')}, {value}")
        return row, is_fresh

    def _rewrite(self, mention: Mention) -> None:
        text, (field, below) = self.text, mention
        value = self._raw(field)
        number, _ = self._number_of(text.set(f"lshr i64 {value}, {below}"))
        low = text.set(f"and i64 {value}, {(1 << below) - 1}")
        self._put(field, text.set(f"or i64 {text.set(f'shl i64 {number}, {below}')}, {low}"))

    def _rewrite_array(self, slots: Slots, fresh: int) -> None:
        """What is kept about each frame goes to its new place; everywhere else is a fresh one."""
        text, bits = self.text, slots.bits
        whole = Field(slots.word, slots.shift, bits * slots.length, 0)
        pattern = sum(fresh << bits * frame for frame in range(slots.length))
        old = text.set(f"xor i64 {self._raw(whole)}, {signed(pattern)}")
        new = text.set(f"and i64 {old}, {signed((1 << bits) - 1)}")
        for frame in range(1, slots.length):
            here = text.set(f"lshr i64 {old}, {bits * frame}")
            value = text.set(f"and i64 {here}, {signed((1 << bits) - 1)}")
            number, _ = self._number_of(str(frame))
            place = text.set(f"mul i64 {number}, {bits}")
            new = text.set(f"or i64 {new}, {text.set(f'shl i64 {value}, {place}')}")
        self._put(whole, text.set(f"xor i64 {new}, {signed(pattern)}"))

    def _rewrite_cursor(self) -> None:
        """The first number that was not given; 0 after the last."""
        text = self.text
        following = text.set("load i64, ptr %following")
        is_last = text.set(f"icmp eq i64 {following}, {self.plan.count}")
        self._put(self.plan.cursor, text.set(f"select i1 {is_last}, i64 0, i64 {following}"))

    def _raw(self, field: Field) -> str:
        word = self.text.set(f"load i64, ptr %w{field.word}")
        shifted = self.text.set(f"lshr i64 {word}, {field.shift}")
        return self.text.set(f"and i64 {shifted}, {signed((1 << field.bits) - 1)}")

    def _put(self, field: Field, value: str) -> None:
        """The value fits."""
        text = self.text
        hole = signed(~((1 << field.bits) - 1 << field.shift))
        kept = text.set(f"and i64 {text.set(f'load i64, ptr %w{field.word}')}, {hole}")
        placed = text.set(f"shl i64 {value}, {field.shift}")
        text.line(f"store i64 {text.set(f'or i64 {kept}, {placed}')}, ptr %w{field.word}")
