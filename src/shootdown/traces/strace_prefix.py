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
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from shootdown.traces.errors import LineError, shown

ClockKind = Literal["epoch", "day", "relative", "none"]

NO_TASK = 0
"""The task of lines that do not say whose they are: the only one that strace then follows."""

_MOST_PROCESSES = 1 << 22
_OLDEST_EPOCH = 100_000_000
_SECOND = 1_000_000_000
_DAY = 24 * 3600 * _SECOND

_ours = re.compile(r"([0-9]{1,7}) +([0-9]{9,10})\.([0-9]{6}) ").match
_bracketed = re.compile(r"\[(?:pid +([0-9]{1,10})(?:<[^>]*>)?|[ 0-9a-fA-F?]+)\] *").match
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
    _days: int = field(default=0)
    _time_of_day: int = field(default=0)

    def read(self, text: str) -> Line:
        """Takes the prefix off a line; lines without a time follow one another by a nanosecond."""
        usual = _ours(text)
        if usual is not None:
            tid, seconds, fraction = usual.groups()
            self.clock = "epoch"
            time = int(seconds + fraction) * 1000
            if time > self.now:
                self.now = time
            return Line(int(tid), self.now, text[usual.end() :])
        return self._read_any(text)

    def _read_any(self, text: str) -> Line:
        tid, timed, text = NO_TASK, False, text.lstrip(" ")
        while text:
            if text[0] in "[(":
                bracket = _bracketed(text) or _since_last(text)
                if bracket is None:
                    break
                if text[0] == "[" and bracket.group(1):
                    tid = _task(bracket.group(1))
                text = text[bracket.end() :]
            elif text[0] in "0123456789":
                word, _, text = text.partition(" ")
                if _is_task(word, tid, timed):
                    tid = _task(word.partition("<")[0])
                else:
                    self._set(word)
                    timed = True
                text = text.lstrip(" ")
            else:
                break
        if not timed:
            self.now += 1
        return Line(tid, self.now, text)

    def _set(self, word: str) -> None:
        """Moves the clock to the time that a word of the prefix says."""
        seconds = _seconds(word)
        if seconds is None:
            self._set_time_of_day(word)
            return
        time = int(seconds.group(1)) * _SECOND + _fraction(seconds.group(2))
        if time >= _OLDEST_EPOCH * _SECOND:
            self.clock = "epoch"
            self.now = max(self.now, time)
        else:
            self.clock = "relative"
            self.now += time

    def _set_time_of_day(self, word: str) -> None:
        parts = _of_day(word)
        if parts is None:
            raise LineError(f"a process or a time, not `{shown(word)}`")
        hours, minutes, seconds = (int(part) for part in parts.groups()[:3])
        time = (hours * 3600 + minutes * 60 + seconds) * _SECOND + _fraction(parts.group(4))
        if time < self._time_of_day - _DAY // 2:
            self._days += 1
        self._time_of_day = time
        self.clock = "day"
        self.now = max(self.now, self._days * _DAY + time)


def _fraction(digits: str | None) -> int:
    return int(digits.ljust(9, "0")) if digits else 0


def _is_task(word: str, tid: int, timed: bool) -> bool:
    """Whether a number at the start of a line is a process rather than a time."""
    digits = word.partition("<")[0]
    return not timed and tid == NO_TASK and len(digits) <= 7 and digits.isdecimal()


def _task(digits: str) -> int:
    tid = int(digits) if digits.isdecimal() and len(digits) <= 7 else 0
    if not 0 < tid <= _MOST_PROCESSES:
        raise LineError(f"a process number up to {_MOST_PROCESSES}, not `{shown(digits)}`")
    return tid
