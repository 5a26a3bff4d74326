"""A search on disk, so that it can be taken up again after an end that nobody wanted.

States are only ever appended to a search, and so they are to its file: a checkpoint is a record
behind the records before it, with the states found since, and with the few numbers that make a
search what it is at that moment. Writing one costs what is new, not what is there.

    header    what file this is, and of which program
    record    head:    how long, from which state on, how much time was spent; checksum
              body:    states, `firsts` (see `native.bfs`), numbers, marks
              tail:    checksum of the body
    record    ...

A file goes through: being begun (under another name) -> valid, from the moment its first record is
on the disk and it gets its name -> valid and longer. A record counts once its tail is there; body
and tail are synced to the disk one after the other, so a tail vouches for its body. Whoever is
killed while writing leaves a file that ends within a record: that end is ignored, and the record
before it holds. Anything else that does not fit is damage and is refused.
"""

from __future__ import annotations

import os
import struct
import zlib
from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

_MAGIC = b"shootdown search 2\n"
_HEADER = struct.Struct("<19s32sI")
_HEAD = struct.Struct("<4sQQQIIdI")
_TAIL = struct.Struct("<4sI")
_HEAD_MARK, _TAIL_MARK = b"head", b"tail"

Numbers: TypeAlias = "array[int]"
"""64-bit numbers with sign"""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where to keep a search, and how often: every so many seconds, and when it is stopped."""

    path: str | Path
    seconds: float = 60.0


class CheckpointError(Exception):
    """A checkpoint cannot be read, does not belong here, or cannot be written."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message, help)
        self.message = message
        self.help = help

    def __str__(self) -> str:
        return f"{self.message}\nhelp: {self.help}"


@dataclass(frozen=True, slots=True)
class Moment:
    """A search between two states; arrays as they lie in memory."""

    states: memoryview
    """`size` bytes each"""
    firsts: memoryview
    """32 bits each"""
    numbers: Numbers
    marks: Numbers
    seconds: float


class CheckpointWriter:
    """Appends moments of one search to a file. `close` it."""

    def __init__(self, path: Path, identity: bytes, size: int) -> None:
        """Begin a file; it gets its name with the first record.

        Raises:
            CheckpointError: if it cannot be written there.
        """
        self.path = path
        self._temporary: Path | None = path.with_name(f".{path.name}.{os.getpid()}")
        self._states = self._firsts = 0
        try:
            self._file: BinaryIO = self._temporary.open("w+b")
            self._file.write(_with_sum(_HEADER.pack(_MAGIC, identity, size)))
        except OSError as error:
            raise _unwritable(path, error) from error
        self._end = self._file.tell()

    @classmethod
    def reopen(cls, path: Path, end: int, states: int, firsts: int) -> CheckpointWriter:
        """Go on behind the last record of a file that was read.

        Raises:
            CheckpointError: if it cannot be written.
        """
        writer = cls.__new__(cls)
        writer.path, writer._temporary = path, None
        writer._end, writer._states, writer._firsts = end, states, firsts
        try:
            writer._file = path.open("r+b")
        except OSError as error:
            raise _unwritable(path, error) from error
        return writer

    def append(self, size: int, moment: Moment) -> None:
        """Write a record and wait until it is on the disk.

        Raises:
            CheckpointError: if that fails; what was written before still holds.
        """
        try:
            self._append(size, moment)
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(self._end)
            raise _unwritable(self.path, error) from error

    def _append(self, size: int, moment: Moment) -> None:
        states, firsts = moment.states[self._states * size :], moment.firsts[self._firsts :]
        self._file.seek(self._end)
        self._file.truncate()
        head = _HEAD.pack(
            _HEAD_MARK,
            self._states,
            len(states),
            len(firsts),
            len(moment.numbers),
            len(moment.marks),
            moment.seconds,
            0,
        )
        self._file.write(_with_sum(head))
        total = 0
        for part in (states, firsts, moment.numbers, moment.marks):
            data = memoryview(part).cast("B")
            total = zlib.crc32(data, total)
            self._file.write(data)
        _sync(self._file)
        self._file.write(_TAIL.pack(_TAIL_MARK, total))
        _sync(self._file)
        self._end = self._file.tell()
        self._states, self._firsts = len(moment.states) // size, len(moment.firsts)
        if self._temporary:
            self._temporary.replace(self.path)
            self._temporary = None
            _sync_folder(self.path.parent)

    def close(self) -> None:
        """Done; a file without a record goes away."""
        self._file.close()
        if self._temporary:
            self._temporary.unlink(missing_ok=True)


