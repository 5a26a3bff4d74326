"""4.11: invalidate_page is under the page-table lock again, by accident.

try_to_unmap_one() and page_mkclean_one() became loops of page_vma_mapped_walk(), which holds the
lock. Whoever sleeps in invalidate_page, as was allowed since 3.7, now sleeps in atomic context
(B6). Source: commits c7ab0d2fdc84, f27176cfc363; mm/rmap.c of 4.12.
"""

from __future__ import annotations

from shootdown.linux.notifiers import v4_5


class Notifiers(v4_5.Notifiers):
    """The broken middle."""

    since = (4, 11, 0)

    def page_unmapped(self, page: int) -> None:
        """mmu_notifier_invalidate_page(), lock held."""
        self.invalidate_page(page)

    def page_cleaned(self, page: int) -> None:
        """mmu_notifier_invalidate_page(), lock held."""
        self.invalidate_page(page)

    def page_unlocked(self, page: int) -> None:
        """Already told."""
