"""Keeping a running native search on disk: when, and what happens on signals.

While a search with a checkpoint runs in the main thread, SIGINT and SIGTERM only leave a mark. The
search looks at it between two calls of its loop, a tenth of a second later at most, writes a last
checkpoint, and then lets the signal do what it would have done. A search in another thread gets no
signals.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from shootdown.machine.checkpoint import (
    Checkpoint,
    CheckpointError,
    CheckpointReader,
    CheckpointWriter,
    Moment,
)

Note = Callable[[str], None]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Saving:
    """The checkpoints of one search."""

    def __init__(
        self, checkpoint: Checkpoint, size: int, identity: bytes, note: Note | None
    ) -> None:
        self.path = Path(checkpoint.path)
        self.size = size
        self.identity = identity
        self._seconds = checkpoint.seconds
        self._note = note
        self._due = time.monotonic() + checkpoint.seconds
        self._caught: int | None = None
        self._writer: CheckpointWriter | None = None

    def begin(self, reader: CheckpointReader | None) -> None:
        """Start a file, or go on with the one that was read.

        Raises:
            CheckpointError: if it cannot be written.
        """
        if reader and reader.path.resolve() == self.path.resolve():
            place = (reader.end, reader.states, reader.firsts)
            self._writer = CheckpointWriter.reopen(self.path, *place)
        else:
            self._writer = CheckpointWriter(self.path, self.identity, self.size)

    @property
    def is_due(self) -> bool:
        """Whether it is time, or a signal came."""
        return self._caught is not None or time.monotonic() >= self._due

    def save(self, moment: Moment) -> None:
        """Write a record. A search does not end because a disk is full, but it says so."""
        assert self._writer
        try:
            self._writer.append(self.size, moment)
        except CheckpointError as error:
            if self._note:
                self._note(error.message)
        self._due = time.monotonic() + self._seconds

    def close(self) -> None:
        """No more checkpoints."""
        if self._writer:
            self._writer.close()
            self._writer = None

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Hold signals back inside; let the one that came do its work at the end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._catch) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if self._caught is not None:
            signal.raise_signal(self._caught)
            raise KeyboardInterrupt

    @property
    def was_stopped(self) -> bool:
        """Whether a signal came."""
        return self._caught is not None

    def _catch(self, number: int, frame: FrameType | None) -> None:
        self._caught = number
