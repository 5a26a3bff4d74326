"""What a recording or an import brought: how much of what, and what could not be used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shootdown.traces.summary import TraceSummary


def describe_trace(summary: TraceSummary, path: str) -> Iterator[str]:
    """The lines of a short report."""
    yield f"{path}: {_count(summary.calls, 'call')} by {_count(summary.processes, 'process')}"
    width = max((len(f"{count:,}") for count in summary.by_call.values()), default=0)
    rows = sorted(summary.by_call.items(), key=lambda row: (-row[1], row[0]))
    for call, count in rows:
        failed = summary.failed_by_call.get(call, 0)
        yield f"  {count:>{width},}  {call}" + (f", {failed:,} of them failed" if failed else "")
    if summary.exit_status:
        yield f"the command ended with status {summary.exit_status}"
    if summary.unfinished:
        yield f"{_count(summary.unfinished, 'call')} had not ended when the trace did"
    yield from _warnings(summary.warnings)
    yield from _skipped(summary)


def _warnings(warnings: Mapping[str, int]) -> Iterator[str]:
    for doubt, count in sorted(warnings.items(), key=lambda row: -row[1]):
        yield f"warning: {doubt} ({count:,} times)" if count > 1 else f"warning: {doubt}"


def _skipped(summary: TraceSummary) -> Iterator[str]:
    if not summary.skipped:
        return
    yield f"{_count(summary.skipped, 'line')} skipped:"
    yield from (f"  {problem}" for problem in summary.problems)
    more = summary.skipped - len(summary.problems)
    if more:
        yield f"  and {more:,} more"


def _count(number: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"
