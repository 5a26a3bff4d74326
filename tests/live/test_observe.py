"""Recorded programs run again on this kernel: everything that can be seen is as it was."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shootdown.live.errors import MissingMeansError
from shootdown.live.observe import ObservationError, Observer, in_fresh_process
from shootdown.live.programs import Program, Recording, read_programs

from .conftest import REGION
from .test_programs import RECORDED

HUGE = Path("/sys/kernel/mm/transparent_hugepage")
SETTINGS = {
    "thp_enabled": HUGE / "enabled",
    "thp_defrag": HUGE / "defrag",
    "shmem_thp": HUGE / "shmem_enabled",
    "ksm_run": Path("/sys/kernel/mm/ksm/run"),
}
"""what the recorded behaviour depends on, beside the kernel"""

recordings = list(read_programs(RECORDED))


@pytest.fixture(scope="module")
def observer() -> Iterator[Observer]:
    """On a machine that has what it takes."""
    try:
        made = Observer()
    except MissingMeansError as error:
        pytest.skip(str(error))
    with made:
        yield made


@pytest.fixture(scope="module")
def as_recorded() -> None:
    """The kernel and the settings of the recording."""
    meta = json.loads(RECORDED.read_text(encoding="utf-8").splitlines()[0])["meta"]
    here = (platform.machine(), platform.release().split(".")[:2])
    recorded = (meta["machine"], meta["kernel"].split(".")[:2])
    if here != recorded:
        pytest.skip(f"recorded on {meta['machine']}, Linux {meta['kernel']}")
    for name, path in SETTINGS.items():
        if not path.exists() or path.read_text().strip() != meta[name]:
            pytest.skip(f"recorded with {path} being {meta[name]}")
    if len(Path("/proc/swaps").read_text().splitlines()) > 1:
        pytest.skip("recorded without swap")


@pytest.mark.usefixtures("as_recorded")
@pytest.mark.parametrize("recording", recordings, ids=lambda each: str(each.program.id))
def test_recorded_programs(observer: Observer, recording: Recording) -> None:
    """Results, ranges in order, causes, mappings and pages, after every operation."""
    now = observer.observe(recording.program)
    for operation, was, found in zip(
        recording.program.operations, recording.observed, now.observed, strict=True
    ):
        assert (operation, found) == (operation, was)


def test_nothing_is_left_behind(observer: Observer) -> None:
    """A program finds nothing of the one before it, nor does this process."""
    write = ("mmap_anon", 0, 8, "rw"), ("write", 0, 8)
    first = observer.observe(Program(0, "", REGION, 8, write))
    assert first.observed[1].state.pages == ((0, 8, "PX"),)
    second = observer.observe(Program(1, "", REGION, 8, (("read", 0, 8),)))
    assert second.observed[0].result == -14
    assert second.observed[0].state.vmas == ()
    assert f"{REGION:x}" not in Path("/proc/self/maps").read_text()


def test_children(observer: Observer) -> None:
    """Children act in their own address space, the last one first; without one there is none."""
    operations = (
        ("mmap_anon", 0, 4, "rw"), ("write", 0, 4), ("fork",), ("fork",), ("child_munmap", 0, 4),
        ("child_write", 0, 1), ("child_exit",), ("child_write", 0, 1), ("child_exit",),
        ("child_exit",), ("write", 0, 4),
    )  # fmt: skip
    found = observer.observe(Program(0, "", REGION, 4, operations)).observed
    assert [each.result for each in found] == [0, 0, 0, 0, 0, -14, 0, 0, 0, -3, 0]
    assert [each.ranges for each in found[2:4]] == [((0, 4),), ((0, 4),)]
    assert all(each.ranges == () for each in found[4:10])


def test_fresh_process() -> None:
    """What a function returns and raises comes back; a death and a hang are told."""
    assert in_fresh_process(os.getpid) != os.getpid()
    with pytest.raises(MissingMeansError, match="what; it is needed why"):
        in_fresh_process(lambda: (_ for _ in ()).throw(MissingMeansError("what", "why", "how")))
    with pytest.raises(ObservationError, match="ZeroDivisionError"):
        in_fresh_process(lambda: 1 // 0)
    with pytest.raises(ObservationError, match="status 9"):
        in_fresh_process(lambda: os.kill(os.getpid(), 9))
    with pytest.raises(ObservationError, match=r"did not end in 0\.1 seconds"):
        in_fresh_process(lambda: time.sleep(5), seconds=0.1)
