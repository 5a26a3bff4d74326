"""What `shootdown conform` prints: hits, where model and kernel part, and one example of each kind.

An example is for whoever has to find the mistake: the program up to the operation, what both say
was there before it, and what differs, the model's lines with `-` and the kernel's with `+`, in
between what is the same.
"""

from __future__ import annotations

import errno
import textwrap
from collections.abc import Iterator, Sequence
from difflib import ndiff

from shootdown.conform.compare import FAILED, Disagreement
from shootdown.conform.tally import Tally
from shootdown.live.memory import PAGE
from shootdown.live.programs import Observed, Operation
from shootdown.report.paint import Paint

COLUMNS = 3
MOST_IDS = 8
_MARKS = {"-": "model ", "+": "kernel", " ": "both  "}


def describe_hits(tally: Tally, paint: Paint) -> Iterator[str]:
    """A table of operations that were compared, by kind."""
    rows = [row for row in tally.hits.items() if row[1]]
    height = -(-len(rows) // COLUMNS)
    yield paint.strong(f"{tally.operations:,} operations compared:")
    for line in range(height):
        cells = (f"{name:<23} {hits:>6,}" for name, hits in rows[line::height])
        yield "  ".join(cells).rstrip()
    never = [name for name, hits in tally.hits.items() if not hits]
    if never:
        yield from textwrap.wrap(f"never: {', '.join(never)}", paint.width)


def describe_kinds(tally: Tally, paint: Paint) -> Iterator[str]:
    """Where model and kernel part: operation, field, programs."""
    if not tally.parted:
        return
    yield paint.strong("they part at:")
    kinds = sorted(tally.parted.items(), key=lambda row: -len(row[1]))
    for (operation, field), programs in kinds:
        some = ", ".join(map(str, programs[:MOST_IDS]))
        more = ", …" if len(programs) > MOST_IDS else ""
        count = f"{len(programs):,} program{'' if len(programs) == 1 else 's'}"
        yield f"  {operation}: {field}, in {count}: {some}{more}"


def describe_disagreement(each: Disagreement, paint: Paint, *, shrunk: bool) -> Iterator[str]:
    """The lines of one example."""
    program = each.program
    size = "a smallest program" if shrunk else "cut after the operation"
    fields = ", ".join(each.fields)
    yield paint.strong(f"program {program.id}, {' '.join(map(str, each.operation))}: {fields}")
    yield paint.faint(f"  {program.profile}, {_place(program.base)}, {program.pages} pages; {size}")
    for number, operation in enumerate(program.operations):
        mark = ">" if number == each.number else " "
        yield f"  {mark} {number:2}  {_operation(operation)}"
    if each.before is not None:
        yield f"  before  vmas   {_words(_vmas(each.before))}"
        yield f"          pages  {_words(_pages(each.before))}"
    yield from _difference(each, paint)


def _difference(each: Disagreement, paint: Paint) -> Iterator[str]:
    if each.fields == (FAILED,) or each.expected is None:
        yield from textwrap.indent(each.error, "  model failed: ").splitlines()
        return
    for title, lines in _SHOWN.items():
        said, done = lines(each.expected), lines(each.observed)
        if said != done:
            yield f"  {title}"
            for line in ndiff(said, done):
                if not line.startswith("?"):
                    text = f"    {line[0]} {_MARKS[line[0]]}  {line[2:]}"
                    yield text if line[0] == " " else paint.change(text)


def describe_summary(tally: Tally, asked: int, seconds: float, paint: Paint) -> Iterator[str]:
    """The last lines: how many agree, and why others were not compared."""
    yield from _not_compared(tally, paint)
    if tally.programs < asked:
        yield f"{_programs(asked - tally.programs)} not begun when the time was over"
    verdict = "violated" if tally.disagree else "holds"
    if verdict == "holds" and tally.agree < asked:
        verdict = "undecided"
    text = f"{tally.agree:,} of {_programs(tally.programs)} agree, {tally.disagree:,} do not"
    took = f"{seconds:.0f} s, {tally.programs / max(seconds, 0.001):.0f} programs a second"
    yield paint.verdict(verdict, f"{text}; {tally.ranges:,} ranges compared ({took}).")


def _not_compared(tally: Tally, paint: Paint) -> Iterator[str]:
    """A paragraph for each status, the frequent reasons first."""
    rows = sorted(tally.reasons.items(), key=lambda row: -row[1])
    for status, count in tally.statuses.items():
        reasons = [(text.partition(": ")[2], n) for text, n in rows if text.startswith(status)]
        if reasons:
            text = "; ".join(f"{reason} ({n:,})" for reason, n in reasons)
            head = f"{_programs(count)} not compared to the end, {status}"
            yield from textwrap.wrap(f"{head}: {text}", paint.width, subsequent_indent="  ")


def _programs(count: int) -> str:
    return f"{count:,} program{'' if count == 1 else 's'}"


# --- parts --------------------------------------------------------------------------------------


def _operation(operation: Operation) -> str:
    return " ".join(map(str, operation))


def _place(base: int) -> str:
    """The base, and how far into its 2 MiB and 1 GiB it is."""
    page = base // PAGE
    return f"base {base:#x} (page {page % 512} of its 2 MiB, {page % 2**18} of its 1 GiB)"


def _result(each: Observed) -> list[str]:
    return [f"{each.result} {errno.errorcode.get(-each.result, '')}".rstrip()]


def _ranges(each: Observed) -> list[str]:
    rows = zip(each.ranges, each.sites, strict=True)
    return [f"[{start},{end}) {site}" for (start, end), site in rows]


def _young(each: Observed) -> list[str]:
    return [f"[{start},{end}) {kind}" for kind, start, end in each.young]


def _vmas(each: Observed) -> list[str]:
    return [
        f"[{start},{end}) {permissions} {kind}" + (f"@{at}" if kind == "memfd" or at else "")
        for start, end, permissions, kind, at in each.state.vmas
    ]


def _pages(each: Observed) -> list[str]:
    return [f"[{start},{end}) {flags}" for start, end, flags in each.state.pages]


_SHOWN = {
    "result": _result,
    "ranges": _ranges,
    "young": _young,
    "vmas": _vmas,
    "pages": _pages,
}


def _words(lines: Sequence[str]) -> str:
    return "  ".join(lines) or "none"
