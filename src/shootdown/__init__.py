"""shootdown: check, price and watch what keeps secondary TLBs and MMUs in step with Linux.

What a driver imports is re-exported here. The modules behind the names are loaded at first use, so
that the command line starts at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shootdown.api import check
    from shootdown.devices.iommu import INVALID, SUCCESS, Iommu
    from shootdown.devices.shadow import ShadowMmu
    from shootdown.drivers.driver import Driver
    from shootdown.lang.declare import (
        EMPTY,
        Array,
        Counter,
        EnumState,
        Flag,
        Ghost,
        Int,
        Mutex,
        PageRange,
        PerFrame,
        PerPage,
        PerTable,
        Pte,
        RwLock,
        RwSemaphore,
        Spinlock,
        atomic_add,
        atomic_dec,
        atomic_dec_and_test,
        atomic_inc,
        atomic_inc_not_zero,
        choose,
        cmpxchg,
        count,
        ghost,
        indivisible,
        progress,
        require,
        rest,
        test_and_clear_bit,
        test_and_set_bit,
        wait_until,
        xchg,
    )
    from shootdown.lang.errors import ModelError
    from shootdown.lang.model import Model, thread
    from shootdown.lang.part import Part
    from shootdown.lang.sections import SeqCount, Srcu
    from shootdown.scenarios.errors import TargetError

__version__ = "0.1.0"

_DECLARE = (
    "EMPTY", "Array", "Counter", "EnumState", "Flag", "Ghost", "Int", "Mutex", "PageRange",
    "PerFrame", "PerPage", "PerTable", "Pte", "RwLock", "RwSemaphore", "Spinlock", "atomic_add",
    "atomic_dec", "atomic_dec_and_test", "atomic_inc", "atomic_inc_not_zero", "choose", "cmpxchg",
    "count", "ghost", "indivisible", "progress", "require", "rest", "test_and_clear_bit",
    "test_and_set_bit", "wait_until", "xchg",
)  # fmt: skip
_HOMES = {
    "ModelError": "shootdown.lang.errors",
    "TargetError": "shootdown.scenarios.errors",
    "check": "shootdown.api",
    **dict.fromkeys(_DECLARE, "shootdown.lang.declare"),
    "Part": "shootdown.lang.part",
    "SeqCount": "shootdown.lang.sections",
    "Srcu": "shootdown.lang.sections",
    "Model": "shootdown.lang.model",
    "thread": "shootdown.lang.model",
    "Driver": "shootdown.drivers.driver",
    "Iommu": "shootdown.devices.iommu",
    "SUCCESS": "shootdown.devices.iommu",
    "INVALID": "shootdown.devices.iommu",
    "ShadowMmu": "shootdown.devices.shadow",
}

__all__ = [
    "EMPTY",
    "INVALID",
    "SUCCESS",
    "Array",
    "Counter",
    "Driver",
    "EnumState",
    "Flag",
    "Ghost",
    "Int",
    "Iommu",
    "Model",
    "ModelError",
    "Mutex",
    "PageRange",
    "Part",
    "PerFrame",
    "PerPage",
    "PerTable",
    "Pte",
    "RwLock",
    "RwSemaphore",
    "SeqCount",
    "ShadowMmu",
    "Spinlock",
    "Srcu",
    "TargetError",
    "atomic_add",
    "atomic_dec",
    "atomic_dec_and_test",
    "atomic_inc",
    "atomic_inc_not_zero",
    "check",
    "choose",
    "cmpxchg",
    "count",
    "ghost",
    "indivisible",
    "progress",
    "require",
    "rest",
    "test_and_clear_bit",
    "test_and_set_bit",
    "thread",
    "wait_until",
    "xchg",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'shootdown' has no attribute {name!r}")
    return getattr(import_module(home), name)
