"""LLVM IR as text, one line at a time.

LLVM parses text anyway, also that of llvmlite.ir; writing it directly leaves out the objects.
"""

from __future__ import annotations


def signed(word: int) -> int:
    """A 64-bit pattern as LLVM writes constants."""
    word &= (1 << 64) - 1
    return word - (1 << 64) if word >> 63 else word


class Text:
    """The lines of one function, and the names used up so far."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._names = 0

    def fresh(self) -> str:
        """A name nobody has used."""
        self._names += 1
        return f"%t{self._names}"

    def line(self, text: str) -> None:
        """An instruction without a result, or any other line."""
        self.lines.append("  " + text)

    def label(self, name: str) -> None:
        """A basic block begins."""
        self.lines.append(f"{name}:")

    def set(self, instruction: str) -> str:
        """An instruction with a result; the name of the result."""
        name = self.fresh()
        self.lines.append(f"  {name} = {instruction}")
        return name

    def add(self, a: str, b: int) -> str:
        """a + constant, without an instruction if the constant is 0."""
        return self.set(f"add i64 {a}, {b}") if b else a

    def jump(self, label: str) -> None:
        """Go on at a block."""
        self.line(f"br label %{label}")

    def fork(self, flag: str, then: str, other: str) -> None:
        """Go on at one of two blocks."""
        self.line(f"br i1 {flag}, label %{then}, label %{other}")

    def bump(self, pointer: str, amount: str = "1") -> None:
        """Add to a 64-bit number in memory."""
        old = self.set(f"load i64, ptr {pointer}")
        new = self.set(f"add i64 {old}, {amount}")
        self.line(f"store i64 {new}, ptr {pointer}")
