"""Random programs of memory system calls, the same ones for the same seed.

A program belongs to a profile, a mix of operations that make sense together. A program of nothing
but failing calls would test nothing, so the writer keeps roughly in mind what is mapped, and mostly
touches that; it may be wrong, which is a test too. Regions lie where it matters: in one block of
2 MiB, across the end of one, across 1 GiB. Places and lengths prefer the ends of the region and of
such blocks.

What depends on the background is left out: KSM, and huge pages by khugepaged beyond what
MADV_HUGEPAGE gives at a fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from shootdown.live.programs import NO_TARGET, Operation, Program

BLOCK = 512
"""pages of 2 MiB"""
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
_HUGE_ADVICE = ("HUGEPAGE", "HUGEPAGE", "NOHUGEPAGE", "COLLAPSE", "COLLAPSE")


@dataclass(frozen=True, slots=True)
class Profile:
    """How often each operation is chosen, and how large regions are."""

    weights: Mapping[str, int]
    advice: tuple[str, ...]
    pages: tuple[int, int]


_COMMON = {
    "mmap_anon": 3, "munmap": 4, "mprotect": 6, "read": 6, "write": 9, "madvise": 8, "mremap": 6,
    "mlock": 1, "mlock_onfault": 1, "munlock": 1,
}  # fmt: skip
_FORKS = {"fork": 4, "child_write": 8, "child_munmap": 4, "child_exit": 4}
_FILES = {
    "mmap_shared": 4, "mmap_private": 4, "mmap_shanon": 2, "ftruncate": 3, "punch": 3, "pwrite": 2,
}  # fmt: skip

PROFILES: Mapping[str, Profile] = {
    "anon": Profile({**_COMMON, "mmap_shanon": 1}, _ADVICE, (8, 64)),
    "file": Profile({**_COMMON, **_FILES}, _ADVICE, (8, 64)),
    "cow": Profile({**_COMMON, **_FORKS, **_FILES}, (*_ADVICE, *_FORK_ADVICE), (8, 48)),
    "thp": Profile({**_COMMON, "fork": 1}, (*_ADVICE, *_HUGE_ADVICE * 3), (BLOCK, 3 * BLOCK)),
}


def generate(seed: int, number: int, profile: str | None = None) -> Program:
    """Program `number` of a seed; profiles take turns unless one is named.

    Raises:
        KeyError: for a profile that is none.
    """
    random = Random(f"{seed} {number}")
    name = profile or list(PROFILES)[number % len(PROFILES)]
    chosen = PROFILES[name]
    pages = random.randint(*chosen.pages)
    base = _place(random, pages, aligned=name == "thp")
    writer = _Writer(random, chosen, base // PAGE, pages)
    operations = [_first(random, name, pages)]
    writer.remember(operations[0])
    for _ in range(random.randint(LEAST, MOST) - 1):
        operations.append(writer.operation())
        writer.remember(operations[-1])
    return Program(number, name, base, pages, tuple(operations))


def _place(random: Random, pages: int, aligned: bool) -> int:
    """At the start of a block, across the end of one, or across that of 1 GiB."""
    if aligned:
        return BASE + random.choice((0, 0, GIGABYTE - BLOCK * PAGE))
    before = random.randint(1, pages - 1) * PAGE
    return BASE + random.choice((0, 0, BLOCK * PAGE - before, GIGABYTE - before))


def _first(random: Random, profile: str, pages: int) -> Operation:
    """Something to work on: the whole region is mapped."""
    protection = random.choice(("rw", "rw", "rw", "rw", "r"))
    if profile == "file" or (profile == "cow" and random.random() < 0.3):
        return (random.choice(("mmap_shared", "mmap_private")), 0, pages, protection, 0)
    return ("mmap_anon", 0, pages, protection)


class _Writer:
    """Writes operations for one program."""

    def __init__(self, random: Random, profile: Profile, first: int, pages: int) -> None:
        """`first`: the number of page 0 of the region in the address space."""
        self.random = random
        self.profile = profile
        self.pages = pages
        edges = [page for page in range(pages + 1) if (first + page) % BLOCK == 0]
        self.edges = sorted({0, pages, *edges})
        self.mapped: list[str | None] = [None] * pages
        """roughly, the protection of each page"""
        self.children: list[list[str | None]] = []
        """what was mapped when each of them was forked"""

    def operation(self) -> Operation:
        """Any of the profile; nothing is asked of a child that is not there."""
        weights = self.profile.weights
        names = [name for name in weights if self.children or not name.startswith("child_")]
        name = self.random.choices(names, [weights[each] for each in names])[0]
        if name in ("read", "write", "child_write") and self.random.random() < 0.8:
            return (name, *self._touchable(name))
        write: Callable[[], Operation] | None = getattr(self, f"_{name}", None)
        return write() if write else (name, *self._range(), *self._rest(name))

    def remember(self, operation: Operation) -> None:
        """What it probably did."""
        match operation:
            case ("mmap_anon" | "mmap_shanon" | "mmap_shared" | "mmap_private" | "mprotect" as name,
                  int(page), int(count), str(protection), *_):  # fmt: skip
                for at in range(page, min(page + count, self.pages)):
                    if name != "mprotect" or self.mapped[at] is not None:
                        self.mapped[at] = protection
            case ("munmap", int(page), int(count)):
                self._forget(page, count)
            case ("mremap", int(page), int(old), int(new), int(flags), int(target)) if flags & 2:
                moved = self.mapped[page : page + min(old, new)]
                if not flags & 4:
                    self._forget(page, old)
                self.mapped[target : target + len(moved)] = moved[: self.pages - target]
            case ("fork",):
                self.children.append(list(self.mapped))
            case ("child_exit",):
                self.children.pop()

    def _forget(self, page: int, count: int) -> None:
        end = min(page + count, self.pages)
        self.mapped[page:end] = [None] * (end - page)

    def _touchable(self, name: str) -> tuple[int, int]:
        """Pages in a row that can probably be touched, a few or all of them."""
        mapped = self.children[-1] if name == "child_write" else self.mapped
        good = ("r", "rw") if name == "read" else ("rw",)
        pages = [page for page, protection in enumerate(mapped) if protection in good]
        if not pages:
            return self._range()
        start = end = self.random.choice(pages)
        while end < len(mapped) and mapped[end] in good:
            end += 1
        return start, self.random.choice((1, end - start, self.random.randint(1, end - start)))

    def _rest(self, name: str) -> tuple[str | int, ...]:
        """What stands behind a range."""
        protection = self.random.choice(("rw", "rw", "r", "none"))
        match name:
            case "madvise":
                return (self.random.choice(self.profile.advice),)
            case "mprotect" | "mmap_anon" | "mmap_shanon":
                return (protection,)
            case "mmap_shared" | "mmap_private":
                return (self.random.choice(("rw", "r")), self.random.randrange(self.pages))
            case _:
                return ()

    def _range(self) -> tuple[int, int]:
        """A page and a number of pages; often the whole region, or from or to an edge."""
        kind = self.random.random()
        if kind < 0.15:
            return 0, self.pages
        start, end = sorted((self._page(kind < 0.5), self._page(kind < 0.3)))
        return (start, end - start) if end > start else (min(start, self.pages - 1), 1)

    def _page(self, at_edge: bool) -> int:
        if at_edge:
            near = self.random.choice(self.edges) + self.random.choice((-1, 0, 0, 1))
            return min(max(near, 0), self.pages)
        return self.random.randint(0, self.pages)

    # --- operations without a plain range -----------------------------------------------------

    def _mremap(self) -> Operation:
        """In place, to a place of the region, or with the old mapping left there."""
        page, old = self._range()
        new = self.random.choice((old, old, old, max(1, old // 2), old + 1))
        flags = self.random.choice((0, 1, 3, 3, 3, 5, 7))
        if flags & 4:
            new = old
        target = self.random.randrange(self.pages) if flags & 2 else NO_TARGET
        return ("mremap", page, old, new, flags, target)

    def _ftruncate(self) -> Operation:
        return ("ftruncate", self.random.randint(0, self.pages))

    def _pwrite(self) -> Operation:
        return ("pwrite", self.random.randrange(self.pages))

    def _fork(self) -> Operation:
        return ("fork",)

    def _child_exit(self) -> Operation:
        return ("child_exit",)
