"""A page table of the kernel is freed: pmd_free_pte_page(), arch/x86/mm/pgtable.c, called where
vmalloc space gets a huge mapping instead. Row 54.

The entry is cleared, flush_tlb_kernel_range(), T. No notifier is told: it is no address of any
process. From 6.19 on the table is handed to kernel_pgtable_work_func(), mm/pgtable-generic.c, which
first calls iommu_sva_invalidate_kva_range(): X in every address space that is bound to a device
(commit e37d5a2d60a3; PASID-wide in effect).
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.task import Task
from shootdown.linux.version import Version

TELLS_DEVICES: Version = (6, 19, 0)


def pmd_free_pte_page(task: Task, range: PageRange) -> None:
    """The kernel frees a page table of its own addresses."""
    mm = task.mm
    assert mm.kernel_tables is not None
    mm.kernel_tables.present = False
    if mm.kernel >= TELLS_DEVICES:
        mm.notifiers.cpu_tlb_flushed(mm.everything)
    mm.kernel_tables.free()
