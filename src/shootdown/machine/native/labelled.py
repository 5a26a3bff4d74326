"""The successors of a packed state, each with who took the step and whether it is progress.

The same steps as those of `packed`, in the same order; behind the words of each successor stands
one more word: the number of the actor, and PROGRESS if the step executed a `Progress`.
"""

from __future__ import annotations

from shootdown.machine.native.packed import PackedCode, PackedWriter, emit_packed
from shootdown.program.layout import Layout
from shootdown.program.operation import Point
from shootdown.program.program import Program

PROGRESS_BIT = 7
PROGRESS = 1 << PROGRESS_BIT


def emit_labelled(program: Program, layout: Layout) -> PackedCode:
    """The module of a program of at most 128 actors; successors take a word more than states."""
    return emit_packed(program, layout, LabelledWriter)


class LabelledWriter(PackedWriter):
    """Writes the function of one actor."""

    def write_word_slots(self) -> None:
        """One more slot: what the label says about progress."""
        super().write_word_slots()
        self.text.line("%progress = alloca i64")

    def enter(self, block: int) -> None:
        """A step that begins has got nothing done yet."""
        super().enter(block)
        if isinstance(self.actor.code[self.blocks[block].start], Point):
            self.text.line("store i64 0, ptr %progress")

    def progress(self) -> None:
        self.text.line(f"store i64 {PROGRESS}, ptr %progress")

    def write_keep(self) -> None:
        """A successor is complete: append it with its label."""
        text, words = self.text, self.layout.words
        text.label("keep")
        count = text.set("load i64, ptr %count")
        first = text.set(f"mul i64 {count}, {words + 1}")
        base = text.set(f"getelementptr i64, ptr %out, i64 {first}")
        for word in range(words):
            value = text.set(f"load i64, ptr %w{word}")
            pointer = text.set(f"getelementptr i64, ptr {base}, i64 {word}")
            text.line(f"store i64 {value}, ptr {pointer}")
        label = text.set(f"or i64 {text.set('load i64, ptr %progress')}, {self.number}")
        pointer = text.set(f"getelementptr i64, ptr {base}, i64 {words}")
        text.line(f"store i64 {label}, ptr {pointer}")
        text.bump("%count")
        text.jump("blocked")
