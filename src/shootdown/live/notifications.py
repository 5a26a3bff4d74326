"""What the kernel tells the mmu_notifiers of this process: ranges in order, and why.

`callbacks` says how they are seen. A tracepoint does not carry the reason of an invalidation; the
call chain does: `cause` is the innermost function that is not part of the notifier machinery, and
MMU_NOTIFY_… follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType

from shootdown.live.callbacks import PAGES, Call, CallbackLog, find_tracepoints
from shootdown.live.kallsyms import Symbols, load_symbols
from shootdown.live.tracepoints import Tracepoint


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
        return cls(find_tracepoints(), load_symbols())


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
        self, start: int, end: int, *, pages: int = PAGES, lookup: Lookup | None = None
    ) -> None:
        """`pages` of buffer, a power of two. A `lookup` made before saves time.

        Raises:
            MissingMeansError: for a device, a right or a feature that is not there.
        """
        self._place = (start, end)
        self._pages = pages
        self._lookup = lookup
        self._log: CallbackLog | None = None

    def __enter__(self) -> NotificationLog:
        self._lookup = self._lookup or Lookup.load()
        log = CallbackLog(*self._place, self._lookup.tracepoints, pages=self._pages)
        self._log = log.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._log is not None:
            self._log.__exit__(kind, error, trace)

    def take(self) -> list[Notification]:
        """What came since the last time, in order.

        Raises:
            LostEventsError: if that is not all.
        """
        assert self._log is not None, "use it in a `with` block"
        found = [self._describe(call) for call in self._log.take()]
        self._log.check()
        return found

    def _describe(self, call: Call) -> Notification:
        assert self._lookup is not None
        chain = self._lookup.symbols.chain(call.addresses)
        return Notification(
            call.callback, call.start, call.end, find_cause(chain), chain, call.tid, call.time
        )


def find_cause(chain: tuple[str, ...]) -> str:
    """The innermost function that is not part of KVM or of the notifiers."""
    for name in chain:
        if not name.startswith(("kvm_", "perf_", "__traceiter", "trace_")) and (
            "mmu_notifier" not in name
        ):
            return name
    return "unknown"
