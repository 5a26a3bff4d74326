"""mbind(2) with MPOL_MF_MOVE on a machine with one node, mm/mempolicy.c of 6.18.

MPOL_BIND to the node finds every page where it should be. With MPOL_DEFAULT no node is right
(queue_pages_range() with MPOL_MF_INVERT and no nodes), so every page that is mapped once is
migrated, from the node to the node.
"""

from __future__ import annotations

from errno import EFAULT

from shootdown.lang.declare import PageRange
from shootdown.linux.i_mmap import BEFORE_ALL, next_vma
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.syscalls.anon_rmap import try_others_first
from shootdown.linux.syscalls.process import Process
from shootdown.linux.vma import ALL_FLAGS, BOUND
from shootdown.linux.vma_merge import vma_modify


def mbind(process: Process, range: PageRange, bind: bool) -> int:
    """do_mbind(): no hole is allowed, except for the default policy if anything is mapped at all;
    VMAs get the policy, then pages go."""
    vmas = process.vmas
    with process.mm.mmap_lock.write():
        if vmas.first_in(range) == range.end:
            return -EFAULT
        if bind and vmas.gap_in(range) != range.end:
            return -EFAULT
        page = vmas.first_in(range)
        while page < range.end:
            part = vmas.part_of(range, page)
            _bind(process, part, bind)
            page = vmas.first_in(PageRange(part.end, range.end))
        if not bind:
            _migrate(process, range)
    return 0


def _bind(process: Process, part: PageRange, bind: bool) -> None:
    """mbind_range()"""
    vmas, page = process.vmas, part.start
    flags = vmas.flags[page] & (ALL_FLAGS ^ BOUND)
    if bind:
        flags = flags | BOUND
    if flags != vmas.flags[page]:
        vma_modify(vmas, vmas.find(page), part, process.mm.vma[page], flags)


def _migrate(process: Process, range: PageRange) -> None:
    """queue_folios_pte_range(), migrate_pages(): unless somebody else maps the page as well
    (folio_maybe_mapped_shared()). It is then mapped as it was."""
    mm, shmem = process.mm, process.shmem
    for page in range:
        pte = mm.pte[page]
        if pte.present and pte.frame != ZERO_FRAME:
            references = mm.memory.refcount[pte.frame]
            if shmem.is_file[pte.frame]:
                if references == 2:
                    _migrate_file_page(process, page)
            elif references == 1:
                try_others_first(process, page, "try_to_migrate_one")
                _try_to_migrate_one(process, page)
                process.lazyfree.migrated(process.folios.folio(pte.frame))


def _migrate_file_page(process: Process, page: int) -> None:
    """try_to_migrate(): mappings in their order until the page is unmapped; each that is tried is
    announced."""
    vmas = process.vmas
    file, index = vmas.file[page], vmas.offset[page]
    this = PageRange(index, index + 1)
    offset, order, tried = BEFORE_ALL, BEFORE_ALL, -1
    while tried != page:
        first = next_vma(vmas, file, this, offset, order)
        tried = first + (index - vmas.offset[first])
        _try_to_migrate_one(process, tried)
        offset, order = vmas.offset[first], vmas.order[first]


def _try_to_migrate_one(process: Process, page: int) -> None:
    """try_to_migrate_one() and remove_migration_pte(), mm/rmap.c and mm/migrate.c: the entry goes,
    and comes back with another page. Which one it is cannot be told."""
    mm = process.mm
    announced = MmuNotifierRange(page, page + 1, Event.CLEAR, "try_to_migrate_one")
    mm.notifiers.invalidate_range_start(announced)
    mm.arch.flush_tlb_page(page)
    mm.notifiers.invalidate_range_end(announced)
