"""What `shootdown check` prints: a row for each scenario, why, and what the verdict rests on.

Rows come one by one, while the next scenario is still being searched, so the width of every column
is fixed by what is known before. The first violated scenario is explained; the others of one driver
mostly tell the same story and are explained when asked for. With `--all-rules` the first run of
each rule is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from shootdown.report.paint import Paint
from shootdown.report.profile import describe_profile
from shootdown.report.races import describe_races
from shootdown.report.timeline import draw
from shootdown.scenarios.verdict import (
    BranchCoverage,
    CheckResult,
    Counterexample,
    Coverage,
    ScenarioResult,
    SourceLine,
    Subject,
    Verdict,
)

VERDICT_WIDTH = len("undecided")
LINES_SHOWN = 12
USUAL_ARCH = "x86"
"""what the last line does not have to name"""

NOUNS = {
    "pages": "page",
    "frames": "page frame",
    "devices": "device",
    "cpus": "user CPU",
    "threads": "thread",
}
"""what each size of a scenario counts"""


class CheckTable:
    """Header and rows. Every method yields whole lines."""

    def __init__(self, subject: Subject, paint: Paint) -> None:
        self.subject = subject
        self.paint = paint
        self._what = "the driver" if subject.kernel else "the model"
        self._name = max(len("scenario"), *(len(name) for name in subject.scenarios), 0)

    def head(self) -> Iterator[str]:
        """Target, kernel, architecture, and the columns."""
        yield self.paint.strong(title(self.subject))
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
        rules = ", ".join(_rules([result]))
        return f"{result.name:<{self._name}}  {verdict} {numbers}  {rules}".rstrip()

    def close(self, check: CheckResult, verbose: bool) -> Iterator[str]:
        """Everything after the last row."""
        yield from self._remarks(check.scenarios)
        yield from self._counterexamples(check.scenarios, verbose)
        yield from describe_races(check.scenarios, self.paint)
        if any(row.verdict != "violated" or row.complete for row in check.scenarios):
            # a search ends where a rule breaks: what it had not reached by then says nothing
            yield from self._coverage(check.covered)
        yield from describe_profile(check.scenarios, self.paint)
        yield ""
        yield self.paint.verdict(check.verdict, conclude(self.subject, check))

    def _remarks(self, results: Sequence[ScenarioResult]) -> Iterator[str]:
        """Why a scenario is undecided, or how little it says that one holds."""
        rows = [row for row in results if row.verdict == "undecided" or row.reason is not None]
        if rows:
            yield ""
        for (verdict, reason), group in groupby(rows, lambda row: (row.verdict, row.reason)):
            names = ", ".join(result.name for result in group)
            head = "undecided: " if verdict == "undecided" else ""
            yield f"{head}{names}: {reason or 'no reason was given'}"

    def _counterexamples(self, results: Sequence[ScenarioResult], verbose: bool) -> Iterator[str]:
        shown, hidden = _choose(results, verbose)
        for result, counterexample in shown:
            yield ""
            steps = _length(counterexample)
            yield self.paint.strong(f"How {result.name} breaks {counterexample.rule}, in {steps}")
            yield ""
            yield from draw(result.name, counterexample, self.paint, every_step=verbose)
        if hidden:
            rest = ", ".join(dict.fromkeys(result.name for result, _ in hidden))
            yield ""
            yield f"--verbose also shows how these break a rule: {rest}"

    def _coverage(self, covered: Coverage) -> Iterator[str]:
        if covered.never:
            yield ""
            yield (
                f"{len(covered.never)} of {_count(covered.lines, 'line')} of {self._what} "
                "never ran in any scenario:"
            )
            yield from (_source_line(line) for line in covered.never[:LINES_SHOWN])
            if len(covered.never) > LINES_SHOWN:
                yield f"  and {len(covered.never) - LINES_SHOWN} more"
        if covered.one_way:
            yield ""
            yield (
                f"{len(covered.one_way)} of {_count(len(covered.branches), 'condition')} of "
                f"{self._what} always came out the same:"
            )
            yield from (_one_way(branch) for branch in covered.one_way[:LINES_SHOWN])
            if len(covered.one_way) > LINES_SHOWN:
                yield f"  and {len(covered.one_way) - LINES_SHOWN} more"
        if covered.idle_rules:
            yield ""
            yield f"never put to the test: {', '.join(covered.idle_rules)}"


Told = list[tuple[ScenarioResult, Counterexample]]


def _choose(results: Sequence[ScenarioResult], verbose: bool) -> tuple[Told, Told]:
    """What to explain and what not: the first run found, and with `--all-rules` the first that
    breaks each rule."""
    told = [(result, found) for result in results for found in result.broken]
    if verbose:
        return told, []
    asked_for_all = any(result.complete or len(result.broken) > 1 for result, _ in told)
    shown: Told = []
    seen: set[tuple[str, str]] = set()
    for result, found in told:
        if (found.rule, found.sentence) not in seen and (asked_for_all or not seen):
            shown.append((result, found))
            seen.add((found.rule, found.sentence))
    return shown, [row for row in told if row not in shown]


def _rules(results: Iterable[ScenarioResult]) -> list[str]:
    """The names of the rules that are broken, each once."""
    names = [found.rule for result in results for found in result.broken]
    first = [result.rule for result in results if result.rule is not None]
    return list(dict.fromkeys([*first, *names]))


def describe_check(check: CheckResult, paint: Paint, verbose: bool = False) -> Iterator[str]:
    """The whole report of a check that is over."""
    table = CheckTable(check.subject, paint)
    yield from table.head()
    yield from map(table.row, check.scenarios)
    yield from table.close(check, verbose)


def title(subject: Subject) -> str:
    """`mine.py:Mine on Linux 6.6 (x86)`; a model is on nothing."""
    return f"{_who(subject)} ({subject.arch})" if subject.arch else _who(subject)


def _who(subject: Subject) -> str:
    return f"{subject.target} on Linux {subject.kernel}" if subject.kernel else subject.target


def conclude(subject: Subject, check: CheckResult) -> str:
    """The verdict in a sentence that says what it rests on."""
    who = _who(subject) if subject.arch == USUAL_ARCH else title(subject)
    total = len(check.scenarios)
    if check.verdict == "holds":
        scenarios = "its one scenario," if total == 1 else f"all {total} scenarios, each"
        return (
            f"{who} holds: no interleaving breaks a rule{_beyond(check)} in {scenarios} searched "
            f"to its end with {_size(check.scenarios)}."
        )
    if check.verdict == "violated":
        broken = _those(check, "violated")
        rules = ", ".join(sorted(_rules(broken)))
        if all(result.complete for result in broken):
            rules += "; no other can be broken" + (" there" if len(broken) < total else "")
        open_ones = len(_those(check, "undecided"))
        also = f"; {open_ones} undecided" if open_ones else ""
        return (
            f"{who} is violated: {_share(len(broken), total)} "
            f"{'breaks' if len(broken) == 1 else 'break'} a rule ({rules}){also}, "
            f"with {_size(check.scenarios)}."
        )
    undecided = len(_those(check, "undecided"))
    return (
        f"{who} is undecided: {_share(undecided, total)} could not be decided; "
        "nothing was found to be broken in what was searched."
    )


def _beyond(check: CheckResult) -> str:
    """What was asked of runs that go on for ever."""
    asked = {result.liveness for result in check.scenarios}
    if asked == {"each"}:
        return ", and everybody always gets something done in the end,"
    return ", and something always gets done in the end," if None not in asked else ""


def _those(check: CheckResult, verdict: Verdict) -> list[ScenarioResult]:
    return [result for result in check.scenarios if result.verdict == verdict]


def _share(some: int, total: int) -> str:
    return "its one scenario" if total == 1 else f"{some} of {total} scenarios"


def _size(results: Sequence[ScenarioResult]) -> str:
    """`2 pages, 5 page frames, 1 device and 1 user CPU`; what is 0 everywhere is not there."""
    parts = {
        what: _range([result.size[what] for result in results], NOUNS[what])
        for what in results[0].size
        if any(result.size[what] for result in results)
    }
    cpus = parts.pop("cpus", None)
    return ", ".join(parts.values()) + (f" and {cpus}" if cpus else "")


def _range(sizes: Sequence[int], noun: str) -> str:
    low, high = min(sizes), max(sizes)
    return _count(low, noun) if low == high else f"{low} to {high} {noun}s"


def _length(counterexample: Counterexample) -> str:
    """`12 steps`; `9 steps and a loop of 3`"""
    total, loop = len(counterexample.steps), counterexample.loop
    if loop is None:
        return _count(total, "step")
    return f"{_count(loop, 'step')} and a loop of {total - loop:,}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _source_line(line: SourceLine) -> str:
    return f"  {line.file}:{line.line}: {line.text}"


def _one_way(branch: BranchCoverage) -> str:
    missing = "false" if branch.true else "true"
    return f"  {branch.file}:{branch.line}: `{branch.text}` was never {missing}"
