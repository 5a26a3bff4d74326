"""The table of states in the documentation is the one that the benchmark prints."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.reductions import heading, rows_of

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reductions.md"


@pytest.mark.parametrize("operation", ["read_fault", "mprotect"])
@pytest.mark.parametrize("driver", ["kvm", "sva", "invalidate-range"])
def test_rows_are_those_of_the_document(driver: str, operation: str) -> None:
    """Exact counts in every configuration; the others are made by the same lines."""
    lines = DOCUMENT.read_text("utf-8").splitlines()
    assert "\n".join(heading().splitlines()) in "\n".join(lines)
    (row,) = rows_of(driver, operation)
    assert str(row) in lines
