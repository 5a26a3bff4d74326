"""Programs of memory system calls, and what a kernel did with them: records and their file.

A file has one JSON object a line: first `{"meta": {…}}`, what is known about the machine, then the
programs. Positions and lengths are in pages from the `base` of a region. `docs/programs.md` is the
reference of keys, operations and flags.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

Operation = tuple[str | int, ...]
"""a name and its arguments: `("munmap", 12, 1)`"""

Range = tuple[int, int]
"""pages from `start` to before `end`"""

PROTECTIONS = ("none", "r", "rw")
ADVICE = {
    "NORMAL": 0, "RANDOM": 1, "SEQUENTIAL": 2, "WILLNEED": 3, "DONTNEED": 4, "FREE": 8, "REMOVE": 9,
    "DONTFORK": 10, "DOFORK": 11, "MERGEABLE": 12, "UNMERGEABLE": 13, "HUGEPAGE": 14,
    "NOHUGEPAGE": 15, "DONTDUMP": 16, "DODUMP": 17, "WIPEONFORK": 18, "KEEPONFORK": 19, "COLD": 20,
    "PAGEOUT": 21, "POPULATE_READ": 22, "POPULATE_WRITE": 23, "DONTNEED_LOCKED": 24, "COLLAPSE": 25,
    "GUARD_INSTALL": 102, "GUARD_REMOVE": 103,
}  # fmt: skip
"""include/uapi/asm-generic/mman-common.h"""

SEGMENT = 8
"""pages of a segment of System V"""

UFFD_MODES = ("missing", "wp", "both")
POLICIES = ("default", "bind")

_PAGES, _PROT, _ADVICE, _MODE, _POLICY, _NUMBER = (
    "pages", "protection", "advice", "mode", "policy", "number",
)  # fmt: skip
_WORDS = {
    _PROT: PROTECTIONS, _ADVICE: tuple(ADVICE), _MODE: UFFD_MODES, _POLICY: POLICIES,
}  # fmt: skip
ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "mmap_anon": (_PAGES, _PAGES, _PROT),
    "mmap_shanon": (_PAGES, _PAGES, _PROT),
    "mmap_shared": (_PAGES, _PAGES, _PROT, _PAGES),
    "mmap_private": (_PAGES, _PAGES, _PROT, _PAGES),
    "munmap": (_PAGES, _PAGES),
    "mprotect": (_PAGES, _PAGES, _PROT),
    "read": (_PAGES, _PAGES),
    "write": (_PAGES, _PAGES),
    "madvise": (_PAGES, _PAGES, _ADVICE),
    "mremap": (_PAGES, _PAGES, _PAGES, _PAGES, _PAGES),
    "mlock": (_PAGES, _PAGES),
    "mlock_onfault": (_PAGES, _PAGES),
    "munlock": (_PAGES, _PAGES),
    "ftruncate": (_PAGES,),
    "punch": (_PAGES, _PAGES),
    "pwrite": (_PAGES,),
    "fork": (),
    "child_write": (_PAGES, _PAGES),
    "child_munmap": (_PAGES, _PAGES),
    "child_exit": (),
    "mmap_populate": (_PAGES, _PAGES, _PROT),
    "mmap_locked": (_PAGES, _PAGES, _PROT),
    "mmap_noreplace": (_PAGES, _PAGES, _PROT),
    "mmap_disk_shared": (_PAGES, _PAGES, _PROT, _PAGES),
    "mmap_disk_private": (_PAGES, _PAGES, _PROT, _PAGES),
    "msync": (_PAGES, _PAGES),
    "fsync": (),
    "fallocate": (_PAGES, _PAGES),
    "mincore": (_PAGES, _PAGES),
    "mseal": (_PAGES, _PAGES),
    "process_madvise": (_PAGES, _PAGES, _PAGES, _PAGES, _ADVICE),
    "remap_file_pages": (_PAGES, _PAGES, _PAGES),
    "process_vm_writev": (_PAGES, _PAGES),
    "process_vm_readv": (_PAGES, _PAGES),
    "mem_write": (_PAGES, _PAGES),
    "mbind": (_PAGES, _PAGES, _POLICY),
    "move_pages": (_PAGES, _PAGES),
    "shmat": (_PAGES, _PROT),
    "shmdt": (_PAGES,),
    "brk": (_PAGES, _PAGES),
    "clear_refs": (_NUMBER,),
    "pagemap_scan_wp": (_PAGES, _PAGES),
    "spawn": (),
    "child_exec": (),
    "child_kill": (),
    "uffd_register": (_PAGES, _PAGES, _MODE),
    "uffd_unregister": (_PAGES, _PAGES),
    "uffd_wp": (_PAGES, _PAGES),
    "uffd_unwp": (_PAGES, _PAGES),
    "uffd_copy": (_PAGES, _PAGES),
    "uffd_zeropage": (_PAGES, _PAGES),
    "uffd_move": (_PAGES, _PAGES, _PAGES),
    "uprobe": (_PAGES,),
    "uprobe_end": (),
}
"""operations, and what each of their arguments is"""

NO_TARGET = -1
"""the last argument of mremap where the kernel is to choose"""


class ProgramFileError(Exception):
    """A file, or a line of it, that is no file of programs."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(file, line, message)
        self.file = file
        self.line = line
        self.message = message

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Program:
    """What to do, on a region of `pages` pages at the address `base`."""

    id: int
    profile: str
    base: int
    pages: int
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class State:
    """The region after an operation."""

    vmas: tuple[tuple[int, int, str, str, int], ...]
    """start, end, permissions, kind (anon, shanon, memfd), page of the file; whole, even where they
    reach out of the region"""
    pages: tuple[tuple[int, int, str], ...]
    """start, end, flags; pages without flags are left out"""


