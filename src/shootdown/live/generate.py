"""Random programs of memory system calls, the same ones for the same seed.

A program belongs to a profile, a mix of operations that make sense together. Regions lie where it
matters: in one block of 2 MiB, across the end of one, across 1 GiB.

The four everyday profiles take turns; every fifth program is one of `more` instead, rarer
operations, of which each program has a few groups that go together; and every fiftieth is one of
`probe`, whose breakpoints take long.

What depends on the background is left out: KSM, and huge pages by khugepaged beyond what
MADV_HUGEPAGE gives at a fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from shootdown.live.more_writer import GROUPS, MoreWriter
from shootdown.live.programs import Operation, Program
from shootdown.live.writer import BLOCK, Profile, Writer

BASE = 0x200000000000
PAGE = 4096
GIGABYTE = 1 << 30

LEAST, MOST = 12, 20
"""operations of a program"""

_ADVICE = (
    "DONTNEED", "DONTNEED", "DONTNEED", "FREE", "FREE", "DONTNEED_LOCKED", "COLD", "PAGEOUT",
    "WILLNEED", "NORMAL", "SEQUENTIAL", "RANDOM", "DONTDUMP", "DODUMP", "POPULATE_READ",
    "POPULATE_WRITE", "POPULATE_WRITE", "GUARD_INSTALL", "GUARD_INSTALL", "GUARD_REMOVE", "REMOVE",
)  # fmt: skip
_FORK_ADVICE = ("DONTFORK", "DOFORK", "WIPEONFORK", "KEEPONFORK")
_KSM_ADVICE = ("MERGEABLE", "UNMERGEABLE") * 8
_HUGE_ADVICE = ("HUGEPAGE", "HUGEPAGE", "NOHUGEPAGE", "COLLAPSE", "COLLAPSE")


_COMMON = {
    "mmap_anon": 3, "munmap": 4, "mprotect": 6, "read": 6, "write": 9, "madvise": 8, "mremap": 6,
    "mlock": 1, "mlock_onfault": 1, "munlock": 1,
}  # fmt: skip
_FORKS = {"fork": 4, "child_write": 8, "child_munmap": 4, "child_exit": 4}
_FILES = {
    "mmap_shared": 4, "mmap_private": 4, "mmap_shanon": 2, "ftruncate": 3, "punch": 3, "pwrite": 2,
}  # fmt: skip

_MIXED = {
    "mmap_anon": 2, "mmap_shanon": 1, "mmap_shared": 2, "mmap_private": 2, "munmap": 3,
    "mprotect": 4, "read": 4, "write": 8, "madvise": 7, "mremap": 3, "mlock": 1, "munlock": 1,
    "fork": 1, "child_write": 2, "child_exit": 1, "ftruncate": 1, "punch": 1,
}  # fmt: skip

PROFILES: Mapping[str, Profile] = {
    "anon": Profile({**_COMMON, "mmap_shanon": 1}, _ADVICE, (8, 64)),
    "file": Profile({**_COMMON, **_FILES}, _ADVICE, (8, 64)),
    "cow": Profile({**_COMMON, **_FORKS, **_FILES}, (*_ADVICE, *_FORK_ADVICE), (8, 48)),
    "thp": Profile({**_COMMON, "fork": 1}, (*_ADVICE, *_HUGE_ADVICE * 3), (BLOCK, 3 * BLOCK)),
    "more": Profile(_MIXED, (*_ADVICE, *_FORK_ADVICE * 3, *_KSM_ADVICE), (8, 48)),
    "probe": Profile({**_MIXED, "uprobe": 7, "uprobe_end": 8}, _ADVICE, (8, 32)),
}
EVERYDAY = ("anon", "file", "cow", "thp")
EVERY_MORE, EVERY_PROBE = 5, 50


def generate(seed: int, number: int, profile: str | None = None) -> Program:
    """Program `number` of a seed; profiles take turns unless one is named.

    Raises:
        KeyError: for a profile that is none.
    """
    random = Random(f"{seed} {number}")
    name = profile or _turn(number)
    chosen = PROFILES[name]
    pages = random.randint(*chosen.pages)
    base = _place(random, pages, aligned=name == "thp")
    writer = _writer(random, name, base // PAGE, pages)
    operations = [_first(random, name, pages)]
    writer.remember(operations[0])
    for _ in range(random.randint(LEAST, MOST) - 1):
        operations.append(writer.operation())
        writer.remember(operations[-1])
    return Program(number, name, base, pages, tuple(operations))


def _turn(number: int) -> str:
    """The profile of a program."""
    if number % EVERY_PROBE == EVERY_PROBE - 1:
        return "probe"
    return "more" if number % EVERY_MORE == EVERY_MORE - 1 else EVERYDAY[number % len(EVERYDAY)]


def _writer(random: Random, name: str, first: int, pages: int) -> Writer:
    profile = PROFILES[name]
    if name != "more":
        return Writer(random, profile, first, pages)
    groups = random.sample(sorted(GROUPS), 3)
    weights = {**profile.weights, **{k: v for group in groups for k, v in GROUPS[group].items()}}
    return MoreWriter(random, Profile(weights, profile.advice, profile.pages), first, pages)


def _place(random: Random, pages: int, aligned: bool) -> int:
    """At the start of a block, across the end of one, or across that of 1 GiB."""
    if aligned:
        return BASE + random.choice((0, 0, GIGABYTE - BLOCK * PAGE))
    before = random.randint(1, pages - 1) * PAGE
    return BASE + random.choice((0, 0, BLOCK * PAGE - before, GIGABYTE - before))


def _first(random: Random, profile: str, pages: int) -> Operation:
    """Something to work on: the whole region is mapped."""
    protection = random.choice(("rw", "rw", "rw", "rw", "r"))
    if profile == "probe":
        return ("mmap_private", 0, pages, "r", 0)
    if profile == "file" or (profile in ("cow", "more") and random.random() < 0.3):
        return (random.choice(("mmap_shared", "mmap_private")), 0, pages, protection, 0)
    return ("mmap_anon", 0, pages, protection)
