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
    """Where the searches that are under way stand; `clear` before anything else is printed.

    What a search will take is told before it begins, and stays on the screen if it becomes long.
    """

    def __init__(self) -> None:
        self._visible = sys.stderr.isatty()
        self._live: Live | None = None
        self._told: set[str] = set()
        self._ahead: dict[str, str] = {}

    def show(self, name: str, progress: Progress) -> None:
        """A search reports."""
        if progress.seconds == 0:
            self._ahead[name] = describe(name, progress)
        elif self._visible and progress.seconds >= PATIENCE and name in self._ahead:
            self.note(self._ahead.pop(name))
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
    """`munmap: 1,200,000 states, 340,000 in the queue, depth 31, 2.1 M states/s, 24 MiB of 11 GiB`;
    before anything is searched, what a state takes and how many there may be."""
    if not progress.rate and progress.seconds == 0:
        return f"{name}: {show_room(progress)}"
    return (
        f"{name}: {progress.states:,} states, {progress.queue:,} in the queue, "
        f"depth {progress.depth}, {progress.rate / 1e6:.2f} M states/s, "
        f"{show_size(progress.memory)} of {show_size(progress.memory_limit)}"
    )


def show_room(progress: Progress) -> str:
    """`8 bytes a state, 11.3 GiB allow 850 million`: states take more than their own bytes."""
    return (
        f"{progress.state_bytes} bytes a state, {show_size(progress.memory_limit)} "
        f"allow {show_count(progress.most_states)} of them"
    )


def show_size(size: int) -> str:
    """Bytes in the largest unit of which there is one."""
    for letter, unit in (("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)):
        if size >= unit:
            return f"{size / unit:.1f} {letter}iB"
    return f"{size} bytes"


def show_count(count: int) -> str:
    """About how many."""
    for word, unit in (("billion", 10**9), ("million", 10**6)):
        if count >= unit:
            return f"{count / unit:.1f} {word}"
    return f"{count:,}"
