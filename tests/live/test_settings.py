"""Settings of the system: which programs they change."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from shootdown.live.programs import Operation, Program
from shootdown.live.settings import Settings, chosen, load_settings, parse_settings

EXPECTED = Settings(
    "6.18.44", "x86_64", 4096, "always [madvise] never", "always [madvise] never",
    "always within_size advise [never] deny force", False, "0",
)  # fmt: skip
BASE = 0x200000000000


def program(*operations: Operation, pages: int = 512, base: int = BASE) -> Program:
    return Program(0, "", base, pages, operations)


ANON, SHARED = ("mmap_anon", 0, 512, "rw"), ("mmap_shared", 0, 512, "rw", 0)


@pytest.mark.parametrize(
    ("change", "operation", "reason"),
    [
        ({"thp_enabled": "always madvise [never]"}, ("madvise", 0, 1, "HUGEPAGE"), "switched off"),
        ({"thp_enabled": ""}, ("madvise", 0, 1, "COLLAPSE"), "switched off"),
        ({"thp_enabled": "[always] madvise never"}, ANON, "without being asked for"),
        ({"shmem_thp": "[always] never"}, SHARED, "shared memory has huge pages"),
        ({"swap": True}, ("madvise", 0, 1, "PAGEOUT"), "there is swap"),
        ({"ksm_run": "1"}, ("madvise", 0, 1, "MERGEABLE"), "KSM is switched on"),
    ],
)
def test_obstacles(change: dict[str, object], operation: Operation, reason: str) -> None:
    """A program that a setting changes; it is no obstacle for others, nor as expected."""
    settings = replace(EXPECTED, **change)  # type: ignore[arg-type]
    assert reason in str(settings.obstacle(program(operation)))
    assert EXPECTED.obstacle(program(operation)) is None
    assert settings.obstacle(program(("munmap", 0, 1), pages=8)) is None


def test_where_no_huge_page_fits() -> None:
    """None can come."""
    settings = replace(EXPECTED, thp_enabled="[always] madvise never")
    assert settings.obstacle(program(ANON, pages=511)) is None
    assert settings.obstacle(program(ANON, pages=600, base=BASE + 4096)) is None
    assert settings.obstacle(program(ANON, pages=1023, base=BASE + 4096)) is not None


def test_there_and_back() -> None:
    """Those of this machine, through the first line of a file."""
    here = load_settings()
    assert parse_settings({**asdict(here), "seed": 1}) == here
    with pytest.raises(ValueError, match="`meta` does not say swap"):
        parse_settings({name: value for name, value in asdict(here).items() if name != "swap"})


def test_chosen() -> None:
    """The word in brackets."""
    assert chosen("always [madvise] never") == "madvise"
    assert chosen("") == chosen("madvise") == ""
