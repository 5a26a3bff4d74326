"""What a check found, as plain records: the verdict, and what it rests on.

Field names are those of the JSON format `shootdown.check/1`; `report.check_json` adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

Verdict = Literal["holds", "violated", "undecided"]


@dataclass(frozen=True, slots=True)
class Change:
    """One piece of state that a step changed, in words."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A piece of state that a step looked at, and what it saw."""

    what: str
    value: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a counterexample: who, where in the source, what it saw and what changed."""

    actor: str
    file: str
    line: int
    column: int
    function: str
    text: str
    choices: tuple[str, ...]
    """`page = 1`, for a step that could have chosen otherwise"""
    reads: tuple[Reading, ...]
    changes: tuple[Change, ...]
    unchanged: tuple[Reading, ...] = ()
    """what it wrote that had this value before"""
    relevant: bool = True
    """whether the last step could have been another without it (`scenarios.relevance`)"""
    taken: tuple[int, ...] = ()
    """which way it took each time it could have taken another, counted from 0"""


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of the driver or model."""

    file: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a run comes from: with the steps, all that is needed to take it again."""

    case: Mapping[str, object]
    """what the case is made of, beside target and kernel (`Case.recipe`)"""
    start: int
    """the number of the start among those of the case"""
    program: str
    """fingerprint of what was searched, without the places in the source"""
    sources: Mapping[str, str]
    """SHA-256 of every file in which the target is written"""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A shortest run that breaks a rule. The last step breaks it."""

    rule: str
    sentence: str
    start: tuple[Change, ...]
    """what the state holds at the beginning; `before` is empty"""
    steps: tuple[Step, ...]
    held: tuple[str, ...]
    """what the last actor held in registers when it broke the rule; or who waits for what, at a
    deadlock and beside a loop"""
    broken_at: SourceLine | None = None
    """the line of the user that broke the rule, if it is another than where the last step began"""
    origin: Origin | None = None
    """None for a run that is more than its steps: a data race, a loop"""
    loop: int | None = None
    """where in `steps` the steps begin that go on for ever, in a run that gets nowhere"""


@dataclass(frozen=True, slots=True)
class RacePlace:
    """One of the two accesses of a data race."""

    actor: str
    access: Literal["reads", "writes"]
    marked: bool
    """made for concurrency: atomic, READ_ONCE, WRITE_ONCE, a wait, hardware"""
    file: str
    line: int
    column: int
    function: str
    text: str


@dataclass(frozen=True, slots=True)
class DataRace:
    """Two places that can touch the same state at the same time, one to write, one plainly."""

    what: str
    """`mm.pte[1]`, in the run shown"""
    first: RacePlace
    second: RacePlace
    run: Counterexample
    """a shortest one to where both are next"""


@dataclass(frozen=True, slots=True)
class BranchCoverage:
    """A condition of the driver or model, and which ways it ever went."""

    file: str
    line: int
    column: int
    text: str
    true: bool
    false: bool


@dataclass(frozen=True, slots=True)
class ProfileLine:
    """What a line of source costs a search (`scenarios.profile`)."""

    file: str
    line: int
    text: str
    steps: int
    """tried that begin here"""
    operations: int
    """executed"""
    share: float
    """of the time of the search, estimated"""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the driver or model was exercised."""

    lines: int
    reached: int
    never: tuple[SourceLine, ...]
    """lines that no run reached"""
    idle_rules: tuple[str, ...]
    """rules that no run ever put to the test"""
    branches: tuple[BranchCoverage, ...] = ()
    """every condition, with the ways it went; part of one that is known beforehand is none"""

    @property
    def one_way(self) -> tuple[BranchCoverage, ...]:
        """Conditions that were reached and always came out the same."""
        return tuple(branch for branch in self.branches if branch.true != branch.false)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a check is about, known before it starts. A model has no kernel and no architecture."""

    target: str
    kernel: str | None
    arch: str | None
    scenarios: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """The outcome for one set of operations, or for a model."""

    name: str
    verdict: Verdict
    rule: str | None
    states: int
    transitions: int
    depth: int
    seconds: float
    """of the search"""
    covered: Coverage
    counterexample: Counterexample | None
    reason: str | None
    """why a scenario is undecided, or what its holding does not cover"""
    size: Mapping[str, int]
    """`pages: 2`: how large what was searched is"""
    memory: int
    """bytes"""
    complete: bool = False
    """whether nothing more can be found: all was seen, past every broken rule if rules broke"""
    counterexamples: tuple[Counterexample, ...] = ()
    """of further rules, in the order of finding, if all were asked for"""
    races: tuple[DataRace, ...] | None = None
    """one for each pair of places in the source; None if nobody asked"""
    profile: tuple[ProfileLine, ...] | None = None
    """what each line of source costs; None if nobody asked"""
    liveness: Literal["system", "each"] | None = None
    """who was asked to get something done in runs that go on for ever: somebody, or everybody; None
    if nobody was, or if another rule broke before"""

    @property
    def broken(self) -> tuple[Counterexample, ...]:
        """A run for each rule found broken."""
        first = () if self.counterexample is None else (self.counterexample,)
        return (*first, *self.counterexamples)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome for one driver on one kernel, or for one model."""

    target: str
    kernel: str | None
    arch: str | None
    engine: str
    verdict: Verdict
    covered: Coverage
    scenarios: tuple[ScenarioResult, ...]

    @property
    def subject(self) -> Subject:
        """What the check was about."""
        return Subject(self.target, self.kernel, self.arch, tuple(s.name for s in self.scenarios))


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """Violated if anything is; holds only if everything does."""
    found = set(verdicts)
    if "violated" in found:
        return "violated"
    return "holds" if found == {"holds"} else "undecided"


def merge_coverage(rows: Iterable[Coverage]) -> Coverage:
    """Coverage of several scenarios together: a line counts if one of them reached it.

    A scenario without lines was not searched at all, and says nothing about what it missed.
    """
    rows = [row for row in rows if row.lines]
    if not rows:
        return Coverage(0, 0, (), ())
    never = set(rows[0].never).intersection(*(row.never for row in rows[1:]))
    idle = set(rows[0].idle_rules).intersection(*(row.idle_rules for row in rows[1:]))
    lines = max(row.lines for row in rows)
    ordered = tuple(sorted(never, key=lambda line: (line.file, line.line)))
    branches = _merge_branches(branch for row in rows for branch in row.branches)
    return Coverage(lines, lines - len(ordered), ordered, tuple(sorted(idle)), branches)


def _merge_branches(branches: Iterable[BranchCoverage]) -> tuple[BranchCoverage, ...]:
    """Each once; a way counts if one of them went it."""
    found: dict[tuple[str, int, int, str], BranchCoverage] = {}
    for branch in branches:
        key = (branch.file, branch.line, branch.column, branch.text)
        so_far = found.get(key, branch)
        true, false = so_far.true or branch.true, so_far.false or branch.false
        found[key] = replace(branch, true=true, false=false)
    return tuple(found[key] for key in sorted(found))