@dataclass(frozen=True, slots=True)
class Observed:
    """What one operation did."""

    result: int
    """0, or an error number as a negative number"""
    ranges: tuple[Range, ...]
    """of invalidate_range_start, in order; not clipped to the region"""
    sites: tuple[str, ...]
    """the function of the kernel that sent each of them"""
    young: tuple[tuple[str, int, int], ...]
    """kind, start, end of the age and test-age notifications"""
    state: State


@dataclass(frozen=True, slots=True)
class Recording:
    """A program, and what each of its operations did."""

    program: Program
    observed: tuple[Observed, ...]


def read_meta(path: Path) -> Mapping[str, Any]:
    """What the first line of a file says about the machine.

    Raises:
        ProgramFileError: if that is no such line.
        OSError: if the file cannot be read.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        try:
            row = json.loads(file.readline())
            _need_meta(row)
        except ValueError as error:
            raise ProgramFileError(str(path), 1, _explain(error)) from error
    meta: Mapping[str, Any] = row["meta"]
    return meta


def read_programs(path: Path) -> Iterator[Recording]:
    """The recordings of a file, one after the other; its first line is `meta`.

    Raises:
        ProgramFileError: at the first line that is none.
        OSError: if the file cannot be read.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, text in enumerate(file, 1):
            try:
                row = json.loads(text)
                if number == 1:
                    _need_meta(row)
                else:
                    yield _recording(row)
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise ProgramFileError(str(path), number, _explain(error)) from error


def _explain(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON: {error.msg}"
    if isinstance(error, KeyError):
        return f"the key {error} is missing"
    return str(error)


def _need(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _need_meta(row: Any) -> None:
    _need(isinstance(row, dict) and isinstance(row.get("meta"), dict), "no `meta`")


def _recording(row: Any) -> Recording:
    _need(isinstance(row, dict), "a line is a JSON object")
    program = Program(
        int(row["id"]),
        str(row["profile"]),
        int(str(row["base"]), 16),
        int(row["pages"]),
        tuple(parse_operation(operation) for operation in row["program"]),
    )
    columns = [row[key] for key in ("result", "observed", "site", "young", "state")]
    count = len(program.operations)
    _need(
        all(len(column) == count for column in columns),
        f"there are {count} operations, but not as many results, observations and states",
    )
    return Recording(program, tuple(_observed(*parts) for parts in zip(*columns, strict=True)))


def parse_operation(row: Any) -> Operation:
    """An operation from JSON.

    Raises:
        ValueError: saying what is wrong with it.
    """
    _need(isinstance(row, list) and bool(row) and isinstance(row[0], str), "an operation is a list")
    name, arguments = row[0], row[1:]
    _need(name in ARGUMENTS, f"there is no operation {name!r}; {_known(name, ARGUMENTS)}")
    kinds = ARGUMENTS[name]
    _need(len(arguments) == len(kinds), f"{name} takes {len(kinds)} arguments, not {arguments}")
    for kind, argument in zip(kinds, arguments, strict=True):
        known = _WORDS.get(kind)
        if known is None:
            least = NO_TARGET if name == "mremap" else 0
            _need(
                type(argument) is int and least <= argument < 1 << 36, f"{argument!r} is no {kind}"
            )
        else:
            _need(argument in known, f"{argument!r} is no {kind}; {_known(str(argument), known)}")
    return (name, *arguments)


def _known(name: str, names: Iterable[str]) -> str:
    """The names there are, the nearest first."""
    known = list(names)
    near = get_close_matches(name, known, 1)
    return (f"did you mean {near[0]!r}? " if near else "") + f"known are {', '.join(known)}"


def _observed(result: Any, ranges: Any, sites: Any, young: Any, state: Any) -> Observed:
    return Observed(
        int(result),
        tuple((int(start), int(end)) for start, end in ranges),
        tuple(map(str, sites)),
        tuple((str(kind), int(start), int(end)) for kind, start, end in young),
        State(
            tuple((int(a), int(b), str(p), str(k), int(o)) for a, b, p, k, o in state["vmas"]),
            tuple((int(a), int(b), str(flags)) for a, b, flags in state["pages"]),
        ),
    )


def encode_meta(meta: Mapping[str, object]) -> str:
    """The first line, without its end."""
    return json.dumps({"meta": dict(meta)})


def encode_recording(recording: Recording) -> str:
    """One line, without its end."""
    program, observed = recording.program, recording.observed
    row = {
        "id": program.id,
        "profile": program.profile,
        "base": hex(program.base),
        "pages": program.pages,
        "program": program.operations,
        "result": [each.result for each in observed],
        "observed": [each.ranges for each in observed],
        "site": [each.sites for each in observed],
        "young": [each.young for each in observed],
        "state": [{"vmas": each.state.vmas, "pages": each.state.pages} for each in observed],
    }
    return json.dumps(row, separators=(",", ":"))
