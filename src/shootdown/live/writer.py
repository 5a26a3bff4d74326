"""Writes operations for random programs, one after the other.

A program of nothing but failing calls would test nothing, so the writer keeps roughly in mind what
is mapped, and mostly touches that; it may be wrong, which is a test too. Places and lengths prefer
the ends of the region and of blocks of 2 MiB.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from shootdown.live.programs import NO_TARGET, Operation

BLOCK = 512
"""pages of 2 MiB"""


@dataclass(frozen=True, slots=True)
class Profile:
    """How often each operation is chosen, and how large regions are."""

    weights: Mapping[str, int]
    advice: tuple[str, ...]
    pages: tuple[int, int]


class Writer:
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
        self.has_breakpoint = [False]
        """whether the process has a descriptor of the breakpoint, and each of the children"""
        self.breakpoints: set[int] = set()
        """pages of the file that have ever had one"""
        self.file_size = pages

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
                self.has_breakpoint.append(self.has_breakpoint[0])
            case ("child_exit",):
                self.children.pop()
                self.has_breakpoint.pop()
            case ("ftruncate", int(size)):
                self.file_size = size
            case ("uprobe", int(page)):
                self.has_breakpoint[0] = True
                self.breakpoints.add(page)
            case ("uprobe_end",):
                self.has_breakpoint[0] = False

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

    @property
    def _remap_flags(self) -> tuple[int, ...]:
        """With breakpoints nothing moves where the kernel likes: as one is taken away, pages are
        faulted in wherever the file is mapped, and the 16 around them depend on the address."""
        return (0, 3, 3, 3, 7) if "uprobe" in self.profile.weights else (0, 1, 3, 3, 3, 5, 7)

    def _mremap(self) -> Operation:
        """In place, to a place of the region, or with the old mapping left there."""
        page, old = self._range()
        new = self.random.choice((old, old, old, max(1, old // 2), old + 1))
        flags = self.random.choice(self._remap_flags)
        if flags & 4:
            new = old
        target = self.random.randrange(self.pages) if flags & 2 else NO_TARGET
        return ("mremap", page, old, new, flags, target)

    def _ftruncate(self) -> Operation:
        return ("ftruncate", self.random.randint(0, self.pages))

    def _pwrite(self) -> Operation:
        return ("pwrite", self.random.randrange(self.pages))

    def _uprobe(self) -> Operation:
        """One at a time: which of several the kernel sets first depends on a tree that has the
        breakpoints of all processes (build_probe_list(), kernel/events/uprobes.c). None where one
        has been, and none just where the file ends: it would depend on whether the kernel still
        knows the instruction from an earlier one, which it forgets in the background."""
        page = self.random.randrange(self.pages)
        if any(self.has_breakpoint) or page in self.breakpoints or page == self.file_size:
            return self._uprobe_end()
        return ("uprobe", page)

    def _uprobe_end(self) -> Operation:
        """Never while a child has it too: the child would then take it away, and what it does is
        not seen."""
        if any(self.has_breakpoint[1:]):
            return self._child_exit()
        return ("uprobe_end",)

    def _fork(self) -> Operation:
        return ("fork",)

    def _child_exit(self) -> Operation:
        return ("child_exit",)
