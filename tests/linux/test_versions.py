"""Kernel versions, the generations of the API, operations by name."""

from __future__ import annotations

import pickle
from itertools import pairwise

import pytest

from shootdown.linux.notifiers.generations import GENERATIONS, NEWEST, generation_for
from shootdown.linux.operations.catalogue import OPERATIONS, UnknownOperationError, find_operation
from shootdown.linux.version import UnknownVersionError, parse_version, show_version


@pytest.mark.parametrize(
    ("text", "version", "shown"),
    [
        ("6.6", (6, 6, 0), "6.6"),
        ("v3.19", (3, 19, 0), "3.19"),
        (" 2.6.27 ", (2, 6, 27), "2.6.27"),
        ("4.15.0", (4, 15, 0), "4.15"),
    ],
)
def test_versions_are_read_and_written(
    text: str, version: tuple[int, int, int], shown: str
) -> None:
    """A version is written as kernel developers write it."""
    assert parse_version(text) == version
    assert show_version(version) == shown


@pytest.mark.parametrize(
    "text", ["", "6", "6.", "6.6.1.1", "six", "6.6-rc1", "-6.6", "1000.1", "6.6+", "6.6+a+b"]
)
def test_what_is_not_a_version_is_refused(text: str) -> None:
    """The refusal names the text and says what one looks like."""
    with pytest.raises(UnknownVersionError) as refusal:
        parse_version(text)
    assert str(refusal.value) == f"`{text}` is not a kernel version; write for instance 6.6"


@pytest.mark.parametrize(
    ("kernel", "since"),
    [
        ("2.6.27", "2.6.27"),
        ("2.6.31", "2.6.27"),
        ("2.6.39", "2.6.38"),
        ("3.5", "2.6.38"),
        ("3.7", "3.7"),
        ("3.14.99", "3.10"),
        ("3.16", "3.15"),
        ("3.18", "3.17"),
        ("3.19", "3.19"),
        ("4.14", "4.14"),
        ("4.15", "4.15"),
        ("6.5", "6.4"),
        ("6.6", "6.6"),
        ("6.18", "6.10"),
        ("6.19", "6.19"),
    ],
)
def test_a_kernel_has_the_newest_generation_not_newer_than_itself(kernel: str, since: str) -> None:
    """Generations begin where the API changed."""
    assert show_version(generation_for(parse_version(kernel)).since) == since


@pytest.mark.parametrize("kernel", ["2.6.26", "2.6", "6.19.1", "6.20", "7.0"])
def test_kernels_out_of_reach_are_refused(kernel: str) -> None:
    """Older than the first generation or newer than what was read: no guess, but the nearest."""
    with pytest.raises(UnknownVersionError) as refusal:
        generation_for(parse_version(kernel))
    nearest = "2.6.27" if kernel.startswith("2") else "6.19"
    assert str(refusal.value) == (
        f"kernel {kernel} is not modelled; the nearest is {nearest}, known are 2.6.27 to 6.19"
    )


@pytest.mark.parametrize("text", ["6.4+tlb_notifier", "3.19+short_circuit", "2.6.27+short_circuit"])
def test_a_proposal_stands_on_a_generation(text: str) -> None:
    """It compares like the kernel it is made for, is no equal of it, and survives pickling."""
    kernel, plain = parse_version(text), parse_version(text.partition("+")[0])
    assert (show_version(kernel), kernel <= plain, kernel >= plain) == (text, True, True)
    assert kernel != plain
    assert len({kernel, plain, parse_version(text)}) == 2
    assert pickle.loads(pickle.dumps(kernel)) == kernel
    generation = generation_for(kernel)
    assert generation is generation_for(parse_version(text))
    assert issubclass(generation, generation_for(plain))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "6.4+tlb_notifer",
            "nobody proposed `tlb_notifer`; did you mean tlb_notifier? "
            "known are short_circuit, tlb_notifier",
        ),
        (
            "6.6+tlb_notifier",
            "tlb_notifier does not go with Linux 6.6; it was meant for 3.19 to 6.5",
        ),
    ],
)
def test_a_proposal_has_its_place(text: str, message: str) -> None:
    """One that is none, and one for other kernels, are refused."""
    with pytest.raises(UnknownVersionError) as refusal:
        generation_for(parse_version(text))
    assert str(refusal.value) == message


def test_each_generation_inherits_from_the_one_before() -> None:
    """Reading the classes from top to bottom is reading the history."""
    for older, newer in pairwise(GENERATIONS):
        assert newer.__bases__ == (older,)
        assert older.since < newer.since <= NEWEST


def test_callbacks_of_each_generation() -> None:
    """Every callback that came or went, with the generation where it did."""
    changes = [
        (show_version(newer.since), set(newer.callbacks) ^ set(older.callbacks))
        for older, newer in pairwise(GENERATIONS)
        if newer.callbacks != older.callbacks
    ]
    assert set(GENERATIONS[0].callbacks) == {
        "release",
        "clear_flush_young",
        "invalidate_page",
        "invalidate_range_start",
        "invalidate_range_end",
    }
    assert changes == [
        ("2.6.32", {"change_pte"}),
        ("2.6.38", {"test_young"}),
        ("3.19", {"invalidate_range"}),
        ("4.3", {"clear_young"}),
        ("4.13", {"invalidate_page"}),
        ("5.4", {"free_notifier"}),
        ("5.5", {"invalidate"}),
        ("6.6", {"invalidate_range", "arch_invalidate_secondary_tlbs"}),
        ("6.10", {"change_pte"}),
    ]


def test_operations_are_found_by_name() -> None:
    """A name that is almost right gets a hint, any other the list."""
    assert find_operation("munmap") is OPERATIONS["munmap"]
    known = f"known are {', '.join(OPERATIONS)}"
    assert known.startswith("known are read_fault, write_fault, mmap, munmap, madvise_dontneed")
    with pytest.raises(UnknownOperationError) as refusal:
        find_operation("mumap")
    assert str(refusal.value) == f"there is no operation `mumap`; did you mean munmap? {known}"
    with pytest.raises(UnknownOperationError) as refusal:
        find_operation("xyz")
    assert str(refusal.value) == f"there is no operation `xyz`; {known}"


def test_operations_say_what_they_do() -> None:
    """The summary is the first line of the function's docstring."""
    summary = OPERATIONS["munmap"].summary
    assert summary == "Remove the VMAs of the range and free what they mapped."
