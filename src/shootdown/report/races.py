"""Data races as a list: both places, one below the other, and where each pair was met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shootdown.report.paint import Paint
from shootdown.scenarios.verdict import DataRace, RacePlace, ScenarioResult


def describe_races(results: Sequence[ScenarioResult], paint: Paint) -> Iterator[str]:
    """Every pair of places once, though several scenarios meet it. Nothing if nobody asked."""
    asked = [result for result in results if result.races is not None]
    if not asked:
        return
    yield ""
    met = _by_places(asked)
    if not met:
        yield "No data race was found."
        return
    yield paint.strong(f"Data races, {len(met)} {'pair' if len(met) == 1 else 'pairs'} of places")
    for rows in met.values():
        race, _ = rows[0]
        scenarios = ", ".join(dict.fromkeys(name for _, name in rows))
        steps = len(race.run.steps)
        yield ""
        yield f"  {race.what}, after {steps} {'step' if steps == 1 else 'steps'} of {scenarios}"
        for place in (race.first, race.second):
            marked = ", marked" if place.marked else ""
            at = paint.faint(f"{place.file}:{place.line}:{place.column}")
            yield f"    {place.actor} {place.access}{marked}  {at}"
            yield f"        {place.text}"


Met = list[tuple[DataRace, str]]


def _by_places(results: Sequence[ScenarioResult]) -> dict[object, Met]:
    """The races and the names of their scenarios, by pair of places, in the order of finding."""
    found: dict[object, Met] = {}
    for result in results:
        for race in result.races or ():
            what = race.what.partition("[")[0]
            pair = frozenset((_where(race.first), _where(race.second)))
            found.setdefault((what, pair), []).append((race, result.name))
    return found


def _where(place: RacePlace) -> tuple[str, int, int]:
    return place.file, place.line, place.column
