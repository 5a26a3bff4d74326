"""5.18: removing an interval waits for the right thing.

mmu_interval_notifier_remove() looked at the sequence without the lock, and could return while the
list of what was put off was still being worked through (B22, commit 319561669a59).
"""

from __future__ import annotations

from shootdown.linux.notifiers import v5_14


class Notifiers(v5_14.Notifiers):
    """The condition is evaluated under the lock."""

    since = (5, 18, 0)

    def wait_for_removal(self, seq: int) -> None:
        """mmu_interval_seq_released(): whoever moved the sequence has given back the lock."""
        super().wait_for_removal(seq)
        with self.lock:
            assert self.invalidate_seq != seq
