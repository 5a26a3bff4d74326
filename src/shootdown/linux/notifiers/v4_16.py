"""4.16: the OOM reaper handles address spaces whose subscribers say that they never block.

MMU_INVALIDATE_DOES_NOT_BLOCK in mmu_notifier_ops.flags; for those it calls start and end like
everybody else. Here a driver says so by `never_blocks = True`; one without start, end and
invalidate_range has nothing that could block. Source: commit 5ff7091f5a2c.
"""

from __future__ import annotations

from shootdown.linux.notifiers import v4_15


class Notifiers(v4_15.Notifiers):
    """One subscriber that may block is enough to be skipped."""

    since = (4, 16, 0)
    oom_reaper_announces = True

    def prepare(self) -> None:
        """Whether one of them may block."""
        super().prepare()
        concerned = [*self.starts, *self.ends, *self.flushes]
        self.may_block = any(
            not getattr(each.subscriber, "never_blocks", False) for each in concerned
        )

    def oom_reaper_skips(self) -> bool:
        """mm_has_blockable_invalidate_notifiers()"""
        return self.may_block
