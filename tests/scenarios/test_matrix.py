"""Many drivers on many kernels: what cells there are, and what is expected of them."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from shootdown.linux.operations.catalogue import KnownBug, find_operation
from shootdown.machine.result import Limits
from shootdown.report.matrix_json import encode_matrix
from shootdown.report.matrix_terminal import describe_group, describe_matrix
from shootdown.report.paint import Paint
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.matrix import Cell, Plan, check_matrix

MUNMAP, FORK = find_operation("munmap"), find_operation("fork")
KERNELS = ((3, 18, 0), (4, 15, 0), (6, 5, 0), (6, 6, 0), (6, 19, 0))


def cells_of(plan: Plan, workers: int = 1) -> list[Cell]:
    return list(check_matrix(plan, workers))


def without_time(cells: list[Cell]) -> list[Cell]:
    return [replace(cell, seconds=0) for cell in cells]


def test_each_driver_meets_the_kernels_it_fits() -> None:
    """Each on the kernels it is for: kvm in two forms, invalidate-range in two, sva from 6.6."""
    found = cells_of(Plan(operations=(MUNMAP,), kernels=KERNELS, archs=("x86",)))
    assert [(cell.driver, cell.kernel) for cell in found] == [
        ("kvm-2.6.27", "3.18"),
        *(("kvm", kernel) for kernel in ("4.15", "6.5", "6.6", "6.19")),
        *(("invalidate-range", kernel) for kernel in ("4.15", "6.5")),
        *(("sva", kernel) for kernel in ("6.6", "6.19")),
    ]
    assert {cell.verdict for cell in found} == {"holds"}
    assert all(cell.as_expected for cell in found)


def test_equal_programs_are_searched_once() -> None:
    """A cell that repeats an earlier search has its states, and workers change nothing."""
    plan = Plan(operations=(MUNMAP, FORK), kernels=KERNELS[2:], archs=("x86",))
    found = cells_of(plan)
    alone = [
        cells_of(replace(plan, operations=(o,), drivers=(cell.driver,), kernels=(k,)))[0]
        for cell in found
        for o in plan.operations
        if o.name == cell.operation
        for k in plan.kernels
        if cell.kernel == ".".join(map(str, k[:2]))
    ]
    assert [cell.states for cell in alone] == [cell.states for cell in found]
    assert any(cell.repeated for cell in found)
    assert not any(cell.repeated for cell in alone)
    assert without_time(cells_of(plan, workers=2)) == without_time(found)


def test_a_worker_is_given_every_operation() -> None:
    """Those of huge pages too, whose starts are closures and cannot be sent to a process."""
    plan = Plan(
        drivers=("sva",),
        operations=(find_operation("munmap_huge"),),
        kernels=((6, 19, 0),),
        archs=("x86",),
    )
    assert without_time(cells_of(plan, workers=2)) == without_time(cells_of(plan))


def test_a_driver_meets_its_architectures() -> None:
    """sva and smmu-v3-sva share the kernels from 6.6 on by architecture, but for arm64-btm, where
    both are right."""
    plan = Plan(("sva", "smmu-v3-sva"), (MUNMAP,), ((6, 6, 0),))
    found = cells_of(plan)
    assert [(cell.driver, cell.arch) for cell in found] == [
        *(("sva", arch) for arch in ("x86", "arm64-btm", "powerpc")),
        *(("smmu-v3-sva", arch) for arch in ("arm64", "arm64-btm")),
    ]
    assert all(cell.as_expected and cell.verdict == "holds" for cell in found)


def test_a_bug_of_an_architecture() -> None:
    """B10 shows under any operation on arm64 up to 6.5, and is known there."""
    plan = Plan(("invalidate-range",), (FORK,), ((6, 5, 0),))
    found = cells_of(plan)
    assert [(cell.arch, cell.rule) for cell in found] == [
        ("x86", None), ("arm64", "stale-denial"), ("arm64-btm", None), ("powerpc", None),
    ]  # fmt: skip
    assert all(cell.as_expected for cell in found)


def test_a_search_that_was_cut_is_never_repeated_from_memory() -> None:
    """Undecided is said of every cell, and is not as expected."""
    effort = Effort(limits=Limits(states=10))
    plan = Plan(("kvm",), (MUNMAP,), ((6, 6, 0), (6, 19, 0)), ("x86",), effort)
    found = cells_of(plan)
    assert [cell.verdict for cell in found] == ["undecided", "undecided"]
    assert not any(cell.as_expected or cell.repeated for cell in found)


BUG = KnownBug("freed-frame", "a bug for this test", since=(3, 7, 0), until=(6, 5, 0))


@pytest.mark.parametrize("driver", ["naive-tlb", "kvm"])
def test_a_known_bug_has_to_show(driver: str) -> None:
    """Where a kernel is known to be wrong, holding is as unexpected as breaking elsewhere."""
    plan = Plan((driver,), (replace(MUNMAP, known_bugs=(BUG,)),), ((6, 5, 0), (6, 6, 0)), ("x86",))
    old, new = cells_of(plan)
    assert (old.expected, new.expected) == ("freed-frame", None)
    assert (old.as_expected, new.as_expected) == (driver == "naive-tlb", driver == "kvm")


def test_a_bug_can_belong_to_drivers_and_architectures() -> None:
    """It concerns only what it names."""
    bug = replace(BUG, drivers=("kvm",), archs=("arm64",))
    assert bug.concerns("kvm", (4, 0, 0), "arm64")
    assert not bug.concerns("sva", (4, 0, 0), "arm64")
    assert not bug.concerns("kvm", (4, 0, 0), "x86")
    assert not bug.concerns("kvm", (6, 6, 0), "arm64")


def test_the_report_names_what_is_not_as_expected() -> None:
    """One line for the group, one for each kind of cell that does not hold; JSON has every cell."""
    plan = Plan(
        ("naive-tlb",), (replace(MUNMAP, known_bugs=(BUG,)),), ((6, 5, 0), (6, 6, 0)), ("x86",)
    )
    found = [replace(cell, seconds=0.5) for cell in cells_of(plan)]
    lines = list(describe_group(found, Paint()))
    assert lines[0].endswith("1.00  not as expected")
    assert lines[1:] == [
        "    violated freed-frame on 6.6 (x86)",
        "    breaks freed-frame, a known bug of 6.5 (x86)",
    ]
    assert describe_matrix(found, 1.0)[-1] == (
        "0 hold, 1 are known bugs of their kernel, 1 are not as expected."
    )
    rows = msgspec.json.decode(encode_matrix(found))
    assert rows["format"] == "shootdown.matrix/1"
    assert [(row["kernel"], row["rule"], row["as_expected"]) for row in rows["cells"]] == [
        ("6.5", "freed-frame", True),
        ("6.6", "freed-frame", False),
    ]
