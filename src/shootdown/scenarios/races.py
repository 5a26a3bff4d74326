"""Data races, on request, as one rule more: found by `machine.races`, told here in words.

A race breaks the rule `data-race`. Another broken rule comes first: it ends the search, and the
races are those among the states seen until then.
"""

from __future__ import annotations

from dataclasses import replace

from shootdown.machine.next_access import Touch
from shootdown.machine.races import Race, Seen, find_races
from shootdown.machine.reductions import Reductions
from shootdown.program.program import Program
from shootdown.scenarios.timeline import explain_meeting
from shootdown.scenarios.verdict import Counterexample, DataRace, RacePlace, ScenarioResult

DATA_RACE = "data-race"
SENTENCE = "no plain access meets another one to the same state, unless both only read"


class RaceHunt:
    """What a search calls when it is over."""

    def __init__(self) -> None:
        self.races: tuple[Race, ...] = ()

    def __call__(self, seen: Seen) -> None:
        self.races = find_races(seen)

    def explain(self, program: Program) -> tuple[DataRace, ...]:
        """The races in words, the shortest run first."""
        return tuple(_explain(program, race) for race in self.races)


def all_states(reductions: Reductions) -> Reductions:
    """Reductions that keep every state in which two actors are about to touch the same thing:
    merging (`machine.races` says why) and dead registers, since the index of an access is alive."""
    return replace(
        Reductions.none(), merge=reductions.merge, dead_variables=reductions.dead_variables
    )


def with_races(result: ScenarioResult, races: tuple[DataRace, ...]) -> ScenarioResult:
    """A result with the races of its search; the first of them decides where nothing else did."""
    if not races or result.verdict == "violated":
        return replace(result, races=races)
    run = races[0].run
    return replace(
        result, verdict="violated", rule=DATA_RACE, counterexample=run, races=races, reason=None
    )


def _explain(program: Program, race: Race) -> DataRace:
    touches = race.first, race.second
    what = program.variables[race.first.variable].label(race.first.element)
    first, second = (_place(program, touch) for touch in touches)
    begin, steps = explain_meeting(program, race.path, race.start, [t.actor for t in touches])
    held = tuple(f"{p.actor} {p.access} {what} next, at {p.file}:{p.line}" for p in (first, second))
    return DataRace(what, first, second, Counterexample(DATA_RACE, SENTENCE, begin, steps, held))


def _place(program: Program, touch: Touch) -> RacePlace:
    actor = program.actors[touch.actor]
    where = actor.code[touch.index].where
    return RacePlace(
        actor.name,
        "writes" if touch.write else "reads",
        touch.marked,
        where.file,
        where.line,
        where.column + 1,
        where.function,
        where.text.strip(),
    )
