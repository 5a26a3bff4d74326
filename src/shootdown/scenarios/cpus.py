"""What CPUs do besides the operations, by the names of `--cpu-kind`."""

from __future__ import annotations

from difflib import get_close_matches

from shootdown.linux.cpu import Cpu
from shootdown.linux.gup_fast import PinningCpu
from shootdown.linux.lazy_tlb import LazyCpu
from shootdown.scenarios.errors import TargetError

CPU_KINDS: dict[str, type[Cpu]] = {"user": Cpu, "gup-fast": PinningCpu, "lazy": LazyCpu}
"""user programs that read and write; that pin pages too; with kernel threads in between"""


def find_cpu(name: str) -> type[Cpu]:
    """The kind of that name.

    Raises:
        TargetError: with the nearest name, and all of them.
    """
    if name in CPU_KINDS:
        return CPU_KINDS[name]
    near = get_close_matches(name, CPU_KINDS, 1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise TargetError(
        f"there is no kind of CPU `{name}`", f"{hint}known are {', '.join(CPU_KINDS)}"
    )


def name_of(cpu: type[Cpu]) -> str:
    """The name of a kind; that of its class for one that has none."""
    return next((name for name, kind in CPU_KINDS.items() if kind is cpu), cpu.__name__)
