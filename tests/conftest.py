"""What every test lives in."""

from __future__ import annotations

import os

import pytest

from everyday import OPERATIONS
from shootdown.scenarios import question


def pytest_configure(config: pytest.Config) -> None:
    """Commands that tests start find compiled sources, also where none may be kept beside the
    sources: compiling them takes longer than most of these commands."""
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        place = config.rootpath / ".pytest_cache" / "bytecode"
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(place))


@pytest.fixture(autouse=True)
def few_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that names no operation takes these few instead of all: what tests of a command are
    about is the same for any, and most of them run one or more whole checks.

    `tests/scenarios/test_question.py` sees to it that it is all of them otherwise.
    """
    monkeypatch.setattr(question, "OPERATIONS", {each.name: each for each in OPERATIONS})
