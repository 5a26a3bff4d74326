"""Random programs: valid, repeatable, and of all kinds; shrunk ones: as small as can be."""

from __future__ import annotations

from collections import Counter

import pytest

from shootdown.live.generate import BLOCK, GIGABYTE, LEAST, MOST, PAGE, PROFILES, generate
from shootdown.live.observe import Observer
from shootdown.live.programs import ADVICE, ARGUMENTS, Program, parse_operation
from shootdown.live.shrink import shrink

from .test_observe import observer  # noqa: F401 - a fixture

PROGRAMS = [generate(7, number) for number in range(1000)]


def test_repeatable() -> None:
    """The same for the same seed and number, whatever was made before; others are others."""
    assert generate(7, 123) == PROGRAMS[123]
    assert generate(8, 123) != PROGRAMS[123]
    assert len(set(PROGRAMS)) == len(PROGRAMS)


def test_valid() -> None:
    """Operations as the file has them, of the length promised."""
    for program in PROGRAMS:
        assert LEAST <= len(program.operations) <= MOST
        for operation in program.operations:
            assert parse_operation(list(operation)) == operation


def test_all_kinds() -> None:
    """Every operation, and every advice that is given, often enough for 200 in 10,000 programs."""
    found = Counter(
        (operation[0], operation[-1] if operation[0] == "madvise" else "")
        for program in PROGRAMS
        for operation in program.operations
    )
    assert {name for name, _ in found} == set(ARGUMENTS)
    assert {advice for name, advice in found if name == "madvise"} == set(ADVICE)
    assert min(found.values()) >= 200 * len(PROGRAMS) / 10_000


def test_turns() -> None:
    """The everyday profiles equally often, the others now and then."""
    found = Counter(program.profile for program in PROGRAMS)
    assert found == {"anon": 200, "file": 200, "cow": 200, "thp": 200, "more": 180, "probe": 20}
    assert list(PROFILES) == list(found)


def test_edges() -> None:
    """Regions inside a block, across the end of one, and across 1 GiB."""

    def crosses(program: Program, size: int) -> bool:
        end = program.base + program.pages * PAGE
        return program.base // size < (end - 1) // size

    small = [program for program in PROGRAMS if program.profile != "thp"]
    blocks = [program for program in small if crosses(program, BLOCK * PAGE)]
    gigabytes = [program for program in small if crosses(program, GIGABYTE)]
    assert len(small) / 3 < len(blocks) < len(small)
    assert len(small) / 8 < len(gigabytes) < len(blocks)


def test_breakpoints() -> None:
    """One at a time, each at a place of its own, gone before a child could be the last to have it;
    and nothing moves where the kernel likes."""
    sets = 0
    for number in range(200):
        open_in: list[bool] = [False]
        places: set[int] = set()
        for operation in generate(3, number, "probe").operations:
            match operation:
                case ("uprobe", int(page)):
                    assert not any(open_in) and page not in places
                    places.add(page)
                    open_in[0] = True
                    sets += 1
                case ("uprobe_end",):
                    assert not any(open_in[1:])
                    open_in[0] = False
                case ("fork",):
                    open_in.append(open_in[0])
                case ("child_exit",):
                    open_in.pop()
                case ("mremap", _, _, _, int(flags), _):
                    assert flags in (0, 3, 7)
    assert sets > 200


def test_one_profile() -> None:
    """If asked for; others have names that can be looked up."""
    assert generate(1, 0, "thp").profile == "thp"
    with pytest.raises(KeyError):
        generate(1, 0, "gpu")


def test_on_the_kernel(observer: Observer) -> None:  # noqa: F811 - the fixture
    """Random programs repeat themselves, and most of what they do succeeds."""
    recordings = [observer.observe(program) for program in PROGRAMS[:24]]
    results = [each.result for recording in recordings for each in recording.observed]
    assert results.count(0) > len(results) / 2
    told = [each.ranges for recording in recordings for each in recording.observed]
    assert sum(map(len, told)) > 100


def test_shrink() -> None:
    """To the operations and the numbers that matter."""

    def unmaps_after_a_write(program: Program) -> bool:
        names = [operation[0] for operation in program.operations]
        writes = [at for at, name in enumerate(names) if name == "write"]
        return any(
            name == "munmap" and program.operations[at][2] >= 3 and writes and writes[0] < at
            for at, name in enumerate(names)
        )

    found = [shrink(each, unmaps_after_a_write) for each in PROGRAMS if unmaps_after_a_write(each)]
    assert len(found) > 50
    assert {each.operations for each in found} == {(("write", 0, 0), ("munmap", 0, 3))}


def test_nothing_to_shrink() -> None:
    """A program that does not do it is refused."""
    with pytest.raises(ValueError, match="program 5 does not do"):
        shrink(PROGRAMS[5], lambda program: False)


def test_shrink_on_the_kernel(observer: Observer) -> None:  # noqa: F811 - the fixture
    """The smallest of a program that tells 2 MiB without a huge page: touch, and cut inside."""

    def tells_a_block(program: Program) -> bool:
        recording = observer.observe(program)
        return any("__split_huge_pmd" in each.sites for each in recording.observed)

    operations = (
        ("mmap_anon", 0, 512, "rw"), ("write", 5, 3), ("read", 10, 2), ("mprotect", 100, 7, "r"),
        ("munmap", 3, 1),
    )  # fmt: skip
    found = shrink(Program(0, "anon", 0x200000000000, 512, operations), tells_a_block)
    *before, cut = (operation[0] for operation in found.operations)
    assert (before, cut in ("munmap", "mprotect")) == (["mmap_anon", "write"], True)
    assert found.operations[0] == ("mmap_anon", 0, 512, "rw")
