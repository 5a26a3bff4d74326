"""How many threads a search may use at the moment, and when more than one are worth it.

Most searches are over before a second thread could have helped.
"""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 0.25
"""seconds that a search runs alone"""


class Hands:
    """Called by a search: how many threads it may use now, itself included."""

    def __init__(self, free: Callable[[], int]) -> None:
        self._free = free
        self._since = time.monotonic()
        self._willing = False

    def __call__(self) -> int:
        """One until the search has run for a while."""
        if not self._willing:
            waited = time.monotonic() - self._since
            self._willing = waited >= PATIENCE
        return self._free() if self._willing else 1
