"""Recorded programs run again on this kernel: everything that can be seen is as it was."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from pathlib import Path

import pytest

from shootdown.live import observe
from shootdown.live.callbacks import LostEventsError, find_tracepoints
from shootdown.live.errors import MissingMeansError
from shootdown.live.observe import MOST_RUNS, Observer, UnstableProgramError
from shootdown.live.programs import Program, Recording, read_programs
from shootdown.live.server import ObservationError, Server
from shootdown.live.tracepoints import Tracepoint

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

PROGRAM = Program(0, "anon", REGION, 1, (("mmap_anon", 0, 1, "rw"),))

MORE = RECORDED.with_name("linux-6.18-more.jsonl")
recordings = [*read_programs(RECORDED), *read_programs(MORE)]


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
@pytest.mark.parametrize(
    "recording", recordings, ids=lambda each: f"{each.program.profile}-{each.program.id}"
)
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


def test_until_two_agree(observer: Observer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two equal runs count, whatever came between; MOST_RUNS different ones do not. A first run
    that is what somebody expects needs no second; a later one is not taken at its word."""
    runs = [(1,), (2,), (3,), (2,), (9,)]
    monkeypatch.setattr(Observer, "run", lambda self, program, room: runs.pop(0))
    assert observer.observe(PROGRAM) == Recording(PROGRAM, (2,))  # type: ignore[arg-type]
    assert observer.observe(PROGRAM, lambda found: found == (9,)).observed == (9,)
    runs = [(1,), (3,), (3,), (2,)]
    assert observer.observe(PROGRAM, lambda found: found == (3,)).observed == (3,)
    runs = [(1,), (3,), (1,), (3,)]
    assert observer.observe(PROGRAM, lambda found: found == (3,)).observed == (1,)
    runs = [(number,) for number in range(MOST_RUNS)]
    with pytest.raises(UnstableProgramError, match="program 0 did something else in each run"):
        observer.observe(PROGRAM)


def test_lost_events(observer: Observer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run with too little room is void, and the next one has more; if that does not suffice, it
    is an error."""
    operations = ("mmap_anon", 0, 1500, "rw"), ("read", 0, 1500), ("write", 0, 1500)
    program = Program(0, "", REGION, 1500, operations)
    with pytest.raises(LostEventsError):
        observer.run(program, 1)
    assert len(observer.observe(program).observed[2].ranges) == 1500
    monkeypatch.setattr(observe, "LARGE_ROOM", 1)
    monkeypatch.setattr(observe, "ROOM", 1)
    with pytest.raises(LostEventsError, match="notifications were lost"):
        observer.observe(program)


def test_a_program_that_does_not_end(observer: Observer) -> None:
    """It is told, and so is a death; the next program runs all the same."""
    server = Server(find_tracepoints(), seconds=0)
    with pytest.raises(ObservationError, match="program 0: it did not end in 0 seconds"):
        server.run(PROGRAM, 64)
    server = Server(find_tracepoints(), seconds=10)
    assert len(server.run(PROGRAM, 64)) == 1
    assert server._process is not None
    server._process.kill()
    server._process.wait()
    with pytest.raises(ObservationError, match="program 0: "):
        server.run(PROGRAM, 64)
    assert len(server.run(PROGRAM, 64)) == 1
    server.close()


def test_what_fails_in_the_process(observer: Observer) -> None:
    """A mistake of ours comes back with its traceback, and what is missing as what it is."""
    nonsense = Program(0, "", REGION, 1, (("mmap_anon", 0, 1, "rwx"),))
    with pytest.raises(ObservationError, match="Traceback"):
        observer.run(nonsense)
    with pytest.raises(MissingMeansError, match="no tracepoint number 65535"):
        Server([Tracepoint("kvm", "kvm_age_hva", 65535, ())], 10).run(PROGRAM, 64)
