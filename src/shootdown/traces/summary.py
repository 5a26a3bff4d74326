"""What a trace says about itself: where it comes from, and how much there is of what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from shootdown.traces.call import EXIT_MMAP, FORMAT


@dataclass(frozen=True, slots=True)
class Origin:
    """How a trace came to be: known before its first call."""

    source: str = "strace"
    command: tuple[str, ...] = ()
    """The command line that was recorded; empty if it is not known, as for imported text."""
    recorded: str | None = None
    """When, in ISO 8601, if it was recorded here."""
    tools: Mapping[str, str] = field(default_factory=dict)
    """Names and versions of the programs that made it."""
    page_size: int = 4096


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """The outcome of an import or a recording, stored with the trace.

    `calls` counts system calls, failed ones too, but not the ends of spaces. `skipped` counts lines
    that do not read; `problems` are the first few of them, `warnings` what was doubtful in lines
    that were kept. `unfinished` counts calls whose end was not seen.
    """

    processes: int
    calls: int
    skipped: int
    failed: int
    spaces: int
    unfinished: int
    clock: str
    first: int
    """Time of the first row, 0 without one."""
    last: int
    by_call: Mapping[str, int]
    failed_by_call: Mapping[str, int]
    warnings: Mapping[str, int]
    problems: tuple[str, ...]
    exit_status: int | None = None
    """What the recorded command returned, 128 plus the signal's number if one killed it."""
    faults: int = 0
    accesses: int = 0
    """strace sees neither page faults nor memory accesses."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form, `shootdown.trace/1`."""
        return {"format": FORMAT, **asdict(self), "problems": list(self.problems)}


@dataclass(slots=True)
class Tally:
    """Counts rows while they pass by."""

    by_call: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    first: int = 0
    last: int = 0

    def add(self, times: list[int], calls: list[str], errors: list[str | None]) -> None:
        """Takes some rows into account, given as columns."""
        if not self.by_call:
            self.first = times[0]
        self.last = times[-1]
        self.by_call.update(calls)
        failed = (call for call, error in zip(calls, errors, strict=True) if error is not None)
        self.failed.update(failed)

    @property
    def calls(self) -> int:
        """System calls, as opposed to rows."""
        return self.by_call.total() - self.by_call[EXIT_MMAP]
