"""Canonical forms in machine code: `machine.canonical` says what is computed, and why.

    void canonical(ptr state)

replaces a state by its form, in place. Each exchange is a function from words to words without a
branch; where there are many, a loop walks through them. `packed` calls this for every successor.
"""

from __future__ import annotations

from collections.abc import Iterator

from shootdown.machine.canonical import Copy, Exchange, Plan, Rename
from shootdown.machine.native.renumber import emit_renumber
from shootdown.machine.native.text import Text, signed
from shootdown.program.layout import Field


def emit_canonical(plan: Plan, words: int) -> Iterator[str]:
    """The functions of a module whose states have so many words."""
    if plan.frames:
        yield from emit_renumber(plan.frames, words)
    for number, exchange in enumerate(plan.exchanges):
        yield from _Exchange(exchange, number, words).write()
    yield from _Canonical(plan, words).write()


class _Exchange:
    """Writes one exchange: `from` is read, `to` is written."""

    def __init__(self, exchange: Exchange, number: int, words: int) -> None:
        self.exchange = exchange
        self.number = number
        self.words = words
        self.text = Text()

    def write(self) -> list[str]:
        """The whole function."""
        head = f"define internal fastcc void @exchange{self.number}"
        self.text.lines.append(f"{head}(ptr noalias readonly %from, ptr noalias %to) {{")
        self.text.label("entry")
        for word in range(self.words):
            pointer = self.text.set(f"getelementptr i64, ptr %from, i64 {word}")
            self.text.line(f"%s{word} = load i64, ptr {pointer}")
        out = [self._kept(word, kept) for word, kept in enumerate(self.exchange.kept)]
        for copy in self.exchange.copies:
            word = copy.target[0]
            out[word] = self.text.set(f"or i64 {out[word]}, {self._copied(copy)}")
        for rename in self.exchange.renames:
            word = rename.target.word
            out[word] = self._renamed(rename, out[word])
        for word, value in enumerate(out):
            pointer = self.text.set(f"getelementptr i64, ptr %to, i64 {word}")
            self.text.line(f"store i64 {value}, ptr {pointer}")
        self.text.line("ret void")
        self.text.lines.append("}")
        return self.text.lines

    def _kept(self, word: int, kept: int) -> str:
        return self.text.set(f"and i64 %s{word}, {signed(kept)}")

    def _copied(self, copy: Copy) -> str:
        word, low = copy.source
        bits = self._bits(word, low, copy.bits)
        return self.text.set(f"shl i64 {bits}, {copy.target[1]}")

    def _renamed(self, rename: Rename, whole: str) -> str:
        """The word with the field in it renamed, if it is to be."""
        text, field = self.text, rename.target
        old = text.add(self._raw(rename.source), rename.source.low)
        new = old
        for value, renamed in rename.values:
            is_it = text.set(f"icmp eq i64 {old}, {value}")
            new = text.set(f"select i1 {is_it}, i64 {renamed}, i64 {new}")
        mask = (1 << field.bits) - 1
        raw = text.set(f"and i64 {text.add(new, -field.low)}, {signed(mask)}")
        placed = text.set(f"shl i64 {raw}, {field.shift}")
        rest = text.set(f"and i64 {whole}, {signed(~(mask << field.shift))}")
        done = text.set(f"or i64 {rest}, {placed}")
        if rename.when is None:
            return done
        pc, point = rename.when
        there = text.set(f"icmp eq i64 {self._raw(pc)}, {point}")
        return text.set(f"select i1 {there}, i64 {done}, i64 {whole}")

    def _raw(self, field: Field) -> str:
        return self._bits(field.word, field.shift, field.bits)

    def _bits(self, word: int, low: int, bits: int) -> str:
        shifted = self.text.set(f"lshr i64 %s{word}, {low}")
        return self.text.set(f"and i64 {shifted}, {signed((1 << bits) - 1)}")


_ONLY_FRAMES = """\
define internal fastcc void @canonical(ptr noalias %state) {
  call fastcc void @renumber(ptr %state)
  ret void
}"""


class _Canonical:
    """Writes the walk. `state` holds the least form so far, `current` where the walk stands."""

    def __init__(self, plan: Plan, words: int) -> None:
        self.plan = plan
        self.words = words
        self.text = Text()

    def write(self) -> list[str]:
        """The constant walk and the function."""
        text, walk = self.text, self.plan.walk
        if not walk:
            return _ONLY_FRAMES.splitlines()
        steps = ", ".join(f"i16 {number}" for number in walk)
        text.lines.append(f"@walk = private constant [{len(walk)} x i16] [{steps}]")
        text.lines.append("define internal fastcc void @canonical(ptr noalias %state) {")
        text.label("entry")
        for name in ("current", "next"):
            text.line(f"%{name} = alloca [{self.words} x i64]")
        if self.plan.frames:
            text.line("call fastcc void @renumber(ptr %state)")
        self._copy("%state", "%current")
        text.jump("step")
        text.label("step")
        text.line("%position = phi i64 [ 0, %entry ], [ %following, %stepped ]")
        pointer = text.set("getelementptr i16, ptr @walk, i64 %position")
        number = text.set(f"load i16, ptr {pointer}")
        rows = " ".join(f"i16 {n}, label %exchange{n}" for n in range(len(self.plan.exchanges)))
        text.line(f"switch i16 {number}, label %exchange0 [ {rows} ]")
        for exchange in range(len(self.plan.exchanges)):
            text.label(f"exchange{exchange}")
            source = "%state" if self.plan.sorts else "%current"
            text.line(f"call fastcc void @exchange{exchange}(ptr {source}, ptr %next)")
            text.jump("exchanged")
        text.label("exchanged")
        if self.plan.frames:
            text.line("call fastcc void @renumber(ptr %next)")
        self._copy("%next", "%current")
        text.fork(self._less("%next", "%state"), "better", "stepped")
        text.label("better")
        self._copy("%next", "%state")
        text.jump("stepped")
        text.label("stepped")
        text.line("%following = add i64 %position, 1")
        text.fork(text.set(f"icmp eq i64 %following, {len(walk)}"), "done", "step")
        text.label("done")
        text.line("ret void")
        text.lines.append("}")
        return text.lines

    def _copy(self, source: str, target: str) -> None:
        for word in range(self.words):
            value = self._load(source, word)
            pointer = self.text.set(f"getelementptr i64, ptr {target}, i64 {word}")
            self.text.line(f"store i64 {value}, ptr {pointer}")

    def _less(self, one: str, other: str) -> str:
        """Whether the words at one place come before those at the other."""
        less = "false"
        for word in reversed(range(self.words)):
            a, b = self._load(one, word), self._load(other, word)
            here = self.text.set(f"icmp ult i64 {a}, {b}")
            equal = self.text.set(f"icmp eq i64 {a}, {b}")
            less = self.text.set(f"select i1 {equal}, i1 {less}, i1 {here}")
        return less

    def _load(self, base: str, word: int) -> str:
        pointer = self.text.set(f"getelementptr i64, ptr {base}, i64 {word}")
        return self.text.set(f"load i64, ptr {pointer}")
