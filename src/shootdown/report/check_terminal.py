"""What `shootdown check` prints: a row for each scenario, why, and what the verdict rests on.

Rows come one by one, while the next scenario is still being searched, so the width of every column
is fixed by what is known before. The first violated scenario is explained; the others of one driver
mostly tell the same story and are explained when asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from shootdown.report.paint import Paint
from shootdown.report.timeline import draw
from shootdown.scenarios.verdict import CheckResult, Coverage, ScenarioResult, SourceLine, Verdict

VERDICT_WIDTH = len("undecided")
LINES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Subject:
    """What a check is about, known before it starts."""

    target: str
    kernel: str
    arch: str
    scenarios: tuple[str, ...]
    devices: int
    user_cpus: int


class CheckTable:
    """Header and rows. Every method yields whole lines."""

    def __init__(self, subject: Subject, paint: Paint) -> None:
        self.subject = subject
        self.paint = paint
        self._name = max(len("scenario"), *(len(name) for name in subject.scenarios), 0)

    def head(self) -> Iterator[str]:
        """Driver, kernel, architecture, and the columns."""
        s = self.subject
        yield self.paint.strong(f"{s.target} on Linux {s.kernel} ({s.arch})")
        columns = f"{'states':>12} {'transitions':>12} {'depth':>6} {'seconds':>8}"
        head = f"{'scenario':<{self._name}}  {'verdict':<{VERDICT_WIDTH}} {columns}  rule"
        yield self.paint.faint(head)

    def row(self, result: ScenarioResult) -> str:
        """One scenario."""
        verdict = self.paint.verdict(result.verdict, f"{result.verdict:<{VERDICT_WIDTH}}")
        numbers = (
            f"{result.states:>12,} {result.transitions:>12,} "
            f"{result.depth:>6,} {result.seconds:>8.2f}"
        )
        return f"{result.name:<{self._name}}  {verdict} {numbers}  {result.rule or ''}".rstrip()

    def close(self, check: CheckResult, verbose: bool) -> Iterator[str]:
        """Everything after the last row."""
        yield from self._undecided(check.scenarios)
        yield from self._counterexamples(check.scenarios, verbose)
        yield from self._coverage(check.covered)
        yield ""
        yield self.paint.verdict(check.verdict, conclude(self.subject, check))

    def _undecided(self, results: Sequence[ScenarioResult]) -> Iterator[str]:
        rows = [result for result in results if result.verdict == "undecided"]
        if rows:
            yield ""
        for reason, group in groupby(rows, lambda result: result.reason):
            names = ", ".join(result.name for result in group)
            yield f"undecided: {names}: {reason or 'no reason was given'}"

    def _counterexamples(self, results: Sequence[ScenarioResult], verbose: bool) -> Iterator[str]:
        broken = [result for result in results if result.counterexample is not None]
        for result in broken if verbose else broken[:1]:
            assert result.counterexample is not None
            yield ""
            steps = len(result.counterexample.steps)
            yield self.paint.strong(f"How {result.name} breaks {result.rule}, in {steps} steps")
            yield ""
            yield from draw(result.name, result.counterexample, self.paint)
        if len(broken) > 1 and not verbose:
            rest = ", ".join(result.name for result in broken[1:])
            yield ""
            yield f"--verbose also shows how these break a rule: {rest}"

    def _coverage(self, covered: Coverage) -> Iterator[str]:
        if covered.never:
            yield ""
            yield (
                f"{len(covered.never)} of {_count(covered.lines, 'line')} of the driver "
                "never ran in any scenario:"
            )
            yield from (_source_line(line) for line in covered.never[:LINES_SHOWN])
            if len(covered.never) > LINES_SHOWN:
                yield f"  and {len(covered.never) - LINES_SHOWN} more"
        if covered.idle_rules:
            yield ""
            yield f"never put to the test: {', '.join(covered.idle_rules)}"


def conclude(subject: Subject, check: CheckResult) -> str:
    """The verdict in a sentence that says what it rests on."""
    who = f"{subject.target} on Linux {subject.kernel}"
    total = len(check.scenarios)
    if check.verdict == "holds":
        scenarios = "its one scenario" if total == 1 else f"all {total} scenarios"
        return (
            f"{who} holds: no interleaving breaks a rule in {scenarios}, each searched "
            f"to its end with {_size(subject, check.scenarios)}."
        )
    if check.verdict == "violated":
        broken = _those(check, "violated")
        rules = ", ".join(sorted({result.rule or "" for result in broken}))
        open_ones = len(_those(check, "undecided"))
        also = f"; {open_ones} undecided" if open_ones else ""
        return (
            f"{who} is violated: {_share(len(broken), total)} "
            f"{'breaks' if len(broken) == 1 else 'break'} a rule ({rules}){also}, "
            f"with {_size(subject, check.scenarios)}."
        )
    undecided = len(_those(check, "undecided"))
    return (
        f"{who} is undecided: {_share(undecided, total)} could not be decided; "
        "nothing was found to be broken in what was searched."
    )


def _those(check: CheckResult, verdict: Verdict) -> list[ScenarioResult]:
    return [result for result in check.scenarios if result.verdict == verdict]


def _share(some: int, total: int) -> str:
    return "its one scenario" if total == 1 else f"{some} of {total} scenarios"


def _size(subject: Subject, results: Sequence[ScenarioResult]) -> str:
    """`2 pages, 5 page frames, 1 device, no user CPU`."""
    pages = _range([result.pages for result in results], "page")
    frames = _range([result.frames for result in results], "page frame")
    cpus = f" and {_count(subject.user_cpus, 'user CPU')}" if subject.user_cpus else ""
    return f"{pages}, {frames}, {_count(subject.devices, 'device')}{cpus}"


def _range(sizes: Sequence[int], noun: str) -> str:
    low, high = min(sizes), max(sizes)
    return _count(low, noun) if low == high else f"{low} to {high} {noun}s"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _source_line(line: SourceLine) -> str:
    return f"  {line.file}:{line.line}: {line.text}"
