"""Every case of a question, searched.

A search may find that the machine was too small for an answer: a counter would have wrapped, or the
page frames ran out. That says nothing about what is checked, so the case is built again one size
larger, until neither happens; the result then rests on a machine in which these limits do not show.

"Holds" is only said when the whole state space was seen, and when the case itself (`Case.judge`)
finds that something was tested in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from shootdown.machine.checkpoint import Checkpoint
from shootdown.machine.profile import Profiler
from shootdown.machine.races import Seen
from shootdown.machine.reductions import Reductions
from shootdown.machine.result import (
    NO_PROGRESS,
    STARVATION,
    Limits,
    Progress,
    SearchResult,
)
from shootdown.machine.search import search
from shootdown.program.program import Program
from shootdown.program.ways import Fork, split_branches
from shootdown.scenarios.all_rules import Known, merge_searches
from shootdown.scenarios.case import Case, Question
from shootdown.scenarios.coverage import coverage_of
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.keeping import Searches
from shootdown.scenarios.origin import with_origin
from shootdown.scenarios.profile import profile_lines
from shootdown.scenarios.races import DATA_RACE, RaceHunt, all_states, with_races
from shootdown.scenarios.shortest import find_shortest
from shootdown.scenarios.timeline import explain_path
from shootdown.scenarios.verdict import (
    CheckResult,
    ScenarioResult,
    merge_coverage,
    overall,
)

ProgressHook = Callable[[str, Progress], None]
After = Callable[[Seen], None]
"""called with a search when it is over"""

AT_THE_END = (DATA_RACE, NO_PROGRESS, STARVATION)
"""rules that are looked at when everything else holds: there is nothing to find past them"""


def check_request(
    question: Question,
    progress: ProgressHook | None = None,
    note: Callable[[str], None] | None = None,
    threads: int = 1,
) -> Iterator[ScenarioResult]:
    """Search the cases one after the other, each with up to so many threads.

    Raises:
        ModelError: if the target is not a valid model.
        CheckpointError: if what was kept of it cannot be used.
    """
    question.refuse_mistakes()
    started = time.monotonic()
    effort = replace(question.effort, threads=threads)
    for case in question.cases:
        yield check_case(case, effort.after(time.monotonic() - started), progress, note)


def summarise(question: Question, results: Sequence[ScenarioResult]) -> CheckResult:
    """All cases of a question together."""
    subject = question.subject
    return CheckResult(
        subject.target,
        subject.kernel,
        subject.arch,
        question.effort.engine,
        overall(result.verdict for result in results),
        merge_coverage(result.covered for result in results),
        tuple(results),
    )


def check_case(
    case: Case,
    effort: Effort,
    progress: ProgressHook | None = None,
    note: Callable[[str], None] | None = None,
) -> ScenarioResult:
    """One case, on a machine large enough to decide it."""
    started = time.monotonic()
    known = Known()
    rows: list[ScenarioResult] = []
    kept = effort.keep.searches(case.name, note) if effort.keep else None
    while True:
        written = case.program()
        program, forks = split_branches(known.past(written), case.files)
        hook = None if progress is None else partial(progress, case.name)
        left = effort.after(time.monotonic() - started)
        hunt = RaceHunt() if effort.races else None
        profiler = Profiler() if effort.profile else None
        whole = hunt or profiler or left.liveness
        reductions = all_states(left.reductions) if whole else left.reductions
        after = _in_turn(hunt, profiler)
        make = partial(_search, program, left, progress=hook, note=note, after=after, kept=kept)
        result = find_shortest(case, left, reductions, make)
        larger = case.larger(result.rule or "") if result.verdict == "widen" else None
        if larger is not None:
            case = larger
            continue
        rows.append(_result(case, program, forks, result))
        rows[-1] = with_origin(rows[-1], case, written, result)
        if hunt is not None:
            rows[-1] = with_races(rows[-1], hunt.explain(program))
        if profiler is not None:
            lines = profile_lines(program, profiler, result.seconds)
            rows[-1] = replace(rows[-1], profile=lines)
        found = rows[-1].counterexample
        if found is None or not effort.all_rules or found.rule in AT_THE_END:
            return merge_searches(rows)
        known = known.adding(found)


def _in_turn(*hooks: After | None) -> After | None:
    """Those that there are, one after the other."""
    called = [hook for hook in hooks if hook is not None]

    def call(seen: Seen) -> None:
        for hook in called:
            hook(seen)

    return call if called else None


def _search(
    program: Program,
    effort: Effort,
    reductions: Reductions,
    limits: Limits,
    *,
    progress: Callable[[Progress], None] | None,
    note: Callable[[str], None] | None,
    after: After | None,
    kept: Searches | None,
) -> SearchResult:
    """One search by the means of an effort, which is read or taken up again if it was kept."""

    def make(checkpoint: Checkpoint | None = None, resume: Path | None = None) -> SearchResult:
        return search(
            program,
            limits,
            effort.engine,
            progress,
            note,
            workers=effort.threads,
            hands=effort.free,
            checkpoint=checkpoint,
            resume=resume,
            reductions=reductions,
            after=after,
            liveness=effort.liveness,
        )

    return kept.make(program, (reductions, effort.liveness), make) if kept else make()


def _result(
    case: Case, program: Program, forks: tuple[Fork, ...], result: SearchResult
) -> ScenarioResult:
    covered = coverage_of(case, program, forks, result)
    verdict, reason = case.judge(program, result, covered)
    return ScenarioResult(
        case.name,
        verdict,
        result.rule if verdict == "violated" else None,
        result.states,
        result.transitions,
        result.depth,
        result.seconds,
        covered,
        explain_path(program, result) if verdict == "violated" else None,
        reason,
        case.size,
        result.memory,
        complete=result.verdict == "holds",
        liveness=None if result.liveness is None else result.liveness.value,
    )
