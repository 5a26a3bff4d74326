"""Breadth-first search: every state of a program, nearest first, until a rule breaks.

Both engines visit the same states in the same order (actors by index, choices in odometer order),
so verdict, counts and counterexample do not depend on the engine. The first broken check in that
order ends the search, and no counterexample is shorter.

The plain one here keeps a dictionary from packed state to its number. It is for reading, for
tests and for machines without LLVM; `native.search` does the same some hundred times faster.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from shootdown.machine.canonical import Plan, credited, make_plan
from shootdown.machine.checkpoint import Checkpoint, CheckpointError
from shootdown.machine.interpreter import Expansion, Interpreter, Words
from shootdown.machine.liveness.lasso import look_for_loops
from shootdown.machine.liveness.reference import PythonSpace
from shootdown.machine.memory import default_limit
from shootdown.machine.reductions import Reductions
from shootdown.machine.result import (
    DEADLOCK,
    Cut,
    Engine,
    Limits,
    Liveness,
    Progress,
    SearchResult,
    StepTaken,
    Verdict,
)
from shootdown.program.frames import find_frames
from shootdown.program.independence import Independence, find_independence
from shootdown.program.known import KNOWN
from shootdown.program.layout import Layout, make_layout
from shootdown.program.program import Program
from shootdown.program.symmetry import find_families

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shootdown.machine.races import Seen

PROGRESS_SECONDS = 0.2

ProgressHook = Callable[[Progress], None]
NoteHook = Callable[[str], None]


def search(
    program: Program,
    limits: Limits | None = None,
    engine: Engine = "native",
    progress: ProgressHook | None = None,
    note: NoteHook | None = None,
    *,
    workers: int = 1,
    hands: Callable[[], int] | None = None,
    checkpoint: Checkpoint | None = None,
    resume: str | Path | None = None,
    reductions: Reductions | None = None,
    after: Callable[[Seen], None] | None = None,
    liveness: Liveness | None = None,
) -> SearchResult:
    """Search a program. `note` hears about things worth telling a waiting user.

    `workers` threads share a native search; the result is the same for any number of them. With
    `hands`, these are the most, and it tells how many of them may work now. A search
    with a `checkpoint` keeps itself in a file, from which `resume` takes it up again; the result is
    that of a search that was never interrupted (limits count anew, but for states and memory).
    Of the `reductions`, merging was done when the program was compiled. `after` is called with the
    search when it is over, while all states are still there.

    With `liveness`, a search that held goes on and looks for runs that never get anything done
    (`machine.liveness`). With this or `after` no state stands for another one, and none is left
    out: symmetry and partial order are off.

    With partial order the run to what is broken need not be a shortest one; `scenarios.check`
    searches again without it.

    Raises:
        CheckpointError: if a checkpoint cannot be read, is damaged, belongs to another program or
            cannot be written.
    """
    chosen = reductions or Reductions()
    layout = make_layout(program, keep_dead=not chosen.dead_variables)
    alike = chosen.symmetry and after is None and liveness is None
    plan = _alike(program, layout) if alike else None
    in_order = chosen.partial_order and after is None and liveness is None
    independence = find_independence(program) if in_order else None
    if engine == "python":
        if checkpoint or resume:
            raise CheckpointError(
                "the python engine keeps no checkpoints", "use --engine native, or no checkpoint"
            )
        plain = PythonSearch(program, limits or Limits(), layout, plan, independence)
        result = plain.run(progress)
        if after:
            after(plain)
        if liveness is None or not _is_due(program, result):
            return result
        return plain.look_for_loops(result, liveness)
    from shootdown.machine.native.search import NativeSearch

    with NativeSearch(
        program,
        limits or Limits(),
        layout,
        plan,
        note=note,
        independence=independence,
        workers=workers,
        hands=hands,
        checkpoint=checkpoint,
        resume=resume,
    ) as native:
        result = native.run(progress)
        if after:
            after(native)
        if liveness is None or not _is_due(program, result):
            return result
        from shootdown.machine.native.space import look_for_native_loops

        return look_for_native_loops(native, result, liveness, progress)


def _is_due(program: Program, found: SearchResult) -> bool:
    """Whether loops can be looked at. A run that breaks a rule ends there, so of a program that
    breaks one nothing is known about what comes after."""
    past_a_rule = any(rule.verdict == KNOWN for rule in program.rules)
    return found.verdict == "holds" and not past_a_rule


def _alike(program: Program, layout: Layout) -> Plan | None:
    """How to keep one of the states that differ in who is who."""
    return make_plan(program, layout, find_families(program), find_frames(program))


def distinct_starts(interpreter: Interpreter) -> dict[Words, int]:
    """The different initial states, as a search keeps them, in order, each with the first of
    `initials` that gives it."""
    starts: dict[Words, int] = {}
    for index, words in enumerate(interpreter.initial_states()):
        starts.setdefault(interpreter.form(words), index)
    return starts


def retrace(
    interpreter: Interpreter, trail: Sequence[Words], ends_broken: bool
) -> tuple[tuple[StepTaken, ...], int | None]:
    """The steps that lead along a trail of states, and the rule that the last state then breaks.

    A search stores only parents. Its first step to a state it did not know is the first successor
    of the parent that equals it, so looking again finds the very step. Where the states of a trail
    are canonical forms, the run starts at the first start with the first form, and each step is the
    first that leads to a state with the next form: there is one, because states with the same form
    have the same steps but for names. So what comes out is a run of the program itself. One that
    needs more page frames than there are ends where they run out, which breaks another rule.
    """
    if interpreter.independence:
        trail = _unfolded(interpreter, trail, ends_broken)
    starts = interpreter.initial_states() if interpreter.plan else trail
    state = next(words for words in starts if interpreter.form(words) == trail[0])
    path: list[StepTaken] = []
    for form in trail[1:]:
        steps = list(interpreter.steps(state))
        going = (s for s in steps if s.broken is None and interpreter.form(s.words) == form)
        found = next(going, None)
        if found is None:  # frames that a form counts as fresh were used up: a larger machine
            last = next(s for s in steps if s.broken is not None)
            return (*path, last.step), last.broken
        path.append(found.step)
        state = found.words
    if not ends_broken:
        return tuple(path), None
    last = next(s for s in interpreter.steps(state) if s.broken is not None)
    return (*path, last.step), last.broken


def _unfolded(interpreter: Interpreter, trail: Sequence[Words], ends_broken: bool) -> list[Words]:
    """A trail with the states in between, where several steps were taken at once."""
    states = [trail[0]]
    for before, after in pairwise(trail):
        successors = interpreter.successors(before)
        found = next(s for s in successors if interpreter.form(s.words) == after)
        states += [*found.through, after]
    if ends_broken:
        states += interpreter.successors(trail[-1])[-1].through
    return states


def judge(program: Program, rule: int | None) -> tuple[Verdict, str]:
    """Verdict and rule name of a broken check; None stands for a deadlock."""
    if rule is None:
        return "violated", DEADLOCK
    broken = program.rules[rule]
    return ("widen" if broken.verdict == "widen" else "violated"), broken.name


class PythonSearch:
    """A search over the interpreter: `run` it once, then `packed_states` holds what it saw."""

    def __init__(
        self,
        program: Program,
        limits: Limits,
        layout: Layout | None = None,
        plan: Plan | None = None,
        independence: Independence | None = None,
    ) -> None:
        self.program = program
        self.limits = limits
        self.interpreter = Interpreter(program, layout, plan, independence)
        self._memory_limit = default_limit() if limits.memory is None else limits.memory
        self._state_bytes = 200 + 40 * self.interpreter.layout.words
        self._numbers: dict[Words, int] = {}
        self._queue: list[Words] = []
        self._parents: list[int] = []
        self._transitions = 0
        self._depth = 0
        self._reached: set[tuple[int, int]] = set()
        self._checked: Counter[int] = Counter()
        self._cut: Cut | None = None
        self._tell_at = PROGRESS_SECONDS
        self._told = 0

    def packed_states(self) -> set[Words]:
        """The states found, each as its words."""
        return set(self._numbers)

    def states_in_order(self) -> list[Words]:
        """The states found, in the order of finding."""
        return list(self._queue)

    def rows(self, start: int = 0, stop: int | None = None) -> NDArray[np.uint64]:
        """The states found, or some, in the order of finding: a row of words each."""
        import numpy as np

        return np.array(self._queue[start:stop], np.uint64).reshape(
            -1, self.interpreter.layout.words
        )

    def run_to(self, number: int) -> tuple[tuple[StepTaken, ...], int]:
        """A shortest run to a state: its steps, and the start as an index of `initials`."""
        root, trail = self._trail(number)
        path, _ = retrace(self.interpreter, trail, ends_broken=False)
        return path, list(distinct_starts(self.interpreter).values())[root]

    def run(self, progress: ProgressHook | None = None) -> SearchResult:
        """Search until a rule breaks, a limit is met, or nothing is left."""
        began = time.monotonic()
        starts = distinct_starts(self.interpreter)
        for words in starts:
            self._insert(words, -1)
        if progress:
            progress(self._progress(len(self._queue), len(self._queue), 0, 0.0))
        end: tuple[int, int | None] | None = None
        for head, depth in self._levels():
            self._report(progress, head, depth, began)
            end = self._expand(head, depth)
            if end or self._cut:
                break
        return self._result(end, tuple(starts.values()), time.monotonic() - began)

    def _levels(self) -> Iterator[tuple[int, int]]:
        """(number, depth) of every state in the order of finding, while more are being found."""
        head = depth = 0
        while head < len(self._queue):
            level_end = len(self._queue)
            for number in range(head, level_end):
                yield number, depth
            head, depth = level_end, depth + 1

    def _report(self, progress: ProgressHook | None, head: int, depth: int, began: float) -> None:
        """Every few states: tell, and look at the clock."""
        if head % 256:
            return
        seconds = time.monotonic() - began
        if self.limits.seconds is not None and seconds >= self.limits.seconds:
            self._cut = "seconds"
        if progress and seconds >= self._tell_at:
            since = seconds - self._tell_at + PROGRESS_SECONDS
            count, rate = len(self._queue), (len(self._queue) - self._told) / since
            self._tell_at, self._told = seconds + PROGRESS_SECONDS, count
            progress(self._progress(count, count - head, depth, seconds, rate))

    def _progress(
        self, count: int, queue: int, depth: int, seconds: float, rate: float = 0.0
    ) -> Progress:
        most = self._memory_limit // self._state_bytes
        return Progress(
            count,
            queue,
            depth,
            seconds,
            memory=count * self._state_bytes,
            rate=rate,
            memory_limit=self._memory_limit,
            state_bytes=self._state_bytes,
            most_states=most if self.limits.states is None else min(most, self.limits.states),
        )

    def _expand(self, head: int, depth: int) -> tuple[int, int | None] | None:
        """Insert the successors of a state; where the search ends: this state, and the rule."""
        if self._cut:
            return None
        expansion = self.interpreter.expand(self._queue[head])
        self._account(expansion)
        for successor in expansion.successors:
            self._transitions += 1
            if successor.broken is not None:
                return head, successor.broken
            if self._insert(self.interpreter.form(successor.words), head):
                self._depth = depth + 1
            if self._cut:
                return None
        return (head, None) if expansion.deadlock else None

    def _account(self, expansion: Expansion) -> None:
        for actor, outcome in expansion.attempts:
            self._reached.update((actor, index) for index in outcome.reached)
            self._checked.update(outcome.checked)

    def _insert(self, words: Words, parent: int) -> bool:
        """Whether the state was new and there was room for it."""
        count = len(self._queue)
        if words in self._numbers:
            return False
        if self.limits.states is not None and count >= self.limits.states:
            self._cut = "states"
            return False
        if (count + 1) * self._state_bytes > self._memory_limit:
            self._cut = "memory"
            return False
        self._numbers[words] = count
        self._queue.append(words)
        self._parents.append(parent)
        return True

    def _result(
        self, end: tuple[int, int | None] | None, starts: tuple[int, ...], seconds: float
    ) -> SearchResult:
        verdict: Verdict = "undecided" if self._cut else "holds"
        rule, start = None, next(iter(starts), 0)
        path: tuple[StepTaken, ...] = ()
        if end:
            root, trail = self._trail(end[0])
            path, broken = retrace(self.interpreter, trail, end[1] is not None)
            verdict, rule = judge(self.program, broken)
            start = starts[root]
        return SearchResult(
            verdict,
            rule,
            states=len(self._queue),
            transitions=self._transitions,
            depth=max(self._depth, len(path)),
            seconds=seconds,
            path=path,
            start=start,
            reached=credited(self.interpreter.plan, frozenset(self._reached)),
            exercised=tuple(self._checked[r] for r in range(len(self.program.rules))),
            cut=self._cut,
            reason=f"the limit on {self._cut} was met" if self._cut else None,
            memory=len(self._queue) * self._state_bytes,
            engine="python",
        )

    def look_for_loops(self, found: SearchResult, liveness: Liveness) -> SearchResult:
        """What a search that held says once its loops have been looked at."""
        began = time.monotonic()
        left = None if self.limits.seconds is None else self.limits.seconds - found.seconds
        room = self._memory_limit - len(self._queue) * self._state_bytes
        space = PythonSpace(self, self._queue, room, None if left is None else began + left)
        judged = look_for_loops(self.program, space, found, liveness)
        return replace(judged, seconds=found.seconds + time.monotonic() - began)

    def _trail(self, number: int) -> tuple[int, list[Words]]:
        """The states from a start to this one, and the number of that start."""
        trail = [self._queue[number]]
        while self._parents[number] >= 0:
            number = self._parents[number]
            trail.append(self._queue[number])
        return number, trail[::-1]
