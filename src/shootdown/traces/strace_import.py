"""From the text of strace to a trace on disk, in one pass and in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO

from shootdown.traces.call import COLUMNS
from shootdown.traces.errors import TraceError
from shootdown.traces.strace_calls import Draft
from shootdown.traces.strace_text import StraceText
from shootdown.traces.summary import Origin, Tally, TraceSummary
from shootdown.traces.trace import BATCH, TraceWriter

_fields = [attrgetter(name) for name in COLUMNS]
_TIME, _CALL, _ERROR = (COLUMNS.index(name) for name in ("time", "call", "error"))


def import_strace(
    source: str | Path | BinaryIO, output: str | Path, *, page_size: int = 4096
) -> TraceSummary:
    """Turns what `strace -f -ttt -o TEXT COMMAND` wrote into a trace.

    `source` is a path or an open binary stream, `output` the trace to write (never half: it appears
    when it is complete). Lines that do not read are counted in the summary; only a text without a
    single good line is an error. The text does not tell the size of a page.
    """
    origin = Origin(page_size=page_size)
    if not isinstance(source, (str, Path)):
        name = getattr(source, "name", None)
        text = StraceText(name if isinstance(name, str) else "<stream>")
        return write_trace(text, source.read, TraceWriter(output, origin))
    try:
        _refuse_same(Path(source), Path(output))
        with open(source, "rb") as file:
            return write_trace(StraceText(str(source)), file.read, TraceWriter(output, origin))
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise TraceError(f"the text of strace cannot be read: {reason}", str(source)) from None


def write_trace(
    text: StraceText,
    read: Callable[[int], bytes],
    writer: TraceWriter,
    exit_status: Callable[[], int] | None = None,
) -> TraceSummary:
    """Reads a text to its end into a trace; if anything goes wrong, there is no trace."""
    tally = Tally()
    try:
        for batch in _batches(text.read(read)):
            columns: list[list[Any]] = [list(map(field, batch)) for field in _fields]
            tally.add(columns[_TIME], columns[_CALL], columns[_ERROR])
            writer.write(columns)
        summary = _summary(text, tally, exit_status() if exit_status else None)
        writer.finish(summary)
    except BaseException:
        writer.abandon()
        raise
    return summary


def _batches(drafts: Iterator[Draft]) -> Iterator[list[Draft]]:
    batch = []
    for draft in drafts:
        batch.append(draft)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _summary(text: StraceText, tally: Tally, exit_status: int | None) -> TraceSummary:
    return TraceSummary(
        processes=text.spaces.processes,
        calls=tally.calls,
        skipped=text.problems.skipped,
        failed=tally.failed.total(),
        spaces=text.spaces.begun,
        unfinished=text.unfinished,
        clock=text.clock,
        first=tally.first,
        last=tally.last,
        by_call=dict(sorted(tally.by_call.items())),
        failed_by_call=dict(sorted(tally.failed.items())),
        warnings=dict(text.problems.warnings),
        problems=tuple(text.problems.first),
        exit_status=exit_status,
    )


def _refuse_same(source: Path, output: Path) -> None:
    if output.exists() and os.path.samefile(source, output):
        raise TraceError("the trace would replace the text it is made from", str(output))
