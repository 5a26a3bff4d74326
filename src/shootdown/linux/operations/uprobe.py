"""A breakpoint in the text of a program: uprobe_write_opcode(), kernel/events/uprobes.c. Row 40.

Text is the page of a file that is mapped read-only and private; a breakpoint is a private copy of
it. Until 6.15 setting and removing it are alike: a new page takes the place of the old one,
__replace_page(): S (CLEAR), [P-, C, X, P+], E, R. From 6.16 on (uprobe_write()) setting one first
breaks copy-on-write like a write fault (row 11), then rewrites the page in place, [P-, C, X, the
same entry], which is not announced, as the page stays; removing it announces: S, [P-, C, X], E, R,
and the next access finds the page of the file again.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange, Pte
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.task import Task
from shootdown.linux.version import Version
from shootdown.program.kind import READ_ONLY

REWRITES_IN_PLACE: Version = (6, 16, 0)

NOT_YET, KEEP, ZAP = range(3)
"""what becomes of a page whose instruction is put back: it is shared and has to be copied first
(-EFAULT, and once more); it stays; it goes, as it is like that of the file"""


def uprobe(task: Task, range: PageRange) -> None:
    """Set a breakpoint in the first page of the range, and remove it again."""
    mm = task.mm
    page = range.start
    mm.begin(PageRange(page, page + 1))
    with mm.mmap_lock.write():
        install_breakpoint(mm, page)
    mm.end(PageRange(page, page + 1))
    mm.begin(PageRange(page, page + 1))
    with mm.mmap_lock.write():
        remove_breakpoint(mm, page)
    mm.end(PageRange(page, page + 1))


def install_breakpoint(mm: Mm, page: int) -> None:
    """set_swbp(). Caller holds mmap_lock."""
    if mm.kernel < REWRITES_IN_PLACE:
        _replace_page(mm, page, "__replace_page")
        return
    _replace_page(mm, page, "do_wp_page")
    rewrite_in_place(mm, page)


def remove_breakpoint(mm: Mm, page: int) -> None:
    """set_orig_insn(). Caller holds mmap_lock."""
    if mm.kernel < REWRITES_IN_PLACE:
        _replace_page(mm, page, "__replace_page")
        return
    uprobe_write(mm, page, ZAP)


def rewrite_in_place(mm: Mm, page: int) -> None:
    """__uprobe_write(): not mapped for as long as it is written to."""
    with mm.page_table_lock:
        pte = mm.pte[page]
        if pte.present:
            mm.arch.ptep_clear_flush(page)
            mm.pte[page] = pte


def uprobe_write(mm: Mm, page: int, outcome: int) -> None:
    """uprobe_write() for an instruction that is put back: announced before anything is known, as
    the page may go."""
    announced = MmuNotifierRange(page, page + 1, Event.CLEAR, "uprobe_write")
    mm.notifiers.invalidate_range_start(announced)
    with mm.page_table_lock:
        pte = mm.pte[page]
        if pte.present and outcome != NOT_YET:
            mm.arch.ptep_clear_flush(page)
            if outcome == KEEP:
                mm.pte[page] = pte
    mm.notifiers.invalidate_range_end(announced)
    if pte.present and outcome == ZAP:
        mm.memory.put_page(pte.frame)


def _replace_page(mm: Mm, page: int, site: str) -> None:
    """A private page, read-only as before, in the place of what is there."""
    announced = MmuNotifierRange(page, page + 1, Event.CLEAR, site)
    unused = mm.memory.alloc_page()
    mm.notifiers.invalidate_range_start(announced)
    with mm.page_table_lock:
        old = mm.pte[page]
        if old.present:
            mm.ptep_clear_flush_notify(page)
            mm.set_pte_at_notify(page, Pte(unused, READ_ONLY))
            mm.lets_go(page, old.frame)
            unused = old.frame
    mm.notifiers.invalidate_range_end(announced)
    mm.memory.put_page(unused)
