"""Numbers, flags and results as strace prints them, in all of its `-X` styles."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from shootdown.traces.errors import LineError, shown
from shootdown.traces.flag_names import NUMBERS, SHIFTS

_octal = re.compile(r"0[0-7]{1,22}").fullmatch
_in_namespace = re.compile(r"/\* ([0-9]{1,10}) in strace's PID NS \*/").search
_lasted = re.compile(r"<([0-9]{1,9})\.([0-9]{1,9})>$").search

_REMEMBERED = 4096
_LONGEST = 24
"""Characters; no number of 64 bits needs more."""


def number(text: str, bits: int = 64) -> int:
    """A whole number of so many bits; negative ones become what the kernel sees."""
    value = _whole(text)
    if value >> bits == 0:
        return value
    if -(1 << (bits - 1)) <= value < 0:
        return value & ((1 << bits) - 1)
    raise LineError(f"a number of {bits} bits, not `{shown(text)}`")


def signed(text: str, bits: int) -> int:
    """A signed number, also when strace printed it as `0xffffffff`."""
    value = number(text, bits)
    return value - (1 << bits) if value >> (bits - 1) else value


def descriptor(text: str) -> int:
    """A file descriptor, with or without the name of the file that `-y` adds."""
    return signed(text.partition("<")[0], 32)


def _whole(text: str) -> int:
    """The number in decimal, hexadecimal, octal or `NULL`, perhaps with a comment behind it."""
    if text == "NULL":
        return 0
    try:
        if len(text) <= _LONGEST:
            return int(text, 0)
    except ValueError:
        if _octal(text):
            return int(text, 8)
    before, comment, _ = text.partition("/*")
    if not comment:
        raise LineError(f"a number, not `{shown(text)}`")
    return _whole(before.strip())


class Flags:
    """Turns `PROT_READ|PROT_WRITE` into a number, and tells what it could not turn.

    A program uses few different combinations, so each is read once and remembered.
    """

    def __init__(self, unknown: Callable[[str], None]) -> None:
        self._unknown = unknown
        self._known: dict[str, tuple[int, tuple[str, ...]]] = {}

    def read(self, text: str, bits: int = 32) -> int:
        """The flags in `text`; names that are not known count as 0 and are reported."""
        known = self._known.get(text)
        if known is None:
            known = _flags(text)
            if len(self._known) < _REMEMBERED:
                self._known[text] = known
        value, unknown = known
        for name in unknown:
            self._unknown(f"unknown flag {name}, taken as 0")
        if value >> bits:
            raise LineError(f"flags of {bits} bits, not `{shown(text)}`")
        return value


def _flags(text: str) -> tuple[int, tuple[str, ...]]:
    value, unknown = 0, []
    for part in text.partition("/*")[0].strip().split("|"):
        known = _flag(part.strip())
        if known is None:
            unknown.append(part.strip())
        else:
            value |= known
    return value, tuple(unknown)


def _flag(name: str) -> int | None:
    known = NUMBERS.get(name)
    if known is not None:
        return known
    count, shifted, shift = name.partition("<<")
    if shifted and shift in SHIFTS:
        return number(count, 32) << SHIFTS[shift]
    if name.isidentifier() and name.isascii() and len(name) <= 40:
        return None
    return number(name)


@dataclass(frozen=True, slots=True)
class Result:
    """What strace prints after the equals sign."""

    value: int | None
    error: str | None
    duration: int | None


def read_result(text: str) -> Result:
    """Reads `= 0x7f00`, `= -1 ENOMEM (Cannot allocate memory)`, `= ?`, each with or without
    `<time>`.

    The words in parentheses depend on the language of the machine and are not looked at.
    """
    text = text.strip()
    if text[:2] != "= ":
        raise LineError("`= result` after the arguments: the line is cut")
    text = text[2:]
    if "<" not in text and " " not in text and text != "?":
        return Result(_returned(text), None, None)
    value, _, rest = text.partition(" ")
    if rest and rest[0] not in "E(</":
        raise LineError(f"nothing after the result, not `{shown(rest)}`")
    return Result(_value(value, rest), _error(value, rest), _duration(text))


def _value(value: str, rest: str) -> int | None:
    if value == "?":
        return None
    translated = _in_namespace(rest)
    return _returned(translated.group(1) if translated else value.partition("<")[0])


def _returned(text: str) -> int:
    return signed(text, 64)


def _error(value: str, rest: str) -> str | None:
    """The error's name; a call that returns -1 without a name failed for a reason not told."""
    name = rest.partition(" ")[0]
    if name[:1] == "E" and name.isascii() and name.isalnum() and len(name) <= 24:
        return name
    return "unknown" if value == "-1" else None


def _duration(text: str) -> int | None:
    found = _lasted(text)
    if found is None:
        return None
    return int(found.group(1)) * 10**9 + int(found.group(2).ljust(9, "0"))
