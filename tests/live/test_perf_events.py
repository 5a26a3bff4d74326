"""Tracepoints of this thread: all of them, in order, filtered, losses counted."""

from __future__ import annotations

import os
import threading

import pytest

from shootdown.live.errors import MissingMeansError
from shootdown.live.kvm import Kvm
from shootdown.live.memory import MADV_DONTNEED, PAGE, madvise
from shootdown.live.perf_events import TracepointEvents
from shootdown.live.tracepoints import Tracepoint

from .conftest import PAGES
from .unprivileged import run_as_nobody


def zap(region: int, times: int) -> None:
    """One notification each: page after page, from the first."""
    for number in range(times):
        madvise(region + number * PAGE, PAGE, MADV_DONTNEED)


def test_all_in_order(kvm: Kvm, unmap_event: Tracepoint, region: int) -> None:
    """A thousand events, each with its values, its thread and its call chain."""
    with kvm.create_vm(), TracepointEvents([unmap_event]) as events:
        zap(region, 1000)
        samples = [s for s in events.drain() if region <= s.values["start"] < region + PAGES * PAGE]
        assert events.lost == 0
    assert [s.values["start"] for s in samples] == [region + n * PAGE for n in range(1000)]
    assert {s.values["end"] - s.values["start"] for s in samples} == {PAGE}
    assert {(s.pid, s.tid) for s in samples} == {(os.getpid(), threading.get_native_id())}
    assert all(len(s.callchain) > 3 for s in samples)
    times = [s.time for s in samples]
    assert times == sorted(times)


def test_filter(kvm: Kvm, unmap_event: Tracepoint, region: int) -> None:
    """The kernel leaves out what does not match; a filter it does not understand is refused."""
    condition = f"start >= {region + 5 * PAGE:#x} && start < {region + 7 * PAGE:#x}"
    with (
        kvm.create_vm(),
        TracepointEvents([unmap_event], filters={unmap_event.name: condition}) as events,
    ):
        zap(region, 10)
        assert [s.values["start"] for s in events.drain()] == [region + 5 * PAGE, region + 6 * PAGE]
    with pytest.raises(ValueError, match="no filter `nonsense == 1`"):
        TracepointEvents([unmap_event], filters={unmap_event.name: "nonsense == 1"})


def test_losses_are_counted(kvm: Kvm, unmap_event: Tracepoint, region: int) -> None:
    """What does not fit is lost, and known to be, at the very end of a burst too."""
    with (
        kvm.create_vm(),
        TracepointEvents(
            [unmap_event],
            pages=1,
            filters={
                unmap_event.name: f"start >= {region:#x} && start < {region + PAGES * PAGE:#x}"
            },
        ) as events,
    ):
        zap(region, 1000)
        kept = len(events.drain())
        assert 0 < kept < 200
        assert kept + events.lost == 1000
        zap(region, 1)
        assert len(events.drain()) == 1


def test_other_threads_are_not_seen(kvm: Kvm, unmap_event: Tracepoint, region: int) -> None:
    """Events are bound to the thread that opened them."""
    with kvm.create_vm(), TracepointEvents([unmap_event]) as events:
        other = threading.Thread(target=zap, args=(region, 5))
        other.start()
        other.join()
        assert [
            s for s in events.drain() if region <= s.values["start"] < region + PAGES * PAGE
        ] == []


def test_disabled(kvm: Kvm, unmap_event: Tracepoint, region: int) -> None:
    """Nothing before it is enabled, nothing after it is disabled."""
    events = TracepointEvents([unmap_event])
    with kvm.create_vm():
        zap(region, 1)
        events.enable()
        zap(region + PAGE, 1)
        events.disable()
        zap(region, 1)
    found = [
        s.values["start"]
        for s in events.drain()
        if region <= s.values["start"] < region + PAGES * PAGE
    ]
    assert found == [region + PAGE]
    events.close()
    events.close()


def test_without_the_right(unmap_event: Tracepoint) -> None:
    """Who may not is told which right it takes."""
    told = run_as_nobody(
        "from shootdown.live import perf_events, tracepoints, errors\n\n"
        f"point = tracepoints.Tracepoint('kvm', 'kvm_unmap_hva_range', {unmap_event.id}, ())\n"
        "try: perf_events.TracepointEvents([point])\n"
        "except errors.MissingMeansError as error: print(error)\n"
    )
    assert "CAP_PERFMON" in told
    assert "kvm:kvm_unmap_hva_range" in told


def test_number_of_another_kernel(unmap_event: Tracepoint) -> None:
    """A number without a tracepoint."""
    with pytest.raises(MissingMeansError, match="no tracepoint number 65535"):
        TracepointEvents([Tracepoint("kvm", "gone", 65535, ())])
