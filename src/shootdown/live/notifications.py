"""What the kernel tells the mmu_notifiers of this process: ranges in order, and why.

An empty virtual machine in the process registers a notifier (see `kvm`), and KVM passes a
tracepoint at the start of each of its callbacks, before it looks at any memory slot:

    kvm:kvm_unmap_hva_range   invalidate_range_start
    kvm:kvm_age_hva           clear_flush_young, clear_young
    kvm:kvm_test_age_hva      test_young

The tracepoint does not carry the reason of an invalidation; the call chain does: `cause` is the
innermost function that is not part of the notifier machinery, and MMU_NOTIFY_… follows from it.
The end of a range has no tracepoint, so that nested ranges are seen as two in a row.

Only what this thread does is seen: work of others on the same memory (ksmd, khugepaged, another
process) is told to the notifier too, but passes the tracepoint elsewhere. That is what makes the
stream repeatable.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType

from shootdown.live.kallsyms import Symbols, load_symbols
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


class LostEventsError(Exception):
    """Events were dropped: what was recorded is not all. Do less between two looks, or give more
    room."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count

    def __str__(self) -> str:
        return f"{self.count} notifications were lost because the buffer was full"


@dataclass(frozen=True, slots=True)
class Notification:
    """A callback of a notifier began: from address `start` to before `end`."""

    callback: str
    start: int
    end: int
    cause: str
    """the function of the kernel that sent it"""
    callchain: tuple[str, ...]
    """functions of the kernel, the innermost first"""
    tid: int
    time: int
    """nanoseconds of the clock of perf"""


@dataclass(frozen=True, slots=True)
class Lookup:
    """What has to be looked up once: it holds until the next boot."""

    tracepoints: tuple[Tracepoint, ...]
    symbols: Symbols

    @classmethod
    def load(cls) -> Lookup:
        """From tracefs and kallsyms.

        Raises:
            MissingMeansError: for a right or a feature that is not there.
        """
        names = (f"kvm:{name}" for name in CALLBACKS)
        return cls(tuple(map(find_tracepoint, names)), load_symbols())


class NotificationLog:
    """From `with` to its end every notification about a region that this thread causes.

        with NotificationLog(region, region + size) as log:
            munmap(region, PAGE)
            for each in log.take():
                print(each.callback, hex(each.start), each.cause)

    Choose a region of its own, far from everything else: the interpreter has notifications all the
    time, and what is mapped in the same 1 GiB changes what is sent.
    """

    def __init__(
        self, start: int, end: int, *, pages: int = 1024, lookup: Lookup | None = None
    ) -> None:
        """`pages` of buffer, a power of two. A `lookup` made before saves time.

        Raises:
            MissingMeansError: for a device, a right or a feature that is not there.
        """
        self._start, self._end = start, end
        self._pages = pages
        self._stack = ExitStack()
        self._lookup = lookup
        self._events: TracepointEvents | None = None

    def __enter__(self) -> NotificationLog:
        with self._stack as stack:
            self._lookup = self._lookup or Lookup.load()
            stack.enter_context(stack.enter_context(Kvm()).create_vm())
            region = f"start < {self._end:#x} && end > {self._start:#x}"
            filters = {
                UNMAP: region,
                AGE: region,
                TEST_AGE: f"hva < {self._end:#x} && hva >= {self._start:#x}",
            }
            self._events = stack.enter_context(
                TracepointEvents(self._lookup.tracepoints, filters=filters, pages=self._pages)
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def take(self) -> list[Notification]:
        """What came since the last time, in order.

        Raises:
            LostEventsError: if that is not all.
        """
        assert self._events is not None, "use it in a `with` block"
        found = [self._describe(sample) for sample in self._events.drain()]
        lost = self._events.lost
        if lost:
            raise LostEventsError(lost)
        return found

    def _describe(self, sample: Sample) -> Notification:
        assert self._lookup is not None
        values = sample.values
        start = values["start"] if "start" in values else values["hva"]
        chain = self._lookup.symbols.chain(sample.callchain)
        return Notification(
            CALLBACKS[sample.tracepoint.name],
            start,
            values.get("end", start + PAGE),
            find_cause(chain),
            chain,
            sample.tid,
            sample.time,
        )


def find_cause(chain: tuple[str, ...]) -> str:
    """The innermost function that is not part of KVM or of the notifiers."""
    for name in chain:
        if not name.startswith(("kvm_", "perf_", "__traceiter", "trace_")) and (
            "mmu_notifier" not in name
        ):
            return name
    return "unknown"
