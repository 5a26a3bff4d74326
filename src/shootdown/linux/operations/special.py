"""Operations that watch who writes or uses pages, give them to devices, or take them from outside:
rows 5, 6, 16 to 19, 41 to 45 and 47 to 49 of the call-site table, by name."""

from __future__ import annotations

from functools import partial

from shootdown.linux.device_memory import DeviceMemory
from shootdown.linux.kernel_tables import KernelTables
from shootdown.linux.operations.aging import (
    damon_young,
    folio_referenced_one,
    page_idle_clear_pte_refs_one,
    walk_pte_range,
)
from shootdown.linux.operations.clear_refs import clear_refs_write
from shootdown.linux.operations.device_exclusive import (
    exclusive_to_somebody,
    remove_device_exclusive,
)
from shootdown.linux.operations.kernel_pgtable import pmd_free_pte_page
from shootdown.linux.operations.madvise_cold import madvise_cold
from shootdown.linux.operations.migrate_vma import migrate_to_ram, migrate_vma
from shootdown.linux.operations.numa_balancing import change_prot_numa, numa_balancing
from shootdown.linux.operations.oom_reaper import oom_reap_task_mm
from shootdown.linux.operations.operation import KnownBug, Operation
from shootdown.linux.operations.pagemap_scan import do_pagemap_scan
from shootdown.linux.operations.uprobe import uprobe
from shootdown.linux.operations.userfaultfd_move import userfaultfd_move
from shootdown.linux.operations.userfaultfd_wp import userfaultfd_writeprotect
from shootdown.linux.soft_dirty import SoftDirty
from shootdown.linux.start import EXCLUSIVE, GUARDED, HALF_EMPTY, ON_DEVICE, TEXT, WATCHED
from shootdown.linux.userfaultfd import AsyncUserfaultfd, Userfaultfd
from shootdown.linux.vmscan import Reclaim
from shootdown.linux.young import Young

WATCHING = (
    Operation(
        "clear_refs_write", clear_refs_write, (3, 11, 0), patterns=WATCHED, parts=(SoftDirty,)
    ),
    Operation(
        "userfaultfd_writeprotect",
        userfaultfd_writeprotect,
        since=(5, 7, 0),
        patterns=GUARDED,
        parts=(Userfaultfd,),
    ),
    Operation(
        "do_pagemap_scan", do_pagemap_scan, (6, 7, 0), patterns=GUARDED, parts=(AsyncUserfaultfd,)
    ),
)
"""who writes is watched"""

_aging = partial(Operation, parts=(Young,))

AGING = (
    _aging("folio_referenced_one", folio_referenced_one, outside=True),
    _aging("page_idle_clear_pte_refs_one", page_idle_clear_pte_refs_one, (4, 3, 0)),
    _aging("damon_young", damon_young, (5, 15, 0)),
    Operation("madvise_cold", madvise_cold, (5, 4, 0), parts=(Young, Reclaim)),
    _aging(
        "walk_pte_range",
        walk_pte_range,
        since=(6, 1, 0),
        known_bugs=(
            KnownBug(
                "lost-reference",
                "1d4832becdc2",
                since=(6, 1, 0),
                until=(6, 13, 0),
                drivers=("kvm-aging",),
            ),
        ),
    ),
)
"""who was used is asked, or forgotten"""

_on_devices = partial(Operation, parts=(DeviceMemory,))

DEVICES = (
    _on_devices("migrate_vma", migrate_vma, (4, 14, 0)),
    _on_devices("migrate_to_ram", migrate_to_ram, (4, 14, 0), patterns=ON_DEVICE),
    _on_devices("make_device_exclusive", exclusive_to_somebody, (5, 14, 0)),
    _on_devices(
        "remove_device_exclusive_entry", remove_device_exclusive, (5, 14, 0), patterns=EXCLUSIVE
    ),
)
"""devices have memory of their own, or pages for themselves"""

OTHERS = (
    Operation("change_prot_numa", change_prot_numa, since=(3, 15, 0), parts=(numa_balancing,)),
    Operation("oom_reap_task_mm", oom_reap_task_mm, since=(4, 14, 0)),
    Operation("userfaultfd_move", userfaultfd_move, since=(6, 8, 0), patterns=HALF_EMPTY),
    Operation("uprobe", uprobe, since=(3, 7, 0), patterns=TEXT),
    Operation(
        "pmd_free_pte_page",
        pmd_free_pte_page,
        since=(5, 2, 0),
        parts=(KernelTables,),
        known_bugs=(
            KnownBug(
                "freed-table",
                "CVE-2025-71089 (B41)",
                until=(6, 18, 0),
                drivers=("invalidate-range", "sva"),
                archs=("x86",),
            ),
        ),
    ),
)
