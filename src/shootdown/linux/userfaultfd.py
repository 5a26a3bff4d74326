"""userfaultfd with write protection: mm/userfaultfd.c, fs/userfaultfd.c; and PAGEMAP_SCAN.

A bit of the entry (_PAGE_UFFD_WP, 5.7) says that the right to write is withheld for a monitor. Who
writes such a page waits until the monitor has given the right back; or, where the range was
registered with UFFD_FEATURE_WP_ASYNC (6.7), the fault clears the bit itself and goes on, and the
cleared bit is the record that somebody wrote, which PAGEMAP_SCAN collects. The bit changes under
the page-table lock, with the entry that it is in.

Every VMA is registered, and empty entries are not protected (no UFFD_FEATURE_WP_UNPOPULATED).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import Flag, PerPage, Pte, wait_until
from shootdown.lang.part import Part
from shootdown.linux.memory import ZERO_FRAME
from shootdown.program.kind import READ_ONLY, READ_WRITE

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


class Userfaultfd(Part):
    """struct userfaultfd_ctx, and the bit of every entry."""

    wp_async = False
    """userfaultfd_wp_async(): nobody waits"""

    def __init__(self, mm: Mm) -> None:
        self.label = "userfaultfd"
        self.mm = mm
        self.wp = PerPage(Flag)
        self.resolve_upgrades = mm.kernel >= (6, 2, 0)
        """taking the bit away gives the right to write back at once where the page is nobody else's
        (MM_CP_TRY_CHANGE_WRITABLE in uffd_wp_range(); version from memory)"""
        mm.userfaultfd = self

    # --- faults ---------------------------------------------------------------------------------

    def must_wait(self, page: int) -> bool:
        """do_wp_page(): what a write fault makes of the bit. Caller holds the page-table lock."""
        if not self.wp[page]:
            return False
        if self.wp_async:
            self.wp[page] = False
            return False
        return True

    def handle_userfault(self, page: int, write: bool, allow_retry: bool) -> bool:
        """handle_userfault(): wait, without any lock, until the monitor gives the right back. False
        for those who may not wait: VM_FAULT_SIGBUS."""
        if self.wp_async or not write or not self.wp[page]:
            return True
        if not allow_retry:
            return False
        wait_until(not self.wp[page], idle=True)
        return True

    # --- what change_protection() does to one entry ----------------------------------------------

    def write_protect(self, page: int) -> bool:
        """MM_CP_UFFD_WP: whether to flush. Caller holds the page-table lock."""
        pte = self.mm.pte[page]
        if not pte.present or self.wp[page]:
            return False
        self.wp[page] = True
        protected = pte
        if pte.rights == READ_WRITE:
            protected = pte.with_rights(READ_ONLY)
            self.mm.pte[page] = protected
        return self.mm.arch.pte_needs_flush(pte, protected)

    def resolve(self, page: int) -> bool:
        """MM_CP_UFFD_WP_RESOLVE: the bit goes; the right comes back with it or with the next
        fault. Whether to flush. Caller holds the page-table lock."""
        pte = self.mm.pte[page]
        if not self.wp[page]:
            return False
        self.wp[page] = False
        resolved = pte
        if self.resolve_upgrades and self._is_exclusive(page, pte):
            resolved = pte.with_rights(READ_WRITE)
            self.mm.pte[page] = resolved
        return self.mm.arch.pte_needs_flush(pte, resolved)

    def _is_exclusive(self, page: int, pte: Pte) -> bool:
        return (
            self.mm.permits(page, True)
            and pte.frame != ZERO_FRAME
            and self.mm.memory.refcount[pte.frame] == 1
        )


class AsyncUserfaultfd(Userfaultfd):
    """Registered with UFFD_FEATURE_WP_ASYNC."""

    wp_async = True
