"""Settings of the system that memory system calls depend on, as they are: nothing is changed here.

Programs are repeatable, and mean the same on another machine, where transparent huge pages come on
request alone, shared memory has none, and there is no swap. Where a setting is otherwise, some
programs do something else.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shootdown.live.memory import PAGE
from shootdown.live.programs import Program

HUGE = Path("/sys/kernel/mm/transparent_hugepage")
KSM = Path("/sys/kernel/mm/ksm/run")
SWAPS = Path("/proc/swaps")

BLOCK = 512
"""pages of a huge page"""

_SHARED = {"mmap_shanon", "mmap_shared", "mmap_private"}
_HUGE = {"HUGEPAGE", "COLLAPSE"}


@dataclass(frozen=True, slots=True)
class Settings:
    """As they stand in sysfs; empty for a kernel that has no such thing."""

    kernel: str
    machine: str
    page_size: int
    thp_enabled: str
    thp_defrag: str
    shmem_thp: str
    swap: bool
    ksm_run: str

    def obstacle(self, program: Program) -> str | None:
        """Why a program does something else here than where settings are as expected."""
        return next(self._obstacles(program), None)

    def _obstacles(self, program: Program) -> Iterator[str]:
        names = {str(operation[0]) for operation in program.operations}
        advice = {operation[3] for operation in program.operations if operation[0] == "madvise"}
        huge = _has_block(program)
        thp = chosen(self.thp_enabled)
        if thp in ("", "never") and advice & _HUGE:
            yield f"transparent huge pages are switched off ({HUGE / 'enabled'})"
        if thp == "always" and huge:
            yield f"huge pages come without being asked for ({HUGE / 'enabled'})"
        if chosen(self.shmem_thp) not in ("", "never", "deny") and huge and names & _SHARED:
            yield f"shared memory has huge pages ({HUGE / 'shmem_enabled'})"
        if self.swap and "PAGEOUT" in advice:
            yield f"there is swap ({SWAPS})"
        if self.ksm_run == "1" and "MERGEABLE" in advice:
            yield f"KSM is switched on ({KSM})"


def _has_block(program: Program) -> bool:
    """Whether a huge page fits into the region."""
    first = -(-program.base // (BLOCK * PAGE)) * BLOCK
    return first + BLOCK <= program.base // PAGE + program.pages


def chosen(text: str) -> str:
    """`always [madvise] never`: the word in brackets."""
    _, _, rest = text.partition("[")
    return rest.partition("]")[0]


def load_settings() -> Settings:
    """Those of this machine."""
    return Settings(
        platform.release(),
        platform.machine(),
        PAGE,
        _text(HUGE / "enabled"),
        _text(HUGE / "defrag"),
        _text(HUGE / "shmem_enabled"),
        len(_text(SWAPS).splitlines()) > 1,
        _text(KSM),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def parse_settings(meta: Mapping[str, Any]) -> Settings:
    """Those in the first line of a file of programs.

    Raises:
        ValueError: for one that is missing.
    """
    names = Settings.__slots__
    missing = [name for name in names if name not in meta]
    if missing:
        raise ValueError(f"`meta` does not say {', '.join(missing)}")
    texts = {name: str(meta[name]) for name in names}
    return Settings(
        **{**texts, "page_size": int(meta["page_size"]), "swap": bool(meta["swap"])}  # type: ignore[arg-type]
    )
