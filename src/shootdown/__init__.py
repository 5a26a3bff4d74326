"""shootdown: check, price and watch what keeps secondary TLBs and MMUs in step with Linux.

What a driver or a model imports is re-exported here. The modules behind the names are loaded at
first use, so that the command line starts at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shootdown.api import check, rerun
    from shootdown.devices.iommu import INVALID, SUCCESS, Iommu
    from shootdown.devices.shadow import ShadowMmu
    from shootdown.drivers.driver import Driver
    from shootdown.lang.declare import (
        EMPTY,
        READ_ONCE,
        WRITE_ONCE,
        Array,
        Atomic,
        Counter,
        EnumState,
        Flag,
        Ghost,
        Int,
        Mutex,
        PageRange,
        PerCpu,
        PerDevice,
        PerFrame,
        PerPage,
        PerTable,
        Pte,
        RwLock,
        RwSemaphore,
        Spinlock,
        atomic_add,
        atomic_add_return,
        atomic_add_unless,
        atomic_context,
        atomic_dec,
        atomic_dec_and_test,
        atomic_dec_return,
        atomic_fetch_add,
        atomic_inc,
        atomic_inc_not_zero,
        atomic_inc_return,
        atomic_sub,
        choose,
        clear_bit,
        cmpxchg,
        count,
        ghost,
        indivisible,
        might_sleep,
        progress,
        require,
        rest,
        set_bit,
        smp_processor_id,
        test_and_clear_bit,
        test_and_set_bit,
        test_bit,
        wait_until,
        xchg,
    )
    from shootdown.lang.errors import ModelError
    from shootdown.lang.irq import (
        Irq,
        disable_irq,
        disable_irq_nosync,
        enable_irq,
        free_irq,
        raise_irq,
        synchronize_irq,
    )
    from shootdown.lang.model import Model, thread
    from shootdown.lang.part import Part
    from shootdown.lang.queue import Queue
    from shootdown.lang.rcu import Rcu, RcuHead, call_rcu, rcu_barrier
    from shootdown.lang.sections import SeqCount, Srcu
    from shootdown.lang.timer import (
        Timer,
        del_timer,
        del_timer_sync,
        mod_timer,
        timer_pending,
        timer_shutdown_sync,
    )
    from shootdown.lang.work import (
        Work,
        cancel_work,
        cancel_work_sync,
        flush_work,
        schedule_work,
        work_pending,
    )
    from shootdown.linux.notifiers.interval import MmuIntervalNotifier
    from shootdown.linux.notifiers.v4_19 import EAGAIN
    from shootdown.scenarios.errors import TargetError
    from shootdown.scenarios.saved_run import Recipe, SavedRun, SavedStep, load_runs

__version__ = "0.1.0"

_NAMES = {
    "shootdown.api": (
        "check", "rerun",
    ),
    "shootdown.devices.iommu": (
        "INVALID", "SUCCESS", "Iommu",
    ),
    "shootdown.devices.shadow": (
        "ShadowMmu",
    ),
    "shootdown.drivers.driver": (
        "Driver",
    ),
    "shootdown.lang.declare": (
        "EMPTY", "READ_ONCE", "WRITE_ONCE", "Array", "Atomic", "Counter", "EnumState", "Flag",
        "Ghost", "Int", "Mutex", "PageRange", "PerCpu", "PerDevice", "PerFrame", "PerPage",
        "PerTable", "Pte", "RwLock", "RwSemaphore", "Spinlock", "atomic_add",
        "atomic_add_return", "atomic_add_unless", "atomic_context", "atomic_dec",
        "atomic_dec_and_test", "atomic_dec_return", "atomic_fetch_add", "atomic_inc",
        "atomic_inc_not_zero", "atomic_inc_return", "atomic_sub", "choose", "clear_bit",
        "cmpxchg", "count", "ghost", "indivisible", "might_sleep", "progress", "require", "rest",
        "set_bit", "smp_processor_id", "test_and_clear_bit", "test_and_set_bit", "test_bit",
        "wait_until", "xchg",
    ),
    "shootdown.lang.errors": (
        "ModelError",
    ),
    "shootdown.lang.irq": (
        "Irq", "disable_irq", "disable_irq_nosync", "enable_irq", "free_irq", "raise_irq",
        "synchronize_irq",
    ),
    "shootdown.lang.model": (
        "Model", "thread",
    ),
    "shootdown.lang.part": (
        "Part",
    ),
    "shootdown.lang.queue": (
        "Queue",
    ),
    "shootdown.lang.rcu": (
        "Rcu", "RcuHead", "call_rcu", "rcu_barrier",
    ),
    "shootdown.lang.sections": (
        "SeqCount", "Srcu",
    ),
    "shootdown.lang.timer": (
        "Timer", "del_timer", "del_timer_sync", "mod_timer", "timer_pending",
        "timer_shutdown_sync",
    ),
    "shootdown.lang.work": (
        "Work", "cancel_work", "cancel_work_sync", "flush_work", "schedule_work", "work_pending",
    ),
    "shootdown.linux.notifiers.interval": (
        "MmuIntervalNotifier",
    ),
    "shootdown.linux.notifiers.v4_19": (
        "EAGAIN",
    ),
    "shootdown.scenarios.errors": (
        "TargetError",
    ),
    "shootdown.scenarios.saved_run": (
        "Recipe", "SavedRun", "SavedStep", "load_runs",
    ),
}  # fmt: skip
_HOMES = {name: home for home, names in _NAMES.items() for name in names}

__all__ = [
    "EAGAIN",
    "EMPTY",
    "INVALID",
    "READ_ONCE",
    "SUCCESS",
    "WRITE_ONCE",
    "Array",
    "Atomic",
    "Counter",
    "Driver",
    "EnumState",
    "Flag",
    "Ghost",
    "Int",
    "Iommu",
    "Irq",
    "MmuIntervalNotifier",
    "Model",
    "ModelError",
    "Mutex",
    "PageRange",
    "Part",
    "PerCpu",
    "PerDevice",
    "PerFrame",
    "PerPage",
    "PerTable",
    "Pte",
    "Queue",
    "Rcu",
    "RcuHead",
    "Recipe",
    "RwLock",
    "RwSemaphore",
    "SavedRun",
    "SavedStep",
    "SeqCount",
    "ShadowMmu",
    "Spinlock",
    "Srcu",
    "TargetError",
    "Timer",
    "Work",
    "atomic_add",
    "atomic_add_return",
    "atomic_add_unless",
    "atomic_context",
    "atomic_dec",
    "atomic_dec_and_test",
    "atomic_dec_return",
    "atomic_fetch_add",
    "atomic_inc",
    "atomic_inc_not_zero",
    "atomic_inc_return",
    "atomic_sub",
    "call_rcu",
    "cancel_work",
    "cancel_work_sync",
    "check",
    "choose",
    "clear_bit",
    "cmpxchg",
    "count",
    "del_timer",
    "del_timer_sync",
    "disable_irq",
    "disable_irq_nosync",
    "enable_irq",
    "flush_work",
    "free_irq",
    "ghost",
    "indivisible",
    "load_runs",
    "might_sleep",
    "mod_timer",
    "progress",
    "raise_irq",
    "rcu_barrier",
    "require",
    "rerun",
    "rest",
    "schedule_work",
    "set_bit",
    "smp_processor_id",
    "synchronize_irq",
    "test_and_clear_bit",
    "test_and_set_bit",
    "test_bit",
    "thread",
    "timer_pending",
    "timer_shutdown_sync",
    "wait_until",
    "work_pending",
    "xchg",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'shootdown' has no attribute {name!r}")
    return getattr(import_module(home), name)
