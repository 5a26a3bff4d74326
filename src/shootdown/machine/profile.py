"""What a search spends its steps on: how often each operation is executed.

Counted are all steps from all states that were found, those that turn out not to be possible
included, since they are tried like the others. This does not depend on the engine. The seconds are
those of taking the steps alone; the rest of a search is storing states and looking them up.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from shootdown.machine.races import Seen
from shootdown.machine.search import PythonSearch

_CHUNK = 4096


@dataclass(slots=True)
class Profiler:
    """What a search calls when it is over; then its fields are filled."""

    counts: Counter[tuple[int, int]] = field(default_factory=Counter)
    """(actor, operation), how often executed"""
    seconds: float = 0.0
    """of taking all the steps"""

    def __call__(self, seen: Seen) -> None:
        """Count."""
        if isinstance(seen, PythonSearch):
            self._count(seen)
            return
        from shootdown.machine.native.counting import count_native
        from shootdown.machine.native.search import NativeSearch

        assert isinstance(seen, NativeSearch)
        self.counts, self.seconds = count_native(seen)

    def _count(self, seen: PythonSearch) -> None:
        began = time.monotonic()
        for words in seen.states_in_order():
            for actor, outcome in seen.interpreter.expand(words).attempts:
                self.counts.update((actor, index) for index in outcome.reached)
        self.seconds = time.monotonic() - began
