"""Page faults on private anonymous memory: do_user_addr_fault(), handle_mm_fault(), mm/memory.c.

A read of nothing maps the zero page; a write of nothing a new page; a write to a page that is
shared copies it: S, [P-, C, X, P+], E, R (row 11 of the call-site table); a write to a page that
is not shared any more gets its right back (row 12), which sends nothing by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import PageRange, Pte, count
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.vma_merge import anon_vma_prepare
from shootdown.program.kind import PROT_NONE, READ_ONLY, READ_WRITE

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


def page_fault(mm: Mm, page: int, write: bool, allow_retry: bool) -> bool:
    """do_user_addr_fault(): a CPU faulted; False means SIGSEGV."""
    count("page faults")
    with mm.mmap_lock.read():
        if not mm.permits(page, write):
            return False
        found = handle_mm_fault(mm, page, write)
    if mm.userfaultfd is not None:
        return mm.userfaultfd.handle_userfault(page, write, allow_retry)
    return found


def handle_mm_fault(mm: Mm, page: int, write: bool) -> bool:
    """The VMA allows the access; mmap_lock is held for reading. Like Linux it makes progress but
    promises nothing about the entry afterwards. False means SIGBUS: the file is not that long."""
    if mm.huge is not None and mm.huge.fault(page, write):
        return True
    range = PageRange(page, page + 1)
    mm.begin(range)
    found = _handle_pte_fault(mm, page, write)
    mm.end(range)
    return found


def _handle_pte_fault(mm: Mm, page: int, write: bool) -> bool:
    with mm.page_table_lock:
        if mm.huge is not None and mm.huge.leaf[page // mm.entries]:
            return True
        mm.populate_table(page)
        old = mm.pte[page]
        swapped = mm.is_swap_pte(page) and not old.present
        if not old.present:
            if not swapped and not mm.is_file(page):
                _do_anonymous_page(mm, page, write)
                return True
        elif mm.numa_balancing and old.rights == PROT_NONE:
            _do_numa_page(mm, page, old)
            return True
        elif not write or old.writable:
            mm.made_young(page)
            return True
        elif mm.userfaultfd is not None and mm.userfaultfd.must_wait(page):
            return True
        elif _may_reuse(mm, page, old):
            _wp_page_reuse(mm, page, old)
            return True
    if mm.swap_entries is not None and swapped:
        mm.swap_entries.do_swap_page(page, write)
        return True
    if mm.files is not None and mm.files.faults_on(page, old):
        return mm.files.do_fault(page, old, write)
    wp_page_copy(mm, page, old)
    return True


def _may_reuse(mm: Mm, page: int, old: Pte) -> bool:
    """wp_can_reuse_anon_folio(): nobody else has the page."""
    if mm.is_file_page(page, old.frame):
        return False
    if mm.splitter is not None and mm.splitter.folios.is_large(old.frame):
        return mm.splitter.may_reuse(old.frame)
    return old.frame != ZERO_FRAME and mm.memory.refcount[old.frame] == 1


def _do_anonymous_page(mm: Mm, page: int, write: bool) -> None:
    if mm.userfaultfd is not None:
        mm.userfaultfd.wp[page] = False
    if write:
        vmf_anon_prepare(mm, page)
        mm.made_dirty(page)
        mm.pte[page] = Pte(mm.memory.alloc_page(), READ_WRITE)
    else:
        mm.pte[page] = Pte(ZERO_FRAME, READ_ONLY)
    mm.made_young(page)


def _do_numa_page(mm: Mm, page: int, old: Pte) -> None:
    """do_numa_page(): the VMA allows the access, the entry nothing: somebody wanted to know who
    uses the page (row 6). It gets its rights back, to write it if nobody else has it (since 6.2,
    6a56ccbcf6c6; before, the entry remembered it); nobody is told, and nothing is flushed."""
    alone = old.frame != ZERO_FRAME and mm.memory.refcount[old.frame] == 1
    if alone and mm.permits(page, True):
        mm.pte[page] = old.with_rights(READ_WRITE)
    else:
        mm.pte[page] = old.with_rights(READ_ONLY)
    mm.made_young(page)


def _wp_page_reuse(mm: Mm, page: int, old: Pte) -> None:
    """More rights for the only user; whether that is flushed is the architecture's business."""
    mm.made_dirty(page)
    mm.arch.ptep_set_access_flags(page, old.with_rights(READ_WRITE))
    mm.made_young(page)
    count("write faults, page reused")


def _pte_same(mm: Mm, page: int, old: Pte) -> bool:
    """pte_same(): the bits of software count too; a userfaultfd may have protected the page."""
    if mm.userfaultfd is not None and mm.userfaultfd.wp[page]:
        return False
    return mm.pte[page] == old


def wp_page_copy(mm: Mm, page: int, old: Pte) -> None:
    """wp_page_copy(): announced whether or not it is needed any more when the lock is taken."""
    range = MmuNotifierRange(page, page + 1, Event.CLEAR, "do_wp_page")
    vmf_anon_prepare(mm, page)
    unused = mm.memory.alloc_page()
    if mm.notifiers.copy_is_announced:
        mm.notifiers.invalidate_range_start(range)
    with mm.page_table_lock:
        if _pte_same(mm, page, old):
            mm.ptep_clear_flush_notify(page)
            mm.cleared_dirty(page, old.frame)
            mm.made_dirty(page)
            mm.replaces(page, old)
            mm.set_pte_at_notify(page, Pte(unused, READ_WRITE))
            mm.lets_go(page, old.frame)
            mm.made_young(page)
            unused = old.frame
    if mm.notifiers.copy_is_announced:
        mm.notifiers.invalidate_range_only_end(range)
    mm.memory.put_page(unused)
    mm.replaced_it(page)
    count("write faults, page copied")


def vmf_anon_prepare(mm: Mm, page: int) -> None:
    """vmf_anon_prepare(): the VMA needs an anon_vma before its first anonymous page."""
    if mm.vmas is not None:
        anon_vma_prepare(mm.vmas, page)
