"""What each line of source costs, told by both engines, in records, as a table and in JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from shootdown.report.check_json import encode_check
from shootdown.report.check_terminal import describe_check
from shootdown.report.paint import Paint
from shootdown.scenarios.check import check_case, check_request, summarise
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.model_request import ModelCase, ModelRequest

from .conditions import OneWay


def test_lines_of_a_model() -> None:
    """Steps and operations of every line are exact and do not depend on the engine; shares are
    parts of one."""
    native, python = (
        check_case(ModelCase(OneWay), Effort(engine, profile=True)).profile or ()
        for engine in ("native", "python")
    )
    assert [replace(row, share=0.0) for row in native] == [
        replace(row, share=0.0) for row in python
    ]
    by_line = {row.line: (row.steps, row.operations) for row in native}
    assert by_line[18][0] > 0
    assert sum(row.share for row in native) == pytest.approx(1.0)
    assert all(row.share >= 0 for row in native)


def test_it_changes_nothing_else() -> None:
    """The counts of a profiled search are those of the search without the reductions it needs."""
    plain = check_case(ModelCase(OneWay), Effort())
    profiled = check_case(ModelCase(OneWay), Effort(profile=True))
    assert plain.profile is None
    assert plain.verdict == profiled.verdict == "holds"
    assert plain.covered == profiled.covered


def test_the_report() -> None:
    """A table of the dearest lines, and all of them in JSON."""
    question = ModelRequest(OneWay, "OneWay", Effort(profile=True))
    result = summarise(question, list(check_request(question)))
    report = list(describe_check(result, Paint()))
    at = report.index("Where the steps are (counts are exact; time is divided by them)")
    assert report[at + 1].split() == ["time", "steps", "operations", "line"]
    assert any("conditions.py:18: while self.turn < 2:" in line for line in report[at + 2 :])
    (scenario,) = json.loads(encode_check(result))["scenarios"]
    assert {"file", "line", "text", "steps", "operations", "share"} == set(scenario["profile"][0])
