"""Dirty tracking for graphics drivers: mm/mapping_dirty_helpers.c (row 22).

vmwgfx keeps the contents of buffers in shared memory and wants to know what was written. It walks
the mappings of a range of the file, with the file's lock held: S, [P~ …], C, X, E.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.filemap import Mapping
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.task import Task
from shootdown.program.kind import READ_ONLY


def wp_shared_mapping_range(task: Task, range: PageRange) -> None:
    """Write-protect the shared mappings of a range of the file."""
    mapping = task.mm.mapping
    if mapping is not None and mapping.is_mapped_in(range):
        walk(task, mapping, range, False)


def clean_record_shared_mapping_range(task: Task, range: PageRange) -> None:
    """Record what was written through shared mappings of the file, and clean the entries."""
    mapping = task.mm.mapping
    if mapping is not None and mapping.is_mapped_in(range):
        walk(task, mapping, range, True)


def walk(task: Task, mapping: Mapping, range: PageRange, cleans: bool) -> None:
    """walk_page_mapping(), wp_clean_pre_vma(), wp_clean_post_vma(). The flush comes before the end,
    and before anybody looks at what was recorded."""
    mm = task.mm
    mm.begin(range)
    with mapping.i_mmap_rwsem.read():
        announced = MmuNotifierRange(
            range.start, range.end, Event.PROTECTION_PAGE, "wp_clean_pre_vma"
        )
        mm.notifiers.invalidate_range_start(announced)
        with mm.page_table_lock:
            for page in range:
                pte = mm.pte[page]
                if mapping.is_shared(page) and cleans:
                    record_dirty(mapping, page)
                elif mapping.is_shared(page) and pte.writable:
                    mm.pte[page] = pte.with_rights(READ_ONLY)
        mm.arch.flush_tlb_range(range)
        mm.notifiers.gather_flushed(range)
        mm.notifiers.invalidate_range_end(announced)
    mm.end(range)


def record_dirty(mapping: Mapping, page: int) -> None:
    """clean_record_pte(): the bit goes from the entry into the driver's bitmap, here the page's own
    bit, in one atomic change of the entry (ptep_modify_prot_start() and _commit())."""
    if mapping.bits.dirty[page]:
        mapping.folios.dirty[mapping.mm.pte[page].frame] = True
        mapping.bits.dirty[page] = False
