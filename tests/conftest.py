"""What every test lives in."""

from __future__ import annotations

import pytest

from everyday import OPERATIONS
from shootdown.scenarios import question


@pytest.fixture(autouse=True)
def few_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that names no operation takes these few instead of all: what tests of a command are
    about is the same for any, and most of them run one or more whole checks.

    `tests/scenarios/test_question.py` sees to it that it is all of them otherwise.
    """
    monkeypatch.setattr(question, "OPERATIONS", {each.name: each for each in OPERATIONS})
