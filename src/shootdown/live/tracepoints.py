"""Tracepoints: the id and the fields of each.

A tracepoint has no name in perf_event_open, only a number, and its record no names, only offsets.
Both stand in `events/SYSTEM/NAME/format` of tracefs, and both change from kernel to kernel
(Documentation/trace/events.rst). Fields are numbers here; arrays and strings are left as they are.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shootdown.live.errors import MissingMeansError
from shootdown.live.tracefs import open_tracefs

_LETTERS = {1: "b", 2: "h", 4: "i", 8: "q"}
"""of the module struct, by size"""

_id = re.compile(r"^ID: (\d+)$", re.MULTILINE)
_name = re.compile(r"^name: (\S+)$", re.MULTILINE)
_field = re.compile(
    r"^\tfield:(?P<what>[^;]+);\toffset:(?P<offset>\d+);\tsize:(?P<size>\d+);"
    r"(?:\tsigned:(?P<signed>[01]);)?",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Field:
    """A part of a record: `size` bytes from byte `offset` on."""

    name: str
    type: str
    offset: int
    size: int
    signed: bool


@dataclass(frozen=True, slots=True)
class Tracepoint:
    """A place in the kernel that can be asked to tell when it is passed."""

    system: str
    name: str
    id: int
    fields: tuple[Field, ...]

    def __str__(self) -> str:
        return f"{self.system}:{self.name}"

    def decode(self, raw: bytes) -> Mapping[str, int]:
        """The values of a record by name, as far as they are numbers and the record reaches."""
        names, form = self.layout(len(raw))
        return dict(zip(names, form.unpack_from(raw), strict=True))

    def layout(self, size: int) -> tuple[tuple[str, ...], struct.Struct]:
        """Names and layout of the numbers in a record of so many bytes."""
        names, form, at = [], "=", 0
        for field in sorted(self.fields, key=lambda field: field.offset):
            letter = _LETTERS.get(field.size)
            if letter and "[" not in field.type and at <= field.offset <= size - field.size:
                names.append(field.name)
                form += f"{field.offset - at}x" + (letter if field.signed else letter.upper())
                at = field.offset + field.size
        return tuple(names), struct.Struct(form)


def parse_format(system: str, text: str) -> Tracepoint:
    """The tracepoint that a `format` file describes.

    Raises:
        ValueError: for text that is no such file.
    """
    number, name = _id.search(text), _name.search(text)
    if number is None or name is None:
        raise ValueError("a format file has a line `name:` and a line `ID:`")
    fields = tuple(_parse_field(match) for match in _field.finditer(text))
    return Tracepoint(system, name[1], int(number[1]), fields)


def _parse_field(match: re.Match[str]) -> Field:
    """`unsigned long start`, `char comm[16]`, `__data_loc char[] name`."""
    words, _, last = match["what"].rpartition(" ")
    name, bracket, length = last.partition("[")
    return Field(
        name.lstrip("*"),
        words + "*" * last.count("*") + bracket + length,
        int(match["offset"]),
        int(match["size"]),
        match["signed"] == "1",
    )


def find_tracepoint(name: str, tracefs: Path | None = None) -> Tracepoint:
    """The tracepoint `system:name`. `tracefs` is a folder; by default it is looked for.

    Raises:
        MissingMeansError: if there is no tracefs, it may not be read, or has no such tracepoint.
    """
    if tracefs is None:
        with open_tracefs() as root:
            return find_tracepoint(name, root)
    system, _, event = name.partition(":")
    try:
        text = (tracefs / "events" / system / event / "format").read_text(encoding="utf-8")
    except PermissionError as error:
        raise MissingMeansError(
            f"{tracefs} may not be read",
            f"to look up the tracepoint {name}",
            f"run as root, or have root allow it: mount -o remount,mode=755 {tracefs}",
        ) from error
    except FileNotFoundError as error:
        raise MissingMeansError(*_absent(name, tracefs)) from error
    return parse_format(system, text)


def _absent(name: str, root: Path) -> tuple[str, str, str]:
    system = name.partition(":")[0]
    if not (root / "events").is_dir():
        return (
            "tracefs has no events",
            f"to look up the tracepoint {name}",
            "use a kernel built with CONFIG_EVENT_TRACING",
        )
    if not (root / "events" / system).is_dir():
        return (
            f"this kernel has no tracepoints of {system}",
            f"to see {name}",
            f"load the module that has them (for kvm: modprobe kvm), or use a kernel with {system}",
        )
    return (
        f"this kernel has no tracepoint {name}",
        f"to see {name}",
        f"look under events/{system} of tracefs for what it is called here",
    )
