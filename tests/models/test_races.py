"""Data races: which places, how short the run, and what decides the verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

import shootdown
from shootdown.machine.result import Engine
from shootdown.scenarios.verdict import DataRace

from . import racing

Short = tuple[str, str, str, int]


def races_of(model: type[shootdown.Model], **options: object) -> list[DataRace]:
    """The races of the one scenario of a model."""
    (scenario,) = shootdown.check(model, races=True, **options).scenarios
    assert scenario.races is not None
    return list(scenario.races)


def short(race: DataRace) -> Short:
    """`n: w r, 1 step`; marked accesses in capitals."""
    one, two = (
        place.access[0].upper() if place.marked else place.access[0]
        for place in (race.first, race.second)
    )
    return race.what, one, two, len(race.run.steps)


EXPECTED: dict[type[shootdown.Model], list[Short]] = {
    racing.Plain: [("n", "w", "r", 1)],
    racing.Locked: [],
    racing.HalfLocked: [("n", "w", "r", 2)],
    racing.ReadLocked: [("n", "w", "r", 3)],
    racing.OneWriteLocked: [],
    racing.Marked: [],
    racing.HalfMarked: [("n", "W", "r", 1)],
    racing.Counted: [],
    racing.CountedAndRead: [("n", "W", "r", 0)],
    racing.Declared: [],
    racing.OnlyRead: [],
    racing.OwnElements: [],
    racing.OthersElements: [("cells[0]", "w", "w", 0), ("cells[0]", "r", "w", 1)],
    racing.OnlyJudged: [],
    racing.HandOver: [],
    racing.HandOverTooEarly: [("data", "w", "w", 2)],
    racing.HandOverPlainly: [("ready", "w", "R", 1)],
    racing.Hardware: [],
    racing.HardwareElsewhere: [],
    racing.HardwareLedThere: [("table[1]", "w", "R", 1)],
    racing.Sections: [],
}


def test_every_twin_is_judged() -> None:
    """A new twin needs its row."""
    found = {value for value in vars(racing).values() if isinstance(value, type)}
    models = {each for each in found if each.__module__ == racing.__name__}
    assert models == {*EXPECTED, racing.MarksALocalName}


@pytest.mark.parametrize("engine", ["native", "python"])
@pytest.mark.parametrize("model", EXPECTED, ids=lambda model: model.__name__)
def test_twins(model: type[shootdown.Model], engine: Engine) -> None:
    """Exactly these races, on either engine; merged or not it is the same places."""
    found = races_of(model, engine=engine)
    assert [short(race) for race in found] == EXPECTED[model]
    unmerged = races_of(model, engine=engine, merge=False)
    assert {short(race)[:3] for race in unmerged} == {row[:3] for row in EXPECTED[model]}


def test_both_places() -> None:
    """A race names file, line, column and text of both accesses, and who makes them."""
    (race,) = races_of(racing.CountedAndRead)
    lines = Path(racing.__file__).read_text(encoding="utf-8").splitlines()
    for place, actor, text in ((race.first, "adder0", "atomic_inc(self.n)"),
                               (race.second, "adder1", "seen = self.n")):  # fmt: skip
        assert place.file.endswith("tests/models/racing.py")
        assert place.actor == actor
        assert place.text.startswith(text)
        assert lines[place.line - 1][place.column - 1 :].startswith(text.removeprefix("seen = "))


def test_only_on_request() -> None:
    """A data race breaks a rule only for who asks; asked, it is the rule `data-race`."""
    (silent,) = shootdown.check(racing.Plain).scenarios
    assert (silent.verdict, silent.rule, silent.races) == ("holds", None, None)
    (asked,) = shootdown.check(racing.Plain, races=True).scenarios
    assert (asked.verdict, asked.rule) == ("violated", "data-race")
    assert asked.counterexample == asked.races[0].run
    (without,) = shootdown.check(racing.Locked, races=True).scenarios
    assert (without.verdict, without.races) == ("holds", ())


def test_cut_search() -> None:
    """A race that was seen is one, even if the search was cut; none seen proves nothing."""
    (seen,) = shootdown.check(racing.Plain, races=True, states=2).scenarios
    assert (seen.verdict, len(seen.races)) == ("violated", 1)
    (unseen,) = shootdown.check(racing.Plain, races=True, states=1).scenarios
    assert (unseen.verdict, unseen.races) == ("undecided", ())


def test_another_rule_comes_first() -> None:
    """Where another rule breaks, it decides, and races seen until then are listed."""

    (scenario,) = shootdown.check("examples/models/01_peterson_polite_too_early.py",
                                  races=True).scenarios  # fmt: skip
    assert scenario.rule == "assertion"
    assert {race.what for race in scenario.races} == {"turn", "wants[0]", "wants[1]", "inside"}
    (all_of_them,) = shootdown.check(
        "examples/models/01_peterson_polite_too_early.py", races=True, all_rules=True
    ).scenarios
    assert [found.rule for found in all_of_them.broken] == ["assertion", "range", "data-race"]


def test_report() -> None:
    """Both places one below the other, and the run to where they meet."""
    text = str(shootdown.check(racing.HandOverTooEarly, races=True))
    assert "data, after 2 steps of HandOverTooEarly" in text
    assert "producer writes  " in text
    assert "consumer writes  " in text
    assert "How HandOverTooEarly breaks data-race, in 2 steps" in text
    assert "No data race was found." in str(shootdown.check(racing.HandOver, races=True))
    assert "data race" not in str(shootdown.check(racing.HandOver))


def test_what_can_be_marked() -> None:
    """State can, declared or accessed so; locks and local names cannot."""
    with pytest.raises(TypeError, match="Atomic takes a kind of state"):
        shootdown.Atomic(shootdown.Mutex())
    with pytest.raises(shootdown.ModelError) as caught:
        shootdown.check(racing.MarksALocalName)
    assert "`WRITE_ONCE` needs to be told the state, not its value" in str(caught.value)
