"""What each line of source costs a search, as a table: the most expensive lines of all files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from shootdown.report.paint import Paint
from shootdown.scenarios.verdict import ScenarioResult

SHOWN = 20

Line = tuple[str, int, str]


def describe_profile(results: Sequence[ScenarioResult], paint: Paint) -> Iterator[str]:
    """All scenarios together, each weighed with its seconds; nothing if nobody asked."""
    profiled = [result for result in results if result.profile is not None]
    if not profiled:
        return
    steps: dict[Line, int] = defaultdict(int)
    operations: dict[Line, int] = defaultdict(int)
    seconds: dict[Line, float] = defaultdict(float)
    for result in profiled:
        for row in result.profile or ():
            line = (row.file, row.line, row.text)
            steps[line] += row.steps
            operations[line] += row.operations
            seconds[line] += row.share * result.seconds
    total = sum(result.seconds for result in profiled) or 1.0
    yield ""
    yield paint.strong("Where the steps are (counts are exact; time is divided by them)")
    yield paint.faint(f"{'time':>6} {'steps':>13} {'operations':>14}  line")
    ordered = sorted(seconds, key=lambda line: (-seconds[line], -operations[line], line))
    for line in ordered[:SHOWN]:
        share = f"{100 * seconds[line] / total:.1f}%"
        place = f"{line[0]}:{line[1]}: {line[2]}"
        yield f"{share:>6} {steps[line]:>13,} {operations[line]:>14,}  {place}"
    if len(ordered) > SHOWN:
        yield f"and {len(ordered) - SHOWN} more lines, which --json has"
