"""Operations and drivers that break the contract of Linux and its subscribers, one way each."""

from __future__ import annotations

from shootdown.drivers.hmm_mirror import HmmMirror
from shootdown.drivers.kvm import Kvm
from shootdown.lang.declare import PageRange
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.interval import MmuIntervalNotifier
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.operations.operation import Operation
from shootdown.linux.task import Task

SITE = "zap_page_range_single"


def _zap(task: Task, announced: MmuNotifierRange, ended: MmuNotifierRange) -> None:
    mm = task.mm
    mm.begin(mm.whole)
    with mm.mmap_lock.read():
        mm.notifiers.invalidate_range_start(announced)
        task.gather.zap_page_range(PageRange(0, 1))
        mm.notifiers.invalidate_range_end(ended)
        task.gather.flush()
    mm.end(mm.whole)


def as_it_should_be(task: Task, range: PageRange) -> None:
    """The same range at both ends."""
    one = MmuNotifierRange(0, 1, Event.CLEAR, SITE)
    _zap(task, one, one)


def end_too_narrow(task: Task, range: PageRange) -> None:
    """Two pages are started, one is ended."""
    two = MmuNotifierRange(0, 2, Event.CLEAR, SITE)
    _zap(task, two, MmuNotifierRange(0, 1, Event.CLEAR, SITE))


def end_too_wide(task: Task, range: PageRange) -> None:
    """One page is started, two are ended."""
    one = MmuNotifierRange(0, 1, Event.CLEAR, SITE)
    _zap(task, one, MmuNotifierRange(0, 2, Event.CLEAR, SITE))


def end_without_start(task: Task, range: PageRange) -> None:
    """An end out of nowhere."""
    mm = task.mm
    with mm.mmap_lock.read():
        mm.notifiers.invalidate_range_end(MmuNotifierRange(0, 1, Event.CLEAR, SITE))


def start_under_lock(task: Task, range: PageRange) -> None:
    """M2: start is called with the page-table lock held."""
    mm = task.mm
    one = MmuNotifierRange(0, 1, Event.CLEAR, SITE)
    with mm.page_table_lock:
        mm.notifiers.invalidate_range_start(one)
    mm.notifiers.invalidate_range_end(one)


def end_under_lock(task: Task, range: PageRange) -> None:
    """M2: end is called with it."""
    mm = task.mm
    one = MmuNotifierRange(0, 1, Event.CLEAR, SITE)
    mm.notifiers.invalidate_range_start(one)
    with mm.page_table_lock:
        mm.notifiers.invalidate_range_end(one)


def reaps_anyway(task: Task, range: PageRange) -> None:
    """M3: -EAGAIN is ignored, and the entries go."""
    mm = task.mm
    announced = MmuNotifierRange(0, 2, Event.UNMAP, "__oom_reap_task_mm", blockable=False)
    mm.begin(range)
    with mm.mmap_lock.read():
        agreed = mm.notifiers.invalidate_range_start_nonblock(announced)
        task.gather.zap_page_range(range)
        if agreed:
            mm.notifiers.invalidate_range_end(announced)
        task.gather.flush()
    mm.end(range)


def ends_after_refusal(task: Task, range: PageRange) -> None:
    """M3: nothing is touched after -EAGAIN, but end is called."""
    mm = task.mm
    announced = MmuNotifierRange(0, 2, Event.UNMAP, "__oom_reap_task_mm", blockable=False)
    with mm.mmap_lock.read():
        if not mm.notifiers.invalidate_range_start_nonblock(announced):
            mm.notifiers.invalidate_range_end(announced)
            return
        mm.notifiers.invalidate_range_end(announced)


FUNCTIONS = (
    as_it_should_be,
    end_too_narrow,
    end_too_wide,
    end_without_start,
    start_under_lock,
    end_under_lock,
    reaps_anyway,
    ends_after_refusal,
)
OWN = {function.__name__: Operation(function.__name__, function) for function in FUNCTIONS}


class ExpectsOwnPages(Kvm):
    """D13 forgotten: takes for granted that start is about what it has mapped: page 0."""

    def invalidate_range_start(self, range: PageRange) -> None:
        assert range.start == 0, "it is about page 0"
        super().invalidate_range_start(range)


class OwnInterval(HmmMirror):
    """An interval of page 0 alone: ranges that do not touch it never come. Page 1 is not mapped."""

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.notifier = MmuIntervalNotifier(self, 0, 1)

    def invalidate(
        self, interval: MmuIntervalNotifier, range: MmuNotifierRange, cur_seq: int
    ) -> bool:
        assert range.start == 0, "it is about page 0"
        return super().invalidate(interval, range, cur_seq)

    def device_fault(self, page: int, write: bool) -> None:
        if page == 0:
            super().device_fault(page, write)
