"""Searching a model by hand, for tests that compare two searches."""

from __future__ import annotations

from dataclasses import replace

from shootdown.lang.model import Model
from shootdown.machine.reductions import Reductions
from shootdown.machine.result import SearchResult
from shootdown.machine.search import search
from shootdown.scenarios.check import check_case
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.model_request import ModelCase

Row = tuple[str, str | None, int, int, int]
"""verdict, rule, states, transitions, steps of the counterexample"""


FULL = replace(Reductions.none(), merge=True, dead_variables=True)
"""every state, but steps as large as they are documented to be"""


def row(model: type[Model], reductions: Reductions = FULL) -> Row:
    """What a check says about a model."""
    case = ModelCase(model, merged=reductions.merge)
    result = check_case(case, Effort(reductions=reductions))
    steps = len(result.counterexample.steps) if result.counterexample else 0
    return result.verdict, result.rule, result.states, result.transitions, steps


def check_engines_agree(model: type[Model]) -> None:
    """Same verdict, rule, states, transitions, depth, path, reached operations and exercise."""
    program = ModelCase(model).program()
    native, plain = (search(program, engine=engine) for engine in ("native", "python"))
    assert without_cost(native) == without_cost(plain)


def without_cost(result: SearchResult) -> SearchResult:
    """What both engines must agree on."""
    return replace(result, seconds=0.0, memory=0, engine="python")


def models_in(names: dict[str, object]) -> dict[str, type[Model]]:
    """The models that a module defines or imports."""
    return {
        name: found
        for name, found in names.items()
        if isinstance(found, type) and issubclass(found, Model) and found is not Model
    }
