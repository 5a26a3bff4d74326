"""The OOM reaper and process_mrelease(2): __oom_reap_task_mm(), mm/oom_kill.c (row 45).

The memory of a process that is dying is taken before it lets go of it. For each VMA: S, which may
not block and may be refused; then [P-], E, and C, X, R. A refusal (-EAGAIN) leaves that VMA alone:
no entry is touched and no end is called (M3); somebody tries again later. Under mmap_lock held for
reading. Linux refuses faults from then on (MMF_UNSTABLE); here they are answered, which allows
more runs, never fewer.

4.6 to 4.13 told nobody; 4.14 leaves processes with notifiers alone (4d4bbd8526a8), 4.16 those whose
notifiers can block (5ff7091f5a2c), 4.19 asks (93065ac753e4). process_mrelease() is of 5.15.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.task import Task


def oom_reap_task_mm(task: Task, range: PageRange) -> None:
    """Take the memory of a process that is dying."""
    mm = task.mm
    if mm.notifiers.oom_reaper_skips():
        return
    mm.begin(range)
    with mm.mmap_lock.read():
        reap_vma(task, range)
    mm.end(range)


def reap_vma(task: Task, range: PageRange) -> bool:
    """One VMA; whether it was done. Caller holds mmap_lock."""
    mm = task.mm
    announced = MmuNotifierRange(
        range.start, range.end, Event.UNMAP, "__oom_reap_task_mm", blockable=False
    )
    if mm.notifiers.oom_reaper_announces:
        if not mm.notifiers.invalidate_range_start_nonblock(announced):
            return False
    task.gather.zap_page_range(range)
    if mm.notifiers.oom_reaper_announces:
        mm.notifiers.invalidate_range_end(announced)
    task.gather.flush()
    return True
