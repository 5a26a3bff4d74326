"""Many programs on several processes: the same outcomes in the same order."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from shootdown.live.campaign import count_operations, observe_all
from shootdown.live.crew import WorkerError
from shootdown.live.generate import generate
from shootdown.live.observe import Observer, UnstableProgramError
from shootdown.live.programs import ARGUMENTS, Program, Recording

from .test_observe import observer  # noqa: F401 - a fixture
from .test_programs import RECORDING

PROGRAMS = [generate(3, number) for number in range(10)]


@pytest.mark.usefixtures("observer")
def test_workers_make_no_difference() -> None:
    """One or three, fewer programs than workers too."""
    alone = list(observe_all(PROGRAMS))
    assert [each.program for each in alone] == PROGRAMS
    assert list(observe_all(PROGRAMS, workers=3)) == alone
    assert list(observe_all(PROGRAMS[:2], workers=3)) == alone[:2]
    assert list(observe_all([], workers=2)) == []


@pytest.mark.usefixtures("observer")
def test_no_more_than_is_taken() -> None:
    """Programs are made as they are needed, and who stops early leaves no process behind."""
    made: list[int] = []

    def endless() -> Iterator[Program]:
        number = 0
        while True:
            made.append(number)
            yield generate(3, number)
            number += 1

    outcomes = observe_all(endless(), workers=2)
    assert isinstance(next(outcomes), Recording)
    outcomes.close()
    assert len(made) < 40


def test_unstable_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that never repeats itself is an outcome; the others go on."""
    runs = iter(range(10**6))
    monkeypatch.setattr(Observer, "__init__", lambda self: None)
    monkeypatch.setattr(Observer, "__exit__", lambda self, *error: None)

    def run(self: Observer, program: Program) -> Recording:
        if program.id % 2:
            raise UnstableProgramError(program.id, next(runs))
        return Recording(program, ())

    monkeypatch.setattr(Observer, "observe", run)
    found = list(observe_all(PROGRAMS[:4], workers=2))
    assert [type(each) for each in found] == [Recording, UnstableProgramError] * 2
    assert "program 1 did something else in each run" in str(found[1])


def test_death_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that dies is an error, not a gap."""
    monkeypatch.setattr(Observer, "__init__", lambda self: None)
    monkeypatch.setattr(
        Observer, "observe", lambda self, program: os.kill(os.getpid(), signal.SIGKILL)
    )
    with pytest.raises(WorkerError, match="died with status -9"):
        list(observe_all(PROGRAMS, workers=2))


def test_hits() -> None:
    """All operations are in the table, those without a hit too."""
    found = count_operations([RECORDING, RECORDING])
    assert set(found) == set(ARGUMENTS)
    assert (found["munmap"], found["mmap_anon"], found["fork"]) == (2, 2, 0)
