"""Random programs under a running guest: it sees what its process has, after every operation."""

from __future__ import annotations

import pytest

from shootdown.live.apart import apart
from shootdown.live.coherence import FIRST, MOST_PAGES, Difference, find_differences, run
from shootdown.live.generate import generate
from shootdown.live.guest import Guest
from shootdown.live.kvm import Kvm
from shootdown.live.memory import PAGE
from shootdown.live.programs import Program
from shootdown.live.region import Region

from .conftest import REGION


def in_new_process(program: Program) -> list[Difference]:
    """The differences of a program, which may leave mappings behind."""

    def compare() -> list[Difference]:
        with Kvm() as kvm:
            return find_differences(program, kvm)

    found: list[Difference] = apart(compare)
    return found


@pytest.mark.usefixtures("kvm")
@pytest.mark.parametrize("number", range(9))
def test_random_programs(number: int) -> None:
    """Nothing is stale, whatever the process did."""
    program = generate(11, number, ("anon", "file", "cow")[number % 3])
    assert in_new_process(program) == []


def test_a_stale_view_is_found(kvm: Kvm) -> None:
    """A guest that looks at other memory than the program works on differs at once."""
    operations = (("mmap_anon", 0, 4, "rw"), ("write", 0, 4), ("munmap", 1, 1))
    program = Program(0, "", REGION, 4, operations)
    with Guest(kvm) as guest, Region(REGION, 4) as region:
        found = run(program, guest, region)
    (gone,) = (each for each in found if each.number == 2 and each.process is None)
    assert gone == Difference(2, ("munmap", 1, 1), 1, "read", None, gone.guest)
    assert gone.guest is not None
    assert {each.page for each in found} == {0, 1, 2, 3}


def test_a_missed_invalidation_is_found(kvm: Kvm, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the guest saw before an operation is not what it has to see after it."""
    operations = (("mmap_anon", 0, 2, "rw"), ("write", 0, 2), ("madvise", 0, 2, "DONTNEED"))
    program = Program(0, "", REGION, 2, operations)
    seen: dict[int, int] = {}
    read = Guest.read

    def as_before(guest: Guest, page: int) -> int:
        """An entry that is filled once and never dropped."""
        return seen.setdefault(page, read(guest, page))

    monkeypatch.setattr(Guest, "read", as_before)
    with Guest(kvm) as guest, Region(guest.page(FIRST), 2) as region:
        found = run(program, guest, region)
    assert {(each.number, each.what) for each in found} >= {(1, "read"), (2, "read")}


def test_too_large(kvm: Kvm) -> None:
    """The region has to fit into the memory of the guest."""
    program = Program(0, "", 0, MOST_PAGES + 1, (("munmap", 0, 1),))
    with pytest.raises(ValueError, match=f"is more than {MOST_PAGES}"):
        find_differences(program, kvm)
    assert MOST_PAGES * PAGE < 2 << 20
