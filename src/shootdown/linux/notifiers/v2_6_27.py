"""2.6.27: the first version. Nobody may sleep; single pages are announced under a spinlock.

The list is walked by an RCU reader, so no callback may sleep, although start and end are called
where sleeping would be possible. start and end surround what covers a range; what changes one entry
(copy-on-write, reclaim, write-back) calls invalidate_page instead, between flushing the CPUs and
giving back the page-table lock. Source: commit cddb8a5c14aa; mm/mmu_notifier.c,
include/linux/mmu_notifier.h, mm/memory.c and mm/rmap.c of 2.6.28.

**For those who write operations.** Call the hooks where the kernel calls something, or could have:
which generation tells whom what there is decided here and in the classes that inherit. Every hook
exists in every generation. Hooks with the name of a kernel function stand where that function is
called; hooks in the past tense are places. Facts (`*_is_announced` and others) are known while
compiling: `if mm.notifiers.rmap_is_announced:` costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shootdown.lang.declare import (
    Atomic,
    Counter,
    PageRange,
    Pte,
    Spinlock,
    atomic_context,
    count,
    indivisible,
    wait_until,
)
from shootdown.lang.part import Part
from shootdown.lang.rcu import Rcu
from shootdown.linux.notifiers.audit import Audit
from shootdown.linux.notifiers.range import MmuNotifierRange
from shootdown.linux.notifiers.subscriber import Subscriber
from shootdown.linux.notifiers.subscription import NobodyWaits, Subscription
from shootdown.linux.version import Version

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


class Notifiers(Part):
    """The hooks that operations call, and what this generation makes of them."""

    since: Version = (2, 6, 27)
    callbacks: tuple[str, ...] = (
        "release",
        "clear_flush_young",
        "invalidate_page",
        "invalidate_range_start",
        "invalidate_range_end",
    )
    """what a driver of this generation can implement"""

    audit: Audit | None = None
    """the books of who calls start and end, where they are kept"""

    # --- facts: what operations of this generation do -------------------------------------------

    copy_is_announced: bool = False
    """a write fault that copies a page, KSM's change of one: wrapped in start and end"""
    rmap_is_announced: bool = False
    """try_to_unmap_one(), try_to_migrate_one(), page_mkclean_one(): wrapped in start and end"""
    hugetlb_copy_is_announced: bool = False
    """hugetlb_cow(); forgotten at first (B15)"""
    hugetlb_fork_is_announced: bool = False
    """copy_hugetlb_page_range(); forgotten at first (B15)"""
    split_is_announced: bool = False
    """__split_huge_pmd(): wrapped in start and end around the change of entries"""
    file_collapse_is_announced: bool = False
    """collapse_pte_mapped_thp(), retract_page_tables(): forgotten until 6.1 (B24)"""
    mremap_flushes_under_lock: bool = False
    """move_ptes() flushes before it gives back the page-table locks (B26)"""
    flushes_in_mprotect: bool = True
    """mprotect flushes CPU TLBs before it calls end (mm/mprotect.c up to 3.14)"""
    mprotect_skips_unpopulated: bool = False
    """mprotect announces only from the first populated page table on"""
    mprotect_starts_at_pud: bool = False
    """and looks for that one level higher: the first populated 1 GiB block"""
    oom_reaper_announces: bool = False
    """the OOM reaper calls start and end at all; it did not when it was new in 4.6"""

    def __init__(
        self,
        subscribers: Sequence[Subscriber],
        comes_and_goes: bool = False,
        registered: bool = True,
    ) -> None:
        self.comes_and_goes = comes_and_goes
        """subscriptions are made and given up while the system runs; else all are there for good"""
        self.subscriptions = [
            Subscription(each, number, comes_and_goes, registered)
            for number, each in enumerate(subscribers)
        ]
        self.readers: Any = self.new_readers() if comes_and_goes else NobodyWaits()
        self.lock = Spinlock()
        """mmu_notifier_mm.lock: of the list"""
        self.is_awaited = not registered
        """somebody will register: who is between start and end matters"""
        self.pairs = Atomic(Counter())
        """how many are"""
        self.flushes: list[Subscription] = []
        """drivers to call at flush points"""
        self.prepare()

    def prepare(self) -> None:
        """Who has which callback; generations add what else they keep."""
        self.starts = self.having("invalidate_range_start")
        self.ends = self.having("invalidate_range_end")
        self.pages = self.having("invalidate_page")
        self.releases = self.having("release")
        self.flush_youngs = self.having("clear_flush_young")

    def new_readers(self) -> Any:
        """What walks of the list are readers of, so that it can be waited for them."""
        return Rcu()

    def having(self, callback: str) -> list[Subscription]:
        """The subscriptions with a callback, if this generation calls it."""
        if callback not in self.callbacks:
            return []
        return [each for each in self.subscriptions if hasattr(each.subscriber, callback)]

    def walks(self, concerned: Sequence[Subscription]) -> bool:
        """Whether the list is walked for these: as soon as there is one, whoever is on it."""
        if self.subscriptions:
            count("walks of the subscriber list")
        return bool(self.subscriptions)

    def oom_reaper_skips(self) -> bool:
        """The OOM reaper leaves an address space with these subscribers alone."""
        return False

    # --- a range is about to change, has changed ------------------------------------------------

    def invalidate_range_start(self, range: MmuNotifierRange) -> None:
        """mmu_notifier_invalidate_range_start(): before any entry of the range changes, and before
        the page-table lock is taken (M2)."""
        self.pair_begins()
        self.send_start(range)
        if self.audit is not None:
            self.audit.start_returned(range)

    def invalidate_range_start_nonblock(self, range: MmuNotifierRange) -> bool:
        """mmu_notifier_invalidate_range_start_nonblock(); before 4.19 the same as the one that may
        block. False is -EAGAIN: change no entry, and call no end (M3). Give it a range that is not
        `blockable`."""
        self.invalidate_range_start(range)
        return True

    def invalidate_range_end(self, range: MmuNotifierRange) -> None:
        """mmu_notifier_invalidate_range_end(): all entries have changed. It promises nothing about
        CPU TLB flushes, freed pages or freed tables (section 4 of the call-site table)."""
        if self.audit is not None:
            self.audit.end_called(range)
        self.send_whole_end(range)
        self.pair_ends()

    def invalidate_range_only_end(self, range: MmuNotifierRange) -> None:
        """The end of an operation that already reached the flush points by itself: copy-on-write,
        insertion of migrated device pages, huge write faults, PMD and PUD splits."""
        self.invalidate_range_end(range)

    # --- places under the page-table lock --------------------------------------------------------

    def pte_cleared_and_flushed(self, range: PageRange) -> None:
        """ptep_clear_flush_notify(), pmdp_huge_clear_flush_notify(): entry cleared, CPUs flushed, a
        page with other contents comes next (copy-on-write, uprobes)."""
        for page in range:
            self.invalidate_page(page)

    def pte_downgraded_and_flushed(self, range: PageRange) -> None:
        """The same place where the page stays, or another with the same contents comes: KSM's
        write_protect_page() and replace_page()."""

    def page_unmapped(self, page: int) -> None:
        """try_to_unmap_one(), try_to_migrate_one(): entry cleared, CPUs flushed (or the flush is
        queued), page-table lock held, the caller still has a reference of the page."""
        self.invalidate_page(page)

    def huge_page_unmapped(self, range: PageRange) -> None:
        """The same for one entry that maps several pages: the PMD of a THP, a hugetlb page.
        invalidate_page hears of the first page only (B7)."""
        self.page_unmapped(range.start)

    def page_cleaned(self, page: int) -> None:
        """page_mkclean_one(): entry read-only and clean, CPUs flushed, page-table lock held."""
        self.invalidate_page(page)

    def hugetlb_changed(self, range: PageRange) -> None:
        """mmu_notifier_invalidate_range() that hugetlb calls by itself, page-table lock held: when
        it has copied, write-protected (fork, mprotect) or moved entries."""

    def set_pte_at_notify(self, mm: Mm, page: int, pte: Pte) -> None:
        """set_pte_at_notify(): the new entry after pte_cleared_and_flushed(); `Mm` has it too."""
        mm.pte[page] = pte

    # --- places without it -----------------------------------------------------------------------

    def page_unlocked(self, page: int) -> None:
        """try_to_unmap_one(), page_mkclean_one(): the page-table lock has just been given back, the
        caller still has a reference of the page."""

    def gather_flushed(self, range: PageRange) -> None:
        """An mmu_gather has flushed CPU TLBs and is about to free what it gathered."""

    def cpu_tlb_flushed(self, range: PageRange) -> None:
        """The architecture has flushed a range from CPU TLBs, for whatever reason."""

    # --- accessed bits, page-table lock held -----------------------------------------------------

    def ptep_clear_flush_young_notify(self, page: int) -> bool:
        """What secondary MMUs answer to ptep_clear_flush_young_notify(), for one page: it was used;
        the operation adds the CPU's own bit."""
        return self.clear_flush_young(PageRange(page, page + 1))

    def pmdp_clear_flush_young_notify(self, range: PageRange) -> bool:
        """The same for a huge page; only the first page is asked about until 3.17."""
        return self.clear_flush_young(PageRange(range.start, range.start + 1))

    def ptep_clear_young_notify(self, page: int) -> bool:
        """ptep_clear_young_notify(): as above, but the secondary TLB need not be flushed (4.3)."""
        return self.ptep_clear_flush_young_notify(page)

    def mmu_notifier_test_young(self, page: int) -> bool:
        """mmu_notifier_test_young(): was it used? Nothing is cleared (~2.6.38)."""
        return False

    # --- subscriptions come and go ---------------------------------------------------------------

    @indivisible
    def register(self, subscription: Subscription) -> None:
        """__mmu_notifier_register(). mm_take_all_locks() takes every lock that can be held between
        a start and its end: mmap_lock, those of the reverse mapping, those of VMAs (6.4). What
        comes of it is that nobody is there, and that is what is modelled."""
        wait_until(self.pairs == 0)
        subscription.hashed = True

    def pair_begins(self) -> None:
        """Somebody is about to call start."""
        if self.is_awaited:
            self._enter()
        if self.audit is not None:
            self.audit.start_called()

    def pair_ends(self) -> None:
        """End has been called, or start was refused."""
        if self.audit is not None:
            self.audit.over()
        if self.is_awaited:
            self._leave()

    @indivisible
    def _enter(self) -> None:
        self.pairs += 1

    @indivisible
    def _leave(self) -> None:
        self.pairs -= 1

    def unregister(self, subscription: Subscription) -> None:
        """mmu_notifier_unregister(): whoever finds it on the list takes it off and calls release;
        then everybody who may still be in a callback is waited for. Not from a callback, nor with
        a lock that callbacks take (D11)."""
        with self.readers.read():
            with self.lock:
                found = subscription.hashed
                subscription.hashed = False
            if found and subscription in self.releases:
                self.call_release(subscription)
        self.readers.synchronize()

    def release(self) -> None:
        """mmu_notifier_release(), from exit_mmap(): nothing has been unmapped yet."""
        if self.comes_and_goes:
            self.unhook()
            self.readers.synchronize()
        else:
            for each in self.releases:
                self.call_release(each)

    def unhook(self) -> None:
        """__mmu_notifier_release(): each is taken off the list, and its release runs after that
        (B17 a). Linux becomes a reader between the two, under the lock; here a little earlier."""
        for each in self.subscriptions:
            with self.readers.read():
                with self.lock:
                    found = each.hashed
                    each.hashed = False
                if found and each in self.releases:
                    self.call_release(each)

    def call_release(self, subscription: Subscription) -> None:
        """One call. A driver has to bear two of them, and at the same time."""
        count("calls of release")
        self.tell_release(subscription.alive())
        subscription.judge_alive()

    # --- what this generation sends --------------------------------------------------------------

    def send_start(self, range: MmuNotifierRange) -> None:
        """__mmu_notifier_invalidate_range_start()"""
        if self.walks(self.starts):
            with self.readers.read():
                for each in self.starts:
                    if each.hashed:
                        count("calls of invalidate_range_start")
                        self.tell_start(each.alive(), range)
                        each.judge_alive()
                        if self.audit is not None:
                            self.audit.heard_start(each)

    def send_whole_end(self, range: MmuNotifierRange) -> None:
        """What an end sends that is no `only_end`."""
        self.send_end(range)

    def send_end(self, range: MmuNotifierRange) -> None:
        """__mmu_notifier_invalidate_range_end()"""
        if self.walks(self.ends):
            with self.readers.read():
                for each in self.ends:
                    if each.hashed:
                        self.call_end(each, range)

    def call_end(self, each: Subscription, range: MmuNotifierRange) -> None:
        """One call."""
        count("calls of invalidate_range_end")
        self.tell_end(each.alive(), range)
        each.judge_alive()
        if self.audit is not None:
            self.audit.heard_end(each)

    def invalidate_page(self, page: int) -> None:
        """mmu_notifier_invalidate_page()"""
        if self.walks(self.pages):
            with self.readers.read():
                for each in self.pages:
                    if each.hashed:
                        self.call_page(each, page)

    def call_page(self, each: Subscription, page: int) -> None:
        """One call."""
        count("calls of invalidate_page")
        self.tell_page(each.alive(), page)
        each.judge_alive()

    def clear_flush_young(self, range: PageRange) -> bool:
        """__mmu_notifier_clear_flush_young(): every one is asked."""
        young = False
        if self.walks(self.flush_youngs):
            with self.readers.read():
                for each in self.flush_youngs:
                    if each.hashed:
                        count("calls of clear_flush_young")
                        if self.ask_flush_young(each.alive(), range):
                            young = True
        return young

    # --- in which context ------------------------------------------------------------------------

    @atomic_context
    def tell_start(self, subscriber: Subscriber, range: MmuNotifierRange) -> None:
        """Under rcu_read_lock()."""
        subscriber.invalidate_range_start(range)

    @atomic_context
    def tell_end(self, subscriber: Subscriber, range: MmuNotifierRange) -> None:
        """Under rcu_read_lock()."""
        subscriber.invalidate_range_end(range)

    @atomic_context
    def tell_page(self, subscriber: Subscriber, page: int) -> None:
        """Under rcu_read_lock(), and under the page-table lock."""
        subscriber.invalidate_page(page)

    @atomic_context
    def tell_release(self, subscriber: Subscriber) -> None:
        """Under rcu_read_lock()."""
        subscriber.release()

    @atomic_context
    def ask_flush_young(self, subscriber: Subscriber, range: PageRange) -> bool:
        """Under the page-table lock, in every generation."""
        return subscriber.clear_flush_young(range)
