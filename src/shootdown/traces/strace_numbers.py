"""Numbers, flags and results as strace prints them, in all of its `-X` styles."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from shootdown.traces.errors import Malformed
from shootdown.traces.flag_names import NUMBERS, SHIFTS

_decimal = re.compile(r"-?[0-9]{1,20}").fullmatch
_hexadecimal = re.compile(r"0x[0-9a-fA-F]{1,16}").fullmatch
_octal = re.compile(r"0[0-7]{1,22}").fullmatch
_in_namespace = re.compile(r"/\* ([0-9]{1,10}) in strace's PID NS \*/").search
_lasted = re.compile(r"<([0-9]{1,9})\.([0-9]{1,9})>$").search

_REMEMBERED = 4096


def number(text: str, bits: int = 64) -> int:
    """A whole number of so many bits; negative ones become what the kernel sees."""
    if text == "NULL":
        return 0
    value = _plain(text)
    if value is None:
        value = _plain(text.partition("/*")[0].strip())
    if value is None:
        raise Malformed(f"a number, not `{text[:40]}`")
    if not -(1 << (bits - 1)) <= value < 1 << bits:
        raise Malformed(f"a number of {bits} bits, not `{text[:40]}`")
    return value & ((1 << bits) - 1)


def signed(text: str, bits: int) -> int:
    """A signed number, also when strace printed it as `0xffffffff`."""
    value = number(text, bits)
    return value - (1 << bits) if value >> (bits - 1) else value


def descriptor(text: str) -> int:
    """A file descriptor, with or without the name of the file that `-y` adds."""
    return signed(text.partition("<")[0], 32)


def _plain(text: str) -> int | None:
    if _hexadecimal(text):
        return int(text, 16)
    if text[:1] == "0" and _octal(text):
        return int(text, 8)
    return int(text) if _decimal(text) else None


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
            raise Malformed(f"flags of {bits} bits, not `{text[:40]}`")
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
    """Reads `= 0x7f00`, `= -1 ENOMEM (Cannot allocate memory)`, `= ?`, each with or without `<time>`.

    The words in parentheses depend on the language of the machine and are not looked at.
    """
    text = text.strip()
    if text[:2] != "= ":
        raise Malformed("`= result` after the arguments: the line is cut")
    text = text[2:]
    if "<" not in text and " " not in text and text != "?":
        return Result(_returned(text), None, None)
    value, _, rest = text.partition(" ")
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
