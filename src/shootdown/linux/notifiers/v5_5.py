"""5.5: interval notifiers: told of their own range only, with collision-retry in place of an end.

One count and one sequence for all intervals of an address space. The sequence is even while no
interval is hit, odd from the first hit until the last range under way has ended; while it is odd
the tree is frozen. Start goes to intervals before the list, end likewise; nouveau rests on that.
Intervals get RELEASE when the address space ends, stay in the tree, and hear of the teardown too.

If an interval agrees and then somebody on the list refuses, nothing takes back the count: the
sequence stays odd for ever (B23 b, from reading 6.18 and 6.19; no report is known). Source: commit
99cb252f5e68; mm/mmu_notifier.c of 5.10 and 6.18.
"""

from __future__ import annotations

from shootdown.lang.declare import (
    Counter,
    atomic_context,
    count,
    might_sleep,
    require,
    wait_until,
)
from shootdown.linux.notifiers import v5_4
from shootdown.linux.notifiers.interval import FIRST_SEQUENCE, MmuIntervalNotifier
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.notifiers.subscriber import Subscriber
from shootdown.rules.lifetime import REFUSED_BLOCKABLE


class Notifiers(v5_4.Notifiers):
    """Adds the interval tree."""

    since = (5, 5, 0)
    callbacks = (*v5_4.Notifiers.callbacks, "invalidate")

    def prepare(self) -> None:
        """The interval tree."""
        super().prepare()
        self.intervals = [
            found for each in self.subscriptions for found in _intervals_of(each.subscriber)
        ]
        self.invalidate_seq = Counter(FIRST_SEQUENCE)
        self.active_invalidate_ranges = Counter()

    # --- start and end ---------------------------------------------------------------------------

    def send_start(self, range: MmuNotifierRange) -> None:
        """Intervals first."""
        if self.intervals:
            require(self.mn_itree_invalidate(range), REFUSED_BLOCKABLE)
        super().send_start(range)

    def send_start_nonblock(self, range: MmuNotifierRange) -> bool:
        """Intervals first; if one refuses, the list is not asked."""
        if self.intervals:
            if not self.mn_itree_invalidate(range):
                self.mn_itree_inv_end()
                return False
        return super().send_start_nonblock(range)

    def send_end(self, range: MmuNotifierRange) -> None:
        """Intervals first here too."""
        if self.intervals:
            self.mn_itree_inv_end()
        super().send_end(range)

    def send_end_and_flush(self, range: MmuNotifierRange) -> None:
        """Likewise."""
        if self.intervals:
            self.mn_itree_inv_end()
        super().send_end_and_flush(range)

    def mn_itree_invalidate(self, range: MmuNotifierRange) -> bool:
        """Count, freeze if anybody is hit, and tell those without the lock; False: one refused."""
        hit = False
        with self.lock:
            self.active_invalidate_ranges += 1
            for each in self.intervals:
                if each.in_tree and each.overlaps(range):
                    hit = True
            if hit:
                self.invalidate_seq |= 1
            cur_seq = self.invalidate_seq
        agreed = True
        if hit:
            count("walks of the interval tree")
            for each in self.intervals:
                if each.in_tree and each.overlaps(range):
                    count("calls of invalidate")
                    if not self.tell_interval(each, range, cur_seq):
                        agreed = False
        return agreed

    def tell_interval(
        self, interval: MmuIntervalNotifier, range: MmuNotifierRange, cur_seq: int
    ) -> bool:
        """mmu_interval_notifier_ops.invalidate(); may sleep if the range may block."""
        if range.blockable:
            return self._tell(interval, range, cur_seq)
        return self._tell_nonblock(interval, range, cur_seq)

    def _tell(self, interval: MmuIntervalNotifier, range: MmuNotifierRange, cur_seq: int) -> bool:
        interval.judge_alive()
        answer: bool | None = interval.driver.invalidate(interval, range, cur_seq)
        interval.judge_alive()
        return answer is None or answer

    @atomic_context
    def _tell_nonblock(
        self, interval: MmuIntervalNotifier, range: MmuNotifierRange, cur_seq: int
    ) -> bool:
        return self._tell(interval, range, cur_seq)

    def mn_itree_inv_end(self) -> None:
        """The last range under way thaws the tree; what was put off is done now."""
        with self.lock:
            self.active_invalidate_ranges -= 1
            if self.active_invalidate_ranges == 0 and self.invalidate_seq % 2 == 1:
                self.invalidate_seq += 1
                for each in self.intervals:
                    if each.deferred:
                        each.in_tree = not each.in_tree
                        each.judge_alive()
                        each.deferred = False

    # --- insert and remove -----------------------------------------------------------------------

    def mmu_interval_notifier_insert(self, interval: MmuIntervalNotifier) -> None:
        """__mmu_interval_notifier_insert(): ranges under way may be about this one, so a reader has
        to wait for them. On return it may still be outside the tree."""
        with self.lock:
            if self.active_invalidate_ranges > 0:
                if self.invalidate_seq % 2 == 1:
                    interval.deferred = True
                else:
                    self.invalidate_seq |= 1
                    interval.in_tree = True
                interval.invalidate_seq = self.invalidate_seq
            else:
                interval.invalidate_seq = self.invalidate_seq - 1
                interval.in_tree = True

    def mmu_interval_notifier_remove(self, interval: MmuIntervalNotifier) -> None:
        """Put off while the tree is frozen, and waited for. Not from a callback, nor with a lock
        that callbacks take (D11)."""
        might_sleep()
        waits = False
        with self.lock:
            seq = self.invalidate_seq
            if seq % 2 == 1:
                if interval.in_tree:
                    interval.deferred = True
                    waits = True
                else:
                    interval.deferred = False
            else:
                interval.in_tree = False
        if waits:
            self.wait_for_removal(seq)

    def wait_for_removal(self, seq: int) -> None:
        """Without the lock (B22): true as soon as the sequence has moved, while the one who moved
        it has yet to do what was put off."""
        wait_until(self.invalidate_seq != seq)

    # --- the end of the address space ------------------------------------------------------------

    def release(self) -> None:
        """mn_itree_release(), then the list."""
        if self.intervals:
            everything = MmuNotifierRange(
                0, self.intervals[0].mm.pages, Event.RELEASE, "mmu_notifier_release"
            )
            self.mn_itree_invalidate(everything)
            self.mn_itree_inv_end()
        super().release()


def _intervals_of(subscriber: Subscriber) -> list[MmuIntervalNotifier]:
    """The interval notifiers among the attributes of a driver, alone or in lists."""
    values = vars(subscriber).values()
    members = [m for v in values for m in (v if isinstance(v, list | tuple) else (v,))]
    return [member for member in members if isinstance(member, MmuIntervalNotifier)]
