"""A check on disk, so that it can be taken up again after an end that nobody wanted.

A check is a sequence of searches, and whatever else it does is quick and always comes out the same.
So its searches are kept, and a resumed check runs as the first one did, except that a search that
was over is read instead of made, and one that was under way goes on where it was last saved.

For each target there is a folder, and in it for each case and each search of the case, in order
(there are several where a machine was too small, or where all rules are looked for):

    munmap.0.result    the search was over: its result, under a checksum
    munmap.1.search    it was under way: a checkpoint (`machine.checkpoint`)

Each file goes through: under another name -> complete, on the disk and named. Who is killed at any
moment leaves files of the second kind, and perhaps one of the first kind, which nobody reads. A
file that does not belong to the very program at hand, or is damaged, is refused; nothing is ever
concluded from it. A search that a limit cut is not over, and keeps its checkpoint.

Files of different cases have nothing to do with each other, so processes may work side by side.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import msgspec

from shootdown.machine.checkpoint import Checkpoint, CheckpointError
from shootdown.machine.fingerprint import fingerprint
from shootdown.machine.result import SearchResult
from shootdown.program.layout import make_layout
from shootdown.program.program import Program

Search = Callable[[Checkpoint | None, Path | None], SearchResult]
"""makes a search that keeps itself in a file, and goes on from a file if there is one"""


class Searches(Protocol):
    """The searches of one case, in order."""

    def make(self, program: Program, manner: object, search: Search) -> SearchResult:
        """The next one; `manner` is what else than the program its result depends on."""


class Keeping(Protocol):
    """Where searches are kept."""

    def searches(self, case: str, note: Callable[[str], None] | None) -> Searches:
        """Those of one case, from the first on."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Where the searches of one target are kept, and how often one that is under way is saved."""

    folder: Path
    seconds: float = 60.0

    def searches(self, case: str, note: Callable[[str], None] | None) -> KeptSearches:
        """Those of one case, from the first on."""
        return KeptSearches(self, case, note)


class KeptSearches:
    """The searches of one case, in order: `make` one after the other."""

    def __init__(self, keep: Keep, case: str, note: Callable[[str], None] | None) -> None:
        self._keep = keep
        self._case = case
        self._note = note
        self._number = 0

    def make(self, program: Program, manner: object, search: Search) -> SearchResult:
        """The next search: read if it was over, taken up if it was under way, else begun.
        `manner` is what else than the program its result depends on; its repr is compared.

        Raises:
            CheckpointError: if what was kept is damaged, or belongs to something else.
        """
        stem = f"{quote(self._case.replace(' ', ''), safe='+')}.{self._number}"
        self._number += 1
        over, under_way = (self._keep.folder / f"{stem}.{kind}" for kind in ("result", "search"))
        identity = identity_of(program, manner)
        if over.exists():
            return self._read(over, identity)
        resume = under_way if under_way.exists() else None
        result = search(Checkpoint(under_way, self._keep.seconds), resume)
        if result.cut is None:
            self._write(over, identity, result)
            under_way.unlink(missing_ok=True)
        return result

    def _read(self, path: Path, identity: str) -> SearchResult:
        try:
            head, _, body = path.read_bytes().partition(b"\n")
            if head != _digest(body):
                raise _damaged(path)
            row = msgspec.json.decode(body, type=_Row)
        except (OSError, msgspec.MsgspecError) as error:
            raise _damaged(path) from error
        if row.program != identity:
            raise CheckpointError(
                f"{self._case} is not the model any more that {path} was made of",
                "the driver, something it imports, or shootdown has changed: put it back, "
                "or check anew with --checkpoint and another folder",
            )
        return row.result

    def _write(self, path: Path, identity: str, result: SearchResult) -> None:
        """A check does not end because a disk is full, but it says so."""
        body = msgspec.json.encode(_Row(identity, result))
        try:
            write_whole(path, _digest(body) + b"\n" + body)
        except OSError as error:
            if self._note:
                self._note(f"cannot write {path}: {error.strerror}")


class _Row(msgspec.Struct):
    """What is kept of a search that is over."""

    program: str
    result: SearchResult


def identity_of(program: Program, manner: object) -> str:
    """What a search depends on, in so many letters: equal searches have equal results."""
    return _digest(fingerprint(program, make_layout(program)) + repr(manner).encode()).decode()


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()


def _damaged(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path} is damaged", "delete it: what it was about is then searched again"
    )


def write_whole(path: Path, data: bytes) -> None:
    """Make or replace a file: whoever looks, now or after a crash, sees all of it or none.

    Raises:
        OSError: if that fails; then nothing has changed.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