class CheckpointReader:
    """Reads a file record by record; `last` then holds what the last of them said."""

    def __init__(self, path: Path, identity: bytes, size: int) -> None:
        """Raises CheckpointError if the file is no checkpoint of this program."""
        self.path = path
        self.size = size
        self.states = self.firsts = 0
        self.numbers: Numbers = array("q")
        self.marks: Numbers = array("q")
        self.seconds = 0.0
        try:
            self._file: BinaryIO = path.open("rb")
            self._size = os.fstat(self._file.fileno()).st_size
        except OSError as error:
            raise CheckpointError(
                f"cannot read the checkpoint {path}: {error.strerror}",
                "name the file that the search wrote, or start the search without it",
            ) from error
        header = self._file.read(_HEADER.size + 4)
        self._check_header(header, identity)
        self.end = self._file.tell()

    def _check_header(self, header: bytes, identity: bytes) -> None:
        if not header.startswith(_MAGIC):
            raise CheckpointError(
                f"{self.path} is not a checkpoint of this version",
                "name a file that `checkpoint` wrote, or start the search anew",
            )
        plain = _without_sum(header)
        if plain is None:
            raise self._damage()
        _, found, size = _HEADER.unpack(plain)
        if found != identity or size != self.size:
            raise CheckpointError(
                f"the checkpoint {self.path} belongs to another model",
                "resume with the driver, kernel, operations and sizes it was made with, "
                "or start the search anew",
            )

    def read_into(self, states: memoryview, firsts: memoryview) -> None:
        """Fill the arrays from all whole records.

        Raises:
            CheckpointError: if something is damaged, or the arrays are too short.
        """
        for head in self._heads():
            _, before, more, groups, numbers, marks, seconds, _ = head
            if before != self.states or more % self.size:
                raise self._damage()
            start = before * self.size
            if start + more > len(states) or self.firsts + groups > len(firsts):
                raise CheckpointError(
                    f"the checkpoint {self.path} holds {before + more // self.size} states or "
                    "more, which the limits do not allow",
                    "allow more states or more memory",
                )
            more_numbers, more_marks = array("q", bytes(numbers * 8)), array("q", bytes(marks * 8))
            parts = [
                states[start : start + more],
                firsts[self.firsts : self.firsts + groups],
                memoryview(more_numbers),
                memoryview(more_marks),
            ]
            self._read_body(parts)
            self.states, self.firsts = before + more // self.size, self.firsts + groups
            self.numbers, self.marks = more_numbers, more_marks
            self.seconds, self.end = seconds, self._file.tell()
        if not self.states:
            raise self._damage()

    def _heads(self) -> Iterator[tuple[bytes, int, int, int, int, int, float, int]]:
        """The heads of the records that are whole; the body of each must then be read."""
        while self._size - self._file.tell() >= _HEAD.size + 4:
            plain = _without_sum(self._file.read(_HEAD.size + 4))
            if plain is None or not plain.startswith(_HEAD_MARK):
                raise self._damage()
            head = _HEAD.unpack(plain)
            body = head[2] + head[3] * 4 + (head[4] + head[5]) * 8
            if self._size - self._file.tell() < body + _TAIL.size:
                return
            yield head

    def _read_body(self, parts: list[memoryview]) -> None:
        total = 0
        for part in parts:
            data = part.cast("B") if len(part) else memoryview(b"")
            if len(part) and self._file.readinto(data) != len(data):  # type: ignore[attr-defined]
                raise self._damage()
            total = zlib.crc32(data, total)
        if _TAIL.unpack(self._file.read(_TAIL.size)) != (_TAIL_MARK, total):
            raise self._damage()

    def _damage(self) -> CheckpointError:
        return CheckpointError(
            f"the checkpoint {self.path} is damaged",
            "start the search anew; nothing of this file can be trusted",
        )

    def close(self) -> None:
        """Done reading."""
        self._file.close()


def _with_sum(data: bytes) -> bytes:
    return data + struct.pack("<I", zlib.crc32(data))


def _without_sum(data: bytes) -> bytes | None:
    """The data before its checksum, if that is right."""
    plain = data[:-4]
    return plain if _with_sum(plain) == data else None


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """A new name is on the disk once its folder is."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _unwritable(path: Path, error: OSError) -> CheckpointError:
    return CheckpointError(
        f"cannot write the checkpoint {path}: {error.strerror}",
        "name a file in a folder that exists, is writable and has room",
    )
