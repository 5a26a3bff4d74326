"""What strace puts in front of a call: who, when and where.

    2884  1795172022.759776 brk(NULL) = …          -f -ttt -o FILE
    [pid  2884] 10:54:11.305525 brk(NULL) = …      -f -tt, to the terminal
         0.000034 [00007f9357db7ca3] brk(NULL) = … -r -i
    brk(NULL) = …                                  nothing asked for

A number without point or colon is a process if it can be one (Linux has at most 2^22) and seconds
since 1970 otherwise; a number with a point is seconds since 1970 if it is large (-ttt) and since
the line before if it is small (-r).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

from shootdown.traces.errors import LineError, shown

ClockKind = Literal["epoch", "day", "relative", "none"]

NO_TASK = 0
"""The task of lines that do not say whose they are: the only one that strace then follows."""

_MOST_PROCESSES = 1 << 22
_OLDEST_EPOCH = 100_000_000
_PREFIX = frozenset("[(0123456789")
_SECOND = 1_000_000_000
_LATEST = 9_000_000_000 * _SECOND
_DAY = 24 * 3600 * _SECOND

_ours = re.compile(r"([0-9]{1,7}) +([0-8]?[0-9]{9})\.([0-9]{6}) ").match
_bracketed = re.compile(r"\[(?:pid +([0-9]{1,7})(?:<[^>]*>)?|[ 0-9a-fA-F?]+)\] *").match
_named = re.compile(r"([0-9]{1,7})<[^>]*> +").match
_since_last = re.compile(r"\(\+ *[0-9.]+\) *").match
_seconds = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,9}))?").fullmatch
_of_day = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?").fullmatch


class Line(NamedTuple):
    """A line without its prefix."""

    tid: int
    time: int
    body: str


@dataclass(slots=True)
class PrefixReader:
    """Reads prefixes, and keeps the clock that they imply.

    The clock starts unset, takes the kind of the first time seen, and never runs backwards: a
    time of day that jumps back by hours is the next day, and any other step back (another file
    appended, the clock set) is held at the latest time.
    """

    clock: ClockKind = "none"
    now: int = 0
    _times: int = 0
    _days: int = 0
    _time_of_day: int = 0

    def read(self, text: str) -> Line:
        """Takes the prefix off a line; lines without a time follow one another by a nanosecond."""
        usual = _ours(text)
        if usual is not None:
            tid, seconds, fraction = usual.groups()
            self.clock = "epoch"
            time = int(seconds + fraction) * 1000
            self.now = max(self.now, time)
            return Line(int(tid), self.now, text[usual.end() :])
        return self._read_any(text)

    def _read_any(self, text: str) -> Line:
        tid, before, text = NO_TASK, self._times, text.lstrip(" ")
        while text[:1] in _PREFIX:
            bracket = _bracketed(text) or _since_last(text)
            if bracket is not None:
                tid = _task(bracket.group(1)) if bracket.lastindex else tid
                text = text[bracket.end() :]
            elif text[:1] in "[(":
                break
            else:
                word, text = _first_word(text)
                if tid == NO_TASK and self._times == before and _is_task(word):
                    tid = _task(word)
                else:
                    self._set(word)
        if self._times == before:
            self.now += 1
        return Line(tid, self.now, text)

    def _set(self, word: str) -> None:
        """Moves the clock to the time that a word of the prefix says."""
        self._times += 1
        seconds = _seconds(word)
        if seconds is None:
            self._set_time_of_day(word)
            return
        time = int(seconds.group(1)) * _SECOND + _fraction(seconds.group(2))
        if time >= _OLDEST_EPOCH * _SECOND:
            self._advance("epoch", time)
        else:
            self._advance("relative", self.now + time)

    def _set_time_of_day(self, word: str) -> None:
        parts = _of_day(word)
        if parts is None:
            raise LineError(f"a process or a time, not `{shown(word)}`")
        hours, minutes, seconds = (int(part) for part in parts.groups()[:3])
        time = (hours * 3600 + minutes * 60 + seconds) * _SECOND + _fraction(parts.group(4))
        if time < self._time_of_day - _DAY // 2:
            self._days += 1
        self._time_of_day = time
        self._advance("day", self._days * _DAY + time)

    def _advance(self, clock: ClockKind, time: int) -> None:
        if time >= _LATEST:
            raise LineError("a time that fits 64 bits of nanoseconds")
        self.clock = clock
        self.now = max(self.now, time)


def _fraction(digits: str | None) -> int:
    return int(digits.ljust(9, "0")) if digits else 0


def _first_word(text: str) -> tuple[str, str]:
    """A number and what follows it; the name that `-Y` adds to a process may hold spaces."""
    named = _named(text)
    if named is not None:
        return named.group(1), text[named.end() :]
    word, _, rest = text.partition(" ")
    return word, rest.lstrip(" ")


def _is_task(word: str) -> bool:
    """Whether the first number of a line is a process rather than a time."""
    return len(word) <= 7 and word.isdecimal()


def _task(digits: str) -> int:
    tid = int(digits) if digits.isdecimal() and len(digits) <= 7 else 0
    if not 0 < tid <= _MOST_PROCESSES:
        raise LineError(f"a process number up to {_MOST_PROCESSES}, not `{shown(digits)}`")
    return tid
