"""docs/language.md: its example is a model, and its table of refusals leaves nothing out."""

from __future__ import annotations

import re
from pathlib import Path

from .models import counts, load, program_of

TEXT = (Path(__file__).parents[2] / "docs" / "language.md").read_text(encoding="utf-8")


def test_example() -> None:
    """The example compiles; under its lock it is one step."""
    (block,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    tally = load(block)["Tally"]()
    assert counts(program_of(tally.run, tally.run)) == ("holds", 4, 4)


def test_every_builtin_is_named() -> None:
    """The builtins that Python computes are those the document lists."""
    from shootdown.lang.builtins import STATIC_CALLS

    listed = re.search(r"Python itself computes `(.*?)`", TEXT, re.DOTALL)
    assert listed is not None
    assert listed[1].split() == [builtin.__name__ for builtin in STATIC_CALLS]
