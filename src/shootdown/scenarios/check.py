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
from functools import partial

from shootdown.machine.result import Progress, SearchResult
from shootdown.machine.search import search
from shootdown.program.operation import Jump, Operation
from shootdown.program.program import Program
from shootdown.rules.rule import Rule
from shootdown.scenarios.all_rules import Known, merge_searches
from shootdown.scenarios.case import Case, Question
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.timeline import explain_path
from shootdown.scenarios.verdict import (
    CheckResult,
    Coverage,
    ScenarioResult,
    SourceLine,
    merge_coverage,
    overall,
)

ProgressHook = Callable[[str, Progress], None]


def check_request(
    question: Question,
    progress: ProgressHook | None = None,
    note: Callable[[str], None] | None = None,
) -> Iterator[ScenarioResult]:
    """Search the cases one after the other.

    Raises:
        ModelError: if the target is not a valid model.
    """
    question.refuse_mistakes()
    started = time.monotonic()
    for case in question.cases:
        yield check_case(case, question.effort.after(time.monotonic() - started), progress, note)


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
    while True:
        program = known.past(case.program())
        hook = None if progress is None else partial(progress, case.name)
        left = effort.after(time.monotonic() - started)
        result = search(program, left.limits, left.engine, hook, note, reductions=left.reductions)
        larger = case.larger(result.rule or "") if result.verdict == "widen" else None
        if larger is not None:
            case = larger
            continue
        rows.append(_result(case, program, result))
        found = rows[-1].counterexample
        if found is None or not effort.all_rules:
            return merge_searches(rows)
        known = known.adding(found)


def _result(case: Case, program: Program, result: SearchResult) -> ScenarioResult:
    covered = _coverage(case, program, result)
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
    )


def _coverage(case: Case, program: Program, result: SearchResult) -> Coverage:
    """Lines in the files of the target, and rules, that the search exercised."""
    own = case.files
    lines: dict[tuple[str, int], str] = {}
    reached: set[tuple[str, int]] = set()
    for number, actor in enumerate(program.actors):
        for index, operation in enumerate(actor.code):
            if _closes_loop(operation):
                continue
            for place in operation.where.chain:  # a call is reached where what it calls is
                if place.file not in own:
                    continue
                lines[place.file, place.line] = place.text
                if (number, index) in result.reached:
                    reached.add((place.file, place.line))
    never = tuple(
        SourceLine(file, line, lines[file, line].strip())
        for file, line in sorted(lines.keys() - reached)
    )
    idle = tuple(
        rule.name
        for rule, times in zip(program.rules, result.exercised, strict=True)
        if times == 0 and _is_named(rule.name)
    )
    return Coverage(len(lines), len(reached), never, idle)


def _closes_loop(operation: Operation) -> bool:
    """The way back to the head of a loop stands at the head, which was reached long before."""
    text = operation.where.text.lstrip()
    return isinstance(operation, Jump) and text.startswith(("while ", "for "))


def _is_named(name: str) -> bool:
    """A rule about drivers, not one about the limits of integers."""
    return any(name == rule.name for rule in Rule.__subclasses__() if rule.verdict == "violated")
