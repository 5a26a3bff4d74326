"""What a real guest sees is what the model foresees; a mistake of either is seen."""

from __future__ import annotations

import pytest

from shootdown.conform.coherence import PROFILES, Coherence, foresee, foresee_all
from shootdown.conform.foresight import Foresight
from shootdown.conform.machine import Machine
from shootdown.live.apart import ApartError, apart
from shootdown.live.generate import generate
from shootdown.live.guest import Guest
from shootdown.live.kvm import Kvm
from shootdown.live.programs import Operation, Program


@pytest.fixture(scope="module")
def machine() -> Machine:
    """Compiled once."""
    found = Machine()
    assert found.runner
    return found


@pytest.fixture
def kvm() -> Kvm:
    """Skips with the reason where there is none."""
    try:
        with Kvm() as found:
            found.create_vm().close()
    except Exception as error:
        pytest.skip(str(error))
    return found


def under_guest(program: Program, machine: Machine) -> Coherence:
    """In a process of its own."""

    def here() -> Coherence:
        with Kvm() as kvm:
            return foresee(program, machine, kvm)

    return apart(here)


@pytest.mark.usefixtures("kvm")
def test_random_programs() -> None:
    """Several profiles, on two workers, in order; every page is looked at many times."""
    programs = [generate(31, number, PROFILES[number % 3]) for number in range(6)]
    found = list(foresee_all(programs, workers=2))
    assert [each.program for each in found] == programs
    assert [(each.surprises, each.unknown) for each in found] == [((), None)] * 6
    assert [each.views for each in found] == [3 * p.pages * len(p.operations) for p in programs]


DROPPED = Program(
    0, "", 0, 4, (("write", 0, 4), ("fork",), ("write", 1, 1), ("madvise", 0, 3, "DONTNEED"))
)


@pytest.mark.usefixtures("kvm")
def test_a_model_that_forgets_is_found(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without DONTNEED it foresees the stamps that are gone."""
    perform = Foresight.perform

    def forgetful(self: Foresight, operation: Operation) -> None:
        if operation[-1] != "DONTNEED":
            perform(self, operation)

    assert under_guest(DROPPED, machine).surprises == ()
    monkeypatch.setattr(Foresight, "perform", forgetful)
    found = under_guest(DROPPED, machine).surprises
    assert {(each.number, each.page, each.what) for each in found} == {
        (3, page, "read") for page in range(3)
    }
    assert all(each.process == each.guest == 0 for each in found)


@pytest.mark.usefixtures("kvm")
def test_a_guest_with_stale_entries_is_found(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it saw first of a page it sees for ever: then process and model are of one mind."""
    seen: dict[int, int] = {}
    read = Guest.read

    def stale(guest: Guest, page: int) -> int:
        return seen.setdefault(page, read(guest, page))

    monkeypatch.setattr(Guest, "read", stale)
    found = under_guest(DROPPED, machine).surprises
    assert found
    assert all(each.foreseen == each.process != each.guest for each in found)


@pytest.mark.usefixtures("kvm")
def test_an_operation_that_the_model_does_not_know(machine: Machine) -> None:
    """The program ends there, and that is said."""
    program = Program(0, "", 0, 2, (("write", 0, 2), ("no_such_call", 0, 2)))
    found = under_guest(program, machine)
    assert found.unknown is not None
    assert found.surprises == ()


def test_a_process_apart_that_fails() -> None:
    """It is told why; one that dies too."""
    with pytest.raises(ApartError, match="ZeroDivisionError"):
        apart(lambda: 1 // 0)
    with pytest.raises(ApartError, match="died with status"):
        apart(lambda: __import__("os")._exit(3))
