"""Reads the text that strace prints, line by line, into rows of a trace.

Understood are the forms of `strace -f` with or without `-o`, `-t`, `-tt`, `-ttt`, `-r`, `-T`, `-i`,
`-n`, `-y`, `-Y`, and all three styles of `-X`; of 32-bit processes too. The text passes through
four small machines, each in its own file:

    line ── prefix ──> task, time, body         strace_prefix
         ── halves, order ──> whole calls       strace_stitch
         ── arguments, decoder ──> a draft      strace_arguments, strace_calls
         ── spaces ──> whose space it concerns  spaces

A line that does not read is counted and skipped, for a text may be cut anywhere, mixed with what
the program printed, or not be a trace at all. No line can do worse: the time is linear in its
length, what is kept between lines is bounded, and nothing in it is ever evaluated.

Calls that are not memory calls are passed over silently; so are signals and strace's own messages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from shootdown.traces.call import EXITS
from shootdown.traces.errors import LineError, TraceError, shown
from shootdown.traces.line_reader import LONGEST_LINE, LineReader
from shootdown.traces.problems import Problems
from shootdown.traces.spaces import GONE, Spaces
from shootdown.traces.strace_arguments import split_call
from shootdown.traces.strace_calls import DECODERS, Draft
from shootdown.traces.strace_numbers import Flags, read_result
from shootdown.traces.strace_prefix import Line, PrefixReader
from shootdown.traces.strace_stitch import Half, Halves, Order

HOW_TO_MAKE_ONE = (
    "`shootdown record -o FILE -- COMMAND` records one; text for `shootdown import` comes from "
    "`strace -f -ttt -o TEXT COMMAND`"
)

_MOST_BAD_AT_FIRST = 100_000

_continuing = frozenset(",)}|")

_unfinished = re.compile(r"(.*?) ?<(?:unfinished \.\.\.|pid changed to ([0-9]{1,7}) \.\.\.)>$")
_resumed = re.compile(r"<\.\.\. (\w{1,40}) resumed> ?")
_superseded = re.compile(r"\+\+\+ superseded by execve in pid ([0-9]{1,7}) \+\+\+$")
_gone = re.compile(r"\+\+\+ (?:exited with -?[0-9]+|killed by \S+(?: \(core dumped\))?) \+\+\+$")
_name = re.compile(r"[a-z_?][a-z0-9_#]*", re.IGNORECASE).fullmatch
_message = re.compile(r"(?:strace: .*|(?:strace: )?Process [0-9]+ (?:attached|detached).*)$")
_mixed_in = re.compile(r"strace: Process [0-9]+ attached.*$")
_mode = re.compile(r"\[ Process PID=[0-9]+ runs in .* mode\. \]$")


class StraceText:
    """One pass over one text: yields drafts in order, and then knows what it skipped."""

    def __init__(self, file: str) -> None:
        self.problems = Problems(file)
        self.spaces = Spaces(self.problems.warn)
        self.root: int | None = None
        """The first task: the command that strace started."""
        self._prefix = PrefixReader()
        self._order = Order[Draft](self.problems.warn)
        self._halves = Halves(self._order)
        self._flags = Flags(self.problems.warn)
        self._understood = False
        self._number = 0
        self._broken: tuple[int, str] | None = None
        """Task and name of a call that a message of strace broke in two."""

    @property
    def clock(self) -> str:
        """What the times count from: `epoch`, `day`, `relative` or `none`."""
        return self._prefix.clock

    @property
    def executed(self) -> bool:
        """Whether any program was executed."""
        return self.spaces.executed

    @property
    def unfinished(self) -> int:
        """Calls whose end the text does not tell."""
        return self._halves.lost

    def read(self, read: Callable[[int], bytes]) -> Iterator[Draft]:
        """The rows in a stream of bytes."""
        reader = LineReader(read)
        place = self.spaces.place
        line = 0
        for line, text in enumerate(reader.lines(), 1):
            if text is None:
                self._skip(line, f"a line of at most {LONGEST_LINE} bytes")
            elif not reader.complete and not text.endswith((")", ">", "+", "-", "]")):
                self._skip(line, "a line feed: the last line is cut")
            else:
                for draft in self._line(text, line):
                    yield from place(draft)
        for draft in self._halves.drop_all():
            yield from place(draft)
        if not self._understood:
            self._refuse(line)

    def _line(self, text: str, line: int) -> Iterable[Draft]:
        self._number = line
        try:
            return self._body(self._prefix.read(text.rstrip()))
        except LineError as problem:
            self._skip(line, str(problem))
            return ()

    def _skip(self, line: int, expected: str) -> None:
        self.problems.skip(line, expected)
        if not self._understood and self.problems.skipped >= _MOST_BAD_AT_FIRST:
            self._refuse(line)

    def _refuse(self, lines: int) -> None:
        problems = self.problems
        if problems.skipped:
            expected = problems.first[0].partition(": ")[2]
            message = f"not a trace by strace: none of {lines} lines reads as one; {expected}"
        else:
            message = "no memory system call in it" if lines else "empty, so not a trace by strace"
        raise TraceError(message, problems.file, problems.first_line, HOW_TO_MAKE_ONE)

    def _body(self, line: Line) -> Iterable[Draft]:
        body = line.body
        name, parenthesis, rest = body.partition("(")
        decoder = DECODERS.get(name)
        if decoder is not None and parenthesis:
            return self._call(line, name, rest)
        first = body[:1]
        if first == "<":
            return self._resume(line)
        if first == "+":
            return self._end(line)
        if parenthesis and _name(name):
            return ()
        return self._other(line)

    def _other(self, line: Line) -> Iterable[Draft]:
        """Signals, stacks (`-k`) and what strace says of itself; none of it is a call.

        On a terminal such a message may break a call in two, whose rest then follows on a line of
        its own.
        """
        body = line.body
        if body[:1] in _continuing and self._broken is not None:
            half = self._halves.take(*self._broken)
            self._broken = None
            if half is not None:
                return self._finish(line, half, body)
        foreign = body and not body.startswith(("--- ", "> ", "???"))
        if foreign and not _message.match(body) and not _mode.match(body):
            raise LineError(f"a system call, not `{shown(body)}`")
        return ()

    def _call(self, line: Line, name: str, rest: str) -> Iterable[Draft]:
        if self.root is None:
            self.root = line.tid
        if rest[-1:] == ">" and (cut := _unfinished.match(rest)):
            return self._begin(line, name, cut.group(1), cut.group(2))
        mixed = _mixed_in.search(rest) if "strace: " in rest else None
        if mixed is not None and ") = " not in rest[: mixed.start()]:
            self._broken = (line.tid, name)
            return self._begin(line, name, rest[: mixed.start()], None)
        return self._whole(line, name, rest)

    def _begin(self, line: Line, name: str, text: str, now: str | None) -> Iterable[Draft]:
        return self._halves.begin(int(now) if now else line.tid, name, text, line.time)

    def _whole(self, line: Line, name: str, rest: str) -> Iterable[Draft]:
        draft = self._draft(line.tid, line.time, name, rest)
        return () if draft is None else self._order.add(draft)

    def _draft(self, tid: int, time: int, name: str, rest: str) -> Draft | None:
        """The row for a call; none for one that never returned though it should have."""
        arguments, after = split_call(rest)
        result = read_result(after)
        call, decode = DECODERS[name]
        if result.value is None and result.error is None and call not in EXITS:
            self._halves.lost += 1
            return None
        draft = Draft(time, 0, tid, call)
        draft.result, draft.error, draft.duration = result.value, result.error, result.duration
        decode(draft, arguments, self._flags)
        self._understood = True
        return draft

    def _resume(self, line: Line) -> Iterable[Draft]:
        found = _resumed.match(line.body)
        if found is None:
            raise LineError(f"`<... call resumed>`, not `{shown(line.body)}`")
        name, rest = found.group(1), line.body[found.end() :]
        if name not in DECODERS:
            return ()
        half = self._halves.take(line.tid, name) or self._halves.take(0, name)
        if half is None:
            raise LineError(f"the first half of `{name}` before its second")
        return self._finish(line, half, rest)

    def _finish(self, line: Line, half: Half[Draft], rest: str) -> Iterable[Draft]:
        try:
            draft = self._draft(half.tid, line.time, half.name, half.text + rest)
        except LineError as problem:
            self._skip(self._number, str(problem))
            draft = None
        if draft is not None:
            self._date(draft, half, line.time)
        if half.slot is not None:
            return self._order.fill(half.slot, draft)
        return () if draft is None else self._order.add(draft)

    def _date(self, draft: Draft, half: Half[Draft], time: int) -> None:
        """A call is dated at the half from which it counts."""
        if half.slot is not None and not self._order.is_late(half.slot):
            draft.time = half.time
        if draft.duration is None and self.clock != "none":
            draft.duration = max(0, time - half.time)

    def _end(self, line: Line) -> Iterable[Draft]:
        by = _superseded.match(line.body)
        if by is not None:
            self._halves.move(int(by.group(1)), line.tid)
            return ()
        if _gone.match(line.body) is None:
            raise LineError(f"`+++ exited with N +++`, not `{shown(line.body)}`")
        self._understood = True
        return self._gone(line)

    def _gone(self, line: Line) -> Iterable[Draft]:
        yield from self._halves.drop(line.tid)
        yield from self._order.add(Draft(line.time, 0, line.tid, GONE))
