"""The live line of a long search: on standard error, and only on a terminal.

Scenarios that take less than half a second never show it. rich is imported when one takes longer.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from shootdown.machine.result import Progress

if TYPE_CHECKING:
    from rich.live import Live

PATIENCE = 0.5


class LiveLine:
    """Where the searches that are under way stand; `clear` before anything else is printed."""

    def __init__(self) -> None:
        self._visible = sys.stderr.isatty()
        self._live: Live | None = None
        self._told: set[str] = set()

    def show(self, name: str, progress: Progress) -> None:
        """A search reports."""
        self.tell(describe(name, progress), progress.seconds)

    def tell(self, text: str, seconds: float) -> None:
        """Something has been going on for so long."""
        if self._visible and seconds >= PATIENCE:
            self._line().update(text, refresh=True)

    def note(self, text: str) -> None:
        """Something a waiting user should know, once."""
        if text not in self._told:
            self._told.add(text)
            self.clear()
            print(text, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the line away."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _line(self) -> Live:
        if self._live is None:
            from rich.console import Console
            from rich.live import Live

            console = Console(stderr=True, highlight=False, markup=False)
            self._live = Live(console=console, transient=True, auto_refresh=False)
            self._live.start()
        return self._live


def describe(name: str, progress: Progress) -> str:
    """`munmap: 1,200,000 states, 340,000 in the queue, depth 31, 2.1 M states/s`."""
    rate = progress.states / max(progress.seconds, 1e-9) / 1e6
    return (
        f"{name}: {progress.states:,} states, {progress.queue:,} in the queue, "
        f"depth {progress.depth}, {rate:.2f} M states/s"
    )
