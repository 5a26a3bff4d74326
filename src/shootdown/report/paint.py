"""Colour, or none. A report must read as well without it, so colour never carries meaning alone."""

from __future__ import annotations

from dataclasses import dataclass

_VERDICTS = {"holds": "32", "violated": "1;31", "undecided": "33"}


@dataclass(frozen=True, slots=True)
class Paint:
    """How text is decorated on its way to one particular stream."""

    colour: bool = False
    width: int = 100

    def verdict(self, verdict: str, text: str | None = None) -> str:
        """The verdict, or a text of the same meaning, in the colour of the verdict."""
        return self._wrap(verdict if text is None else text, _VERDICTS[verdict])

    def strong(self, text: str) -> str:
        """What the eye should find first."""
        return self._wrap(text, "1")

    def faint(self, text: str) -> str:
        """What is there for those who look for it: places, headings."""
        return self._wrap(text, "2")

    def change(self, text: str) -> str:
        """What a step did."""
        return self._wrap(text, "36")

    def _wrap(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text
