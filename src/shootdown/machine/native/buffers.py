"""What the plain loop needs to expand a batch of states: room for successors, hashes, ends."""

from __future__ import annotations

from shootdown.machine.native.arena import Arena
from shootdown.machine.native.bfs import Arrays
from shootdown.machine.native.sizes import BATCH
from shootdown.machine.native.store import Store


class Buffers:
    """Room for `capacity` successors of so many words; `close` gives it back."""

    def __init__(self, capacity: int, words: int) -> None:
        """Raises OSError if there is no memory."""
        self._capacity = capacity
        self._arenas = [Arena(capacity * words, "Q"), Arena(capacity, "Q"), Arena(BATCH, "q")]

    @staticmethod
    def size(capacity: int, words: int) -> int:
        """Bytes."""
        return capacity * (words + 1) * 8 + BATCH * 8

    def arrays(self, store: Store, marks: int) -> Arrays:
        """Where everything lies for a thread that marks at an address; nothing moves."""
        buffer, hashes, ends = (arena.address for arena in self._arenas)
        return Arrays(
            store.states.address,
            store.firsts.address,
            store.table.address,
            buffer,
            self._capacity,
            hashes,
            ends,
            marks,
        )

    def close(self) -> None:
        """Give the memory back."""
        for arena in self._arenas:
            arena.close()
