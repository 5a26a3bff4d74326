"""A bar for a known number of things to do: on standard error, and only on a terminal.

rich is imported for a terminal alone. It draws when it is told to, not from a thread of its own:
there are processes to be forked meanwhile.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

EVERY = 0.1
"""seconds between two looks"""


class Bar:
    """For `with`; gone at its end."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._progress: Progress | None = None
        self._drawn = 0.0

    def __enter__(self) -> Bar:
        if sys.stderr.isatty():
            self._progress = _make()
            self._progress.add_task("", total=self._total)
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def show(self, done: int, text: str) -> None:
        """So much is done."""
        now = time.monotonic()
        if self._progress is not None and (done == self._total or now - self._drawn > EVERY):
            self._drawn = now
            (task,) = self._progress.task_ids
            self._progress.update(task, completed=done, description=text, refresh=True)


def _make() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    return Progress(
        BarColumn(),
        MofNCompleteColumn(),
        Remaining(),
        TextColumn("{task.description}", markup=False),
        console=Console(stderr=True, highlight=False, markup=False),
        transient=True,
        auto_refresh=False,
    )
