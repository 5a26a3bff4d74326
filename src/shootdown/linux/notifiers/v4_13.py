"""4.13: invalidate_page is gone; walks of the reverse mapping are wrapped in start and end.

Sleepable callbacks come before and after the page-table lock, invalidate_range under it; ranges are
computed once from the size of the page, so huge pages are covered (B7). Source: commits
369ea8242c0f, a4d1a8852513, ending with ea25c4317946 (the first two ids from memory); often said to
be 4.14, absent in 4.13.4 already.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.notifiers import v4_11


class Notifiers(v4_11.Notifiers):
    """One callback less."""

    since = (4, 13, 0)
    callbacks = tuple(c for c in v4_11.Notifiers.callbacks if c != "invalidate_page")
    rmap_is_announced = True

    def page_unmapped(self, page: int) -> None:
        """mmu_notifier_invalidate_range(), lock held: the page may be freed before end."""
        self.invalidate_range(PageRange(page, page + 1))

    def huge_page_unmapped(self, range: PageRange) -> None:
        """All of it."""
        self.invalidate_range(range)

    def page_cleaned(self, page: int) -> None:
        """mmu_notifier_invalidate_range(), lock held."""
        self.invalidate_range(PageRange(page, page + 1))
