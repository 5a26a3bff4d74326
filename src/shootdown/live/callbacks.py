"""Callbacks of the mmu_notifier of this process, as KVM's tracepoints tell them.

An empty virtual machine in the process registers a notifier (see `kvm`), and KVM passes a
tracepoint at the start of each of its callbacks, before it looks at any memory slot:

    kvm:kvm_unmap_hva_range   invalidate_range_start
    kvm:kvm_age_hva           clear_flush_young, clear_young
    kvm:kvm_test_age_hva      test_young

The end of a range has no tracepoint, so that nested ranges are seen as two in a row.

Only what this thread does is seen: work of others on the same memory (ksmd, khugepaged, another
process) is told to the notifier too, but passes the tracepoint elsewhere. That is what makes the
stream repeatable.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType

from shootdown.live.kvm import Kvm
from shootdown.live.memory import PAGE
from shootdown.live.perf_events import Sample, TracepointEvents
from shootdown.live.tracepoints import Tracepoint, find_tracepoint

UNMAP, AGE, TEST_AGE = "kvm_unmap_hva_range", "kvm_age_hva", "kvm_test_age_hva"
CALLBACKS = {
    UNMAP: "invalidate_range_start",
    AGE: "clear_young",
    TEST_AGE: "test_young",
}
"""by tracepoint, the callback that passes it (clear_flush_young passes that of clear_young)"""

PAGES, STACK = 1024, 24
"""of ring, and the most addresses of a call chain"""


class LostEventsError(Exception):
    """Events were dropped: what was recorded is not all. Do less between two looks, or give more
    room."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count

    def __str__(self) -> str:
        return f"{self.count} notifications were lost because the buffer was full"


@dataclass(frozen=True, slots=True)
class Call:
    """A callback of a notifier began: from address `start` to before `end`."""

    callback: str
    start: int
    end: int
    addresses: tuple[int, ...]
    """the call chain in the kernel, the innermost first"""
    tid: int
    time: int
    """nanoseconds of the clock of perf"""


def find_tracepoints() -> tuple[Tracepoint, ...]:
    """Those of KVM's callbacks, to be looked up once: they hold until the next boot.

    Raises:
        MissingMeansError: for a right or a feature that is not there.
    """
    return tuple(find_tracepoint(f"kvm:{name}") for name in CALLBACKS)


class CallbackLog:
    """From `with` to its end every callback about a region that this thread causes.

    The mistake to make is a buffer that is too small: `check` says so, and has to be asked at the
    end, if not more often.
    """

    def __init__(
        self,
        start: int,
        end: int,
        tracepoints: Sequence[Tracepoint],
        *,
        pages: int = PAGES,
        stack: int = STACK,
    ) -> None:
        """`pages` of buffer, a power of two; so many addresses of a call chain at most.

        Raises:
            MissingMeansError: for a device, a right or a feature that is not there.
        """
        self._start, self._end = start, end
        self._tracepoints = tracepoints
        self._room = (pages, stack)
        self._stack = ExitStack()
        self._events: TracepointEvents | None = None

    def __enter__(self) -> CallbackLog:
        with self._stack as stack:
            stack.enter_context(stack.enter_context(Kvm()).create_vm())
            region = f"start < {self._end:#x} && end > {self._start:#x}"
            filters = {
                UNMAP: region,
                AGE: region,
                TEST_AGE: f"hva < {self._end:#x} && hva >= {self._start:#x}",
            }
            pages, depth = self._room
            events = TracepointEvents(self._tracepoints, filters=filters, pages=pages, stack=depth)
            self._events = stack.enter_context(events)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def take(self) -> list[Call]:
        """What came since the last time, in order; whether that is all is for `check` to say."""
        assert self._events is not None, "use it in a `with` block"
        return [_describe(sample) for sample in self._events.drain()]

    def check(self) -> None:
        """Whether everything so far was recorded.

        Raises:
            LostEventsError: if not.
        """
        assert self._events is not None, "use it in a `with` block"
        lost = self._events.lost
        if lost:
            raise LostEventsError(lost)


def _describe(sample: Sample) -> Call:
    values = sample.values
    start = values["start"] if "start" in values else values["hva"]
    return Call(
        CALLBACKS[sample.tracepoint.name],
        start,
        values.get("end", start + PAGE),
        sample.callchain,
        sample.tid,
        sample.time,
    )
