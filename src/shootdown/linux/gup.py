"""get_user_pages(): what a driver that fills tables of its own calls (mm/gup.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import EMPTY, Pte
from shootdown.linux.faults import handle_mm_fault
from shootdown.linux.swapops import DEVICE_PRIVATE, MIGRATION

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


def fault_in(mm: Mm, page: int, write: bool) -> Pte:
    """One page: the entry, EMPTY if the access is not allowed.

    follow_page, and handle_mm_fault until that finds a page. Linux also takes a reference on the
    page, which the driver drops when it has installed its mapping; leaving the reference out allows
    more runs, never fewer.
    """
    if mm.userfaultfd is not None:
        return _fault_in_retrying(mm, page, write)
    with mm.mmap_lock.read():
        while True:
            with mm.page_table_lock:
                pte = mm.pte[page]
                if pte.allows(write):
                    pte = mm.got(page, pte, write)
            if not mm.permits(page, write):
                return EMPTY
            if pte.allows(write):
                return pte
            if not handle_mm_fault(mm, page, write):
                return EMPTY


def pin_user_page(mm: Mm, page: int, write: bool) -> Pte:
    """pin_user_pages() for one page: the same, with a reference that keeps the page until
    `unpin_user_page`. It keeps neither the entry nor what the process sees at the address."""
    with mm.mmap_lock.read():
        while True:
            if not mm.permits(page, write):
                return EMPTY
            with mm.page_table_lock:
                pte = mm.pte[page]
                if pte.allows(write):
                    mm.memory.get_page(pte.frame)
                    return pte
            handle_mm_fault(mm, page, write)


def hmm_range_fault(mm: Mm, page: int, write: bool, owner: object) -> Pte:
    """hmm_range_fault() for one page, mm/hmm.c: as above, but what lies in memory of the owner is
    returned as it is (dev_private_owner), and what is being moved is waited for."""
    assert mm.device_memory is not None and mm.swap_entries is not None
    with mm.mmap_lock.read():
        while True:
            with mm.page_table_lock:
                pte = mm.pte[page]
                if mm.device_memory.pgmap is owner:
                    if mm.swap_entries.kind[page] == DEVICE_PRIVATE:
                        pte = mm.swap_entries.entry[page]
                moving = mm.swap_entries.kind[page] == MIGRATION
            if not mm.permits(page, write):
                return EMPTY
            if pte.allows(write):
                return pte
            if moving:
                mm.swap_entries.migration_entry_wait(page)
            else:
                handle_mm_fault(mm, page, write)


def _fault_in_retrying(mm: Mm, page: int, write: bool) -> Pte:
    """The same where a fault may end with VM_FAULT_RETRY: mmap_lock is given back, and one waits
    for the monitor of a userfaultfd without it."""
    assert mm.userfaultfd is not None
    while True:
        with mm.mmap_lock.read():
            with mm.page_table_lock:
                pte = mm.pte[page]
                if pte.allows(write):
                    pte = mm.got(page, pte, write)
            if not mm.permits(page, write):
                return EMPTY
            if pte.allows(write):
                return pte
            if not handle_mm_fault(mm, page, write):
                return EMPTY
        mm.userfaultfd.handle_userfault(page, write, True)
