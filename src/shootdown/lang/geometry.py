"""Sizes. The same model runs with two pages when exploring and with millions when replaying."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Geometry:
    """How large the machine is that a model is compiled for."""

    pages: int = 2
    """virtual pages of an address space"""
    entries: int = 2
    """entries of one page table; 512 on real hardware"""
    upper: int = 0
    """page tables below one table of the next level, 512 on real hardware; 0: such tables are not
    modelled"""
    frames: int = 4
    """physical page frames"""
    cpus: int = 1
    devices: int = 1
    tasks: int = 1
    """threads that make system calls at the same time"""
    gather: int = 1
    """pages an mmu_gather collects before it must flush; about 10,000 in Linux
    (MAX_GATHER_BATCH_COUNT, include/asm-generic/tlb.h)"""

    flush_ceiling: int = 0
    """pages beyond which x86 and powerpc flush everything from CPU TLBs instead of page by page, 33
    on real hardware (tlb_single_page_flush_ceiling, arch/x86/mm/tlb.c); 0: never"""

    @property
    def tables(self) -> int:
        """Page tables of the lowest level needed to cover all pages."""
        return -(-self.pages // self.entries)
