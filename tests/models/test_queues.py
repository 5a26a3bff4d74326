"""A queue keeps order, says when it is full, and loses elements to a second producer."""

from __future__ import annotations

import pytest

from shootdown.machine.reductions import Reductions

from . import queues
from .searching import Row, check_engines_agree, models_in, row

MODELS = models_in(vars(queues))
COUNTS: dict[str, Row] = {
    "Pipe": ("holds", None, 94, 154, 0),
    "PipeOverflows": ("violated", "deadlock", 89, 145, 22),
    "TwoProducers": ("holds", None, 4, 4, 0),
    "TwoProducersRace": ("violated", "assertion", 40, 59, 9),
    "TwoProducersInHardware": ("holds", None, 11, 14, 0),
    "Conversation": ("holds", None, 109, 202, 0),
    "SkipsNothing": ("violated", "assertion", 5, 6, 2),
    "Reset": ("holds", None, 2, 1, 0),
}


def test_every_model_is_counted() -> None:
    """A new model needs its row here."""
    assert list(MODELS) == list(COUNTS)


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name: str) -> None:
    """Exact; no other verdict when every access is a step of its own, or with all reductions."""
    assert row(MODELS[name]) == COUNTS[name]
    assert row(MODELS[name], Reductions.none())[:2] == COUNTS[name][:2]
    assert row(MODELS[name], Reductions())[:2] == COUNTS[name][:2]


@pytest.mark.parametrize("name", COUNTS)
def test_engines_agree(name: str) -> None:
    """Same verdict, rule, states, transitions, depth, path, reached operations and exercise."""
    check_engines_agree(MODELS[name])
