"""The bill: what keeping a device in step cost, in events.

Field names are those of the JSON format `shootdown.bill/1`. Counts are exact for the model and the
stated policy. Nanoseconds and stale windows need prices and a clock, which this version does not
have: they are null, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shootdown.linux.arch.x86 import X86


@dataclass(frozen=True, slots=True)
class Stale:
    """How long translations stayed usable after the kernel changed its mind, in nanoseconds."""

    p50: int
    p99: int
    max: int


@dataclass(frozen=True, slots=True)
class BillRow:
    """One operation under one driver on one kernel. `counts` holds events by name, zeros left out;
    `calls` counts the operation itself."""

    driver: str
    kernel: str
    operation: str
    calls: int
    counts: Mapping[str, int]
    nanoseconds: int | None = None
    stale: Stale | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """The trace behind a bill, and what of it the model does not have."""

    processes: int
    address_spaces: int
    calls: int
    pages: int
    """pages of the largest address space that the model had to hold"""
    not_modelled: Mapping[str, int]
    """calls left out, and calls taken as something simpler, by description"""


@dataclass(frozen=True, slots=True)
class Bill:
    """All rows, what they rest on, and how fast they came."""

    trace: str
    policy: str
    totals: Totals
    rows: tuple[BillRow, ...]
    page_operations: int
    """pages that were touched, mapped, unmapped, protected, shared or invalidated"""
    seconds: float
    arch: str = X86.title
    """the architecture, of all rows"""
