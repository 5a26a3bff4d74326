"""At a deadlock everybody who waits is named, with what for, and with who could end it."""

from __future__ import annotations

from pathlib import Path

import shootdown
from shootdown import Flag, Model, Mutex, RwSemaphore, Srcu, thread, wait_until


class Ring(Model):
    """A writer waits for readers, one of whom waits for the other, who waits for the writer."""

    def __init__(self):
        self.mutex = Mutex()
        self.sem = RwSemaphore()
        self.srcu = Srcu()

    @thread
    def writer(self):
        with self.mutex, self.sem.write():
            pass

    @thread
    def updater(self):
        with self.sem.read():
            self.srcu.synchronize()

    @thread
    def reader(self):
        with self.sem.read(), self.srcu.read(), self.mutex:
            pass


class Conditions(Model):
    """One waits for what nobody will say; the other may."""

    def __init__(self):
        self.first = Flag()
        self.second = Flag(True)

    @thread
    def one(self):
        self.second = False
        wait_until(self.first and self.second)

    @thread(daemon=True)
    def idle(self):
        wait_until(self.first)


def waiting(model: type[Model]) -> list[str]:
    """Who waits, at which line of this file."""
    result = shootdown.check(model)
    run = result.scenarios[0].counterexample
    assert run is not None
    assert run.rule == "deadlock"
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    found = []
    for row in run.held:
        what, _, place = row.rpartition(" at ")
        found.append(f"{what}: {lines[int(place.rpartition(':')[2]) - 1].strip()}")
    return found


def test_three_in_a_ring() -> None:
    """Readers of a semaphore and of an Srcu are named, though no state says who they are; the line
    is that of the one who waits, not one inside Srcu."""
    assert waiting(Ring) == [
        "writer waits for sem (read-held by updater and reader): "
        "with self.mutex, self.sem.write():",
        "updater waits for srcu.readers[0] (1, counted up by reader): self.srcu.synchronize()",
        "reader waits for mutex (held by writer): "
        "with self.sem.read(), self.srcu.read(), self.mutex:",
    ]


def test_conditions_are_told_by_what_they_look_at() -> None:
    """Up to where it is clear that they do not hold; who has set it is named. Daemons may wait."""
    assert waiting(Conditions) == [
        "one waits for first (false): wait_until(self.first and self.second)"
    ]
