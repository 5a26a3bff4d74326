"""The same steps once more, counted: how often each block of each actor is executed.

The code of a search only marks that a block was executed, since a byte is cheaper than a count. So
counting is a second pass over the states of a search that is over, in code of its own.
"""

from __future__ import annotations

import time
from array import array
from collections import Counter
from typing import TYPE_CHECKING

from shootdown.machine.native.jit import MachineCode
from shootdown.machine.native.packed import PackedWriter, emit_packed

if TYPE_CHECKING:
    from shootdown.machine.native.search import NativeSearch


class CountingWriter(PackedWriter):
    """Writes the function of one actor; behind the rules, marks have a count for each block."""

    def enter(self, block: int) -> None:
        place = len(self.program.rules) + self.first_block + block
        self.text.bump(self.text.set(f"getelementptr i64, ptr %marks, i64 {place}"))


def count_native(search: NativeSearch) -> tuple[Counter[tuple[int, int]], float]:
    """See `machine.profile`: operations executed, and seconds that all the steps take without being
    counted."""
    code = emit_packed(search.program, search.layout, CountingWriter)
    marks = array("q", bytes(8 * (len(search.program.rules) + len(code.blocks))))
    plain = emit_packed(search.program, search.layout)
    rest = plain.new_marks()
    machine = MachineCode(plain.ir)
    began = time.monotonic()
    search.repeat(machine.function("expand"), rest)
    seconds = time.monotonic() - began
    counting = MachineCode(code.ir)
    search.repeat(counting.function("expand"), marks)
    counts: Counter[tuple[int, int]] = Counter()
    for (actor, block), times in zip(code.blocks, marks[len(search.program.rules) :], strict=True):
        counts.update({(actor, index): times for index in block if times})
    return counts, seconds
