"""Writes operations of the profile `more`, in groups that go together.

What needs something before it (a registered range, an attached segment, a heap) mostly comes where
that is there, with the place it is at; now and then it comes anywhere, and fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from shootdown.live.programs import POLICIES, SEGMENT, UFFD_MODES, Operation
from shootdown.live.writer import Profile, Writer

GROUPS: Mapping[str, Mapping[str, int]] = {
    "uffd": {
        "uffd_register": 12, "uffd_unregister": 8, "uffd_wp": 9, "uffd_unwp": 8, "uffd_copy": 8,
        "uffd_zeropage": 8, "uffd_move": 9,
    },
    "disk": {
        "mmap_disk_shared": 8, "mmap_disk_private": 5, "msync": 6, "fsync": 9, "write": 14,
    },
    "file": {"fallocate": 4, "remap_file_pages": 6, "mmap_shared": 4, "msync": 3, "pwrite": 3},
    "place": {"mbind": 8, "move_pages": 5, "clear_refs": 4, "pagemap_scan_wp": 4},
    "shm": {"shmat": 6, "shmdt": 8, "brk": 8, "mmap_noreplace": 4},
    "access": {
        "process_vm_writev": 5, "process_vm_readv": 4, "mem_write": 6, "mincore": 4,
        "mmap_populate": 4, "mmap_locked": 4, "mlock_onfault": 4,
    },
    "seal": {"mseal": 6, "process_madvise": 8},
    "child": {
        "fork": 14, "child_write": 4, "child_munmap": 5, "child_exec": 18, "child_kill": 18,
        "spawn": 3,
    },
}  # fmt: skip
"""how often each operation is chosen where its group is"""

_NEEDS = {
    "uffd_unregister": "uffd", "uffd_wp": "uffd", "uffd_unwp": "uffd", "uffd_copy": "uffd",
    "uffd_zeropage": "uffd", "uffd_move": "uffd", "shmdt": "shm", "fsync": "disk",
    "remap_file_pages": "shared",
}  # fmt: skip


class MoreWriter(Writer):
    """Keeps in mind what the groups leave behind, too."""

    def __init__(self, random: Random, profile: Profile, first: int, pages: int) -> None:
        super().__init__(random, profile, first, pages)
        self.left: dict[str, list[tuple[int, int]]] = {
            "uffd": [], "shm": [], "heap": [], "shared": [], "disk": [],
        }  # fmt: skip
        """places and lengths of what was registered, attached or mapped, or is a heap"""
        self.next: list[Operation] = []
        """what has been begun and goes on so"""

    def operation(self) -> Operation:
        """One that has something to work on, nearly always."""
        if self.next:
            return self.next.pop(0)
        while True:
            found = super().operation()
            need = _NEEDS.get(str(found[0]))
            if found[0] == "write" and self.left["disk"] and self.random.random() < 0.5:
                return ("write", *self._inside("disk"))
            if need is None or self.left[need] or self.random.random() < 0.1:
                return found

    def remember(self, operation: Operation) -> None:
        """What it probably did."""
        super().remember(operation)
        match operation:
            case ("mmap_populate" | "mmap_locked" | "mmap_noreplace" | "mmap_disk_shared"
                  | "mmap_disk_private", int(page), int(count), str(protection), *_):  # fmt: skip
                self._map(page, count, protection)
                if operation[0] == "mmap_disk_shared":
                    self.left["shared"].append((page, count))
                    self.left["disk"].append((page, count))
            case ("mmap_shared" | "mmap_shanon", int(page), int(count), *_):
                self.left["shared"].append((page, count))
            case ("shmat", int(page), str(protection)):
                self._map(page, SEGMENT, protection)
                self.left["shm"].append((page, SEGMENT))
            case ("shmdt", int(page)):
                self._forget(page, SEGMENT)
            case ("brk", int(before), int(after)) if after > before:
                self._map(before, after - before, "rw")
                self.left["heap"].append((before, after - before))
            case ("brk", int(before), int(after)):
                self._forget(after, before - after)
            case ("uffd_register", int(page), int(count), _):
                self.left["uffd"].append((page, count))
            case ("child_exec" | "child_kill",):
                self.children.pop()

    def _map(self, page: int, count: int, protection: str) -> None:
        for at in range(page, min(page + count, self.pages)):
            self.mapped[at] = protection

    def _inside(self, what: str) -> tuple[int, int]:
        """Some or all of a place that was left, or anything."""
        places = self.left[what]
        if not places or self.random.random() < 0.1:
            return self._range()
        page, count = self.random.choice(places)
        start = self.random.randrange(count)
        return self.random.choice(
            ((page, count), (page + start, 1), (page + start, self.random.randint(1, count)))
        )

    def _protection(self) -> str:
        return self.random.choice(("rw", "rw", "rw", "r"))

    # --- operations with something behind the range ---------------------------------------------

    def _rest(self, name: str) -> tuple[str | int, ...]:
        match name:
            case "mmap_populate" | "mmap_locked":
                return (self._protection(),)
            case "mmap_disk_shared" | "mmap_disk_private":
                return (self._protection(), self.random.randrange(self.pages))
            case "mbind":
                return (self.random.choice(POLICIES),)
            case "uffd_register":
                return (self.random.choice((*UFFD_MODES, "wp")),)
            case _:
                return super()._rest(name)

    # --- operations without a plain range -------------------------------------------------------

    def _process_madvise(self) -> Operation:
        ranges = (*self._range(), *self._range())
        return ("process_madvise", *ranges, self.random.choice(self.profile.advice))

    def _fallocate(self) -> Operation:
        page = self.random.randrange(self.pages)
        return ("fallocate", page, self.random.randint(1, self.pages))

    def _fsync(self) -> Operation:
        return ("fsync",)

    def _spawn(self) -> Operation:
        return ("spawn",)

    def _child_exec(self) -> Operation:
        return ("child_exec",)

    def _child_kill(self) -> Operation:
        return ("child_kill",)

    def _clear_refs(self) -> Operation:
        return ("clear_refs", self.random.choice((1, 1, 2, 3, 4, 4, 4, 5)))

    def _shmat(self) -> Operation:
        return ("shmat", self.random.randrange(self.pages), self._protection())

    def _shmdt(self) -> Operation:
        places = self.left["shm"]
        if places and self.random.random() < 0.9:
            return ("shmdt", self.random.choice(places)[0])
        return ("shmdt", self.random.randrange(self.pages))

    def _brk(self) -> Operation:
        """Up over a hole, or down into a heap; sometimes anything."""
        heaps, holes = self.left["heap"], self._holes()
        kind = self.random.random()
        if heaps and kind < 0.5:
            page, count = self.random.choice(heaps)
            return ("brk", page + count, page + self.random.randint(0, count))
        if holes and kind < 0.9:
            page, count = self.random.choice(holes)
            return ("brk", page, page + self.random.randint(1, count))
        return ("brk", self._page(False), self._page(True))

    def _holes(self) -> list[tuple[int, int]]:
        """Pages in a row that are probably not mapped."""
        found, start = [], None
        for page, protection in enumerate([*self.mapped, "end"]):
            if protection is None and start is None:
                start = page
            elif protection is not None and start is not None:
                found.append((start, page - start))
                start = None
        return found

    def _uffd_unregister(self) -> Operation:
        return ("uffd_unregister", *self._inside("uffd"))

    def _uffd_wp(self) -> Operation:
        return ("uffd_wp", *self._inside("uffd"))

    def _uffd_unwp(self) -> Operation:
        return ("uffd_unwp", *self._inside("uffd"))

    def _uffd_copy(self) -> Operation:
        return ("uffd_copy", *self._inside("uffd"))

    def _uffd_zeropage(self) -> Operation:
        return ("uffd_zeropage", *self._inside("uffd"))

    def _uffd_move(self) -> Operation:
        """Any pages to a registered place; or, as a rule, all that it takes: memory, some of it
        written, some of the rest registered, and the written pages go there."""
        page, count = self._range()
        if count < 4 or self.random.random() < 0.3:
            target, _ = self._inside("uffd")
            return ("uffd_move", *self._touchable("write"), target)
        half = count // 2
        moved = self.random.randint(1, half)
        self.next = [
            ("write", page, half),
            ("uffd_register", page + half, count - half, self.random.choice(UFFD_MODES)),
            ("uffd_move", page + half - moved, moved, page + half),
        ]
        return ("mmap_anon", page, count, "rw")

    def _remap_file_pages(self) -> Operation:
        return ("remap_file_pages", *self._inside("shared"), self.random.randrange(self.pages))

    def _msync(self) -> Operation:
        return ("msync", *self._inside("disk"))

    def _mmap_noreplace(self) -> Operation:
        """Into a hole, as a rule."""
        holes = self._holes()
        if not holes or self.random.random() < 0.3:
            return ("mmap_noreplace", *self._range(), self._protection())
        page, count = self.random.choice(holes)
        return ("mmap_noreplace", page, self.random.randint(1, count), self._protection())

    def _process_vm_writev(self) -> Operation:
        return ("process_vm_writev", *self._touchable("write"))

    def _process_vm_readv(self) -> Operation:
        return ("process_vm_readv", *self._touchable("read"))

    def _mem_write(self) -> Operation:
        """Also where the process itself may not write."""
        return ("mem_write", *self._touchable("read"))
