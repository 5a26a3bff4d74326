"""Tables and JSON of a check."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from report.records import naive
from shootdown.report.check_json import encode_check
from shootdown.report.check_terminal import CheckTable, conclude
from shootdown.report.paint import Paint
from shootdown.scenarios.verdict import (
    CheckResult,
    Coverage,
    ScenarioResult,
    SourceLine,
    Subject,
    Verdict,
    overall,
)

COVERED = Coverage(8, 7, (SourceLine("mine.py", 12, "return"),), ("device-failure",))
SUBJECT = Subject("mine.py:Mine", "6.6", "x86", ("munmap", "fork"))


def scenario(name: str, verdict: Verdict, frames: int = 5) -> ScenarioResult:
    broken = verdict == "violated"
    return ScenarioResult(
        name,
        verdict,
        "freed-frame" if broken else None,
        1234,
        5678,
        9,
        0.5,
        COVERED,
        naive() if broken else None,
        "the limit on states was met" if verdict == "undecided" else None,
        {"pages": 2, "frames": frames, "devices": 1, "cpus": 0},
        1 << 20,
    )


def check(*scenarios: ScenarioResult) -> CheckResult:
    verdict = overall(row.verdict for row in scenarios)
    return CheckResult("mine.py:Mine", "6.6", "x86", "native", verdict, COVERED, scenarios)


def report(result: CheckResult, verbose: bool = False) -> str:
    table = CheckTable(SUBJECT, Paint())
    rows = [table.row(row) for row in result.scenarios]
    return "\n".join([*table.head(), *rows, *table.close(result, verbose)])


def test_report_of_a_driver_that_holds() -> None:
    """Aligned columns; lines never reached; rules never tested; what the verdict rests on."""
    assert report(check(scenario("munmap", "holds"), scenario("fork", "holds", 6))) == (
        "mine.py:Mine on Linux 6.6 (x86)\n"
        "scenario  verdict         states  transitions  depth  seconds  rule\n"
        "munmap    holds            1,234        5,678      9     0.50\n"
        "fork      holds            1,234        5,678      9     0.50\n"
        "\n"
        "1 of 8 lines of the driver never ran in any scenario:\n"
        "  mine.py:12: return\n"
        "\n"
        "never put to the test: device-failure\n"
        "\n"
        "mine.py:Mine on Linux 6.6 holds: no interleaving breaks a rule in all 2 scenarios, each "
        "searched to its end with 2 pages, 5 to 6 page frames, 1 device."
    )


def test_the_first_violation_is_explained() -> None:
    """The others only with --verbose, and the report says so."""
    result = check(scenario("munmap", "violated"), scenario("fork", "violated"))
    brief, long = report(result), report(result, verbose=True)
    assert brief.count("How ") == 1
    assert "--verbose also shows how these break a rule: fork" in brief
    assert long.count("How ") == 2
    assert "--verbose" not in long


def every_rule(name: str, complete: bool) -> ScenarioResult:
    """A scenario that breaks two rules."""
    second = replace(naive(), rule="freed-table", sentence="no walk through a freed table")
    row = scenario(name, "violated")
    return replace(row, counterexamples=(second,), complete=complete)


def test_every_rule_is_explained_once() -> None:
    """With all rules asked for: all names in the row, a run for each rule, the rest on demand."""
    result = check(every_rule("munmap", True), every_rule("fork", True), scenario("mmap", "holds"))
    brief, long = report(result), report(result, verbose=True)
    assert "0.50  freed-frame, freed-table\n" in brief
    assert [line for line in brief.splitlines() if line.startswith("How ")] == [
        "How munmap breaks freed-frame, in 8 steps",
        "How munmap breaks freed-table, in 8 steps",
    ]
    assert "--verbose also shows how these break a rule: fork\n" in brief
    assert long.count("How ") == 4
    assert "2 of 3 scenarios break a rule (freed-frame, freed-table; no other can be" in brief


def test_that_there_may_be_more_rules_is_not_denied() -> None:
    """Only a search that came to its end says that there are no others."""
    result = check(every_rule("munmap", True), every_rule("fork", False))
    assert "break a rule (freed-frame, freed-table), with" in report(result)


def test_undecided_says_why() -> None:
    """Scenarios with one reason share a line, and the verdict does not sound like success."""
    result = check(scenario("munmap", "holds"), scenario("fork", "undecided"))
    shown = report(result)
    assert "undecided: fork: the limit on states was met" in shown
    assert "is undecided: 1 of 2 scenarios could not be decided" in shown
    assert "holds:" not in shown


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        (("holds",), "in its one scenario"),
        (("violated",), "its one scenario breaks a rule (freed-frame)"),
        (("violated", "undecided"), "1 of 2 scenarios breaks a rule (freed-frame); 1 undecided"),
    ],
)
def test_conclusions(verdicts: tuple[Verdict, ...], words: str) -> None:
    """One sentence for each kind of outcome."""
    rows = [scenario(f"s{n}", verdict) for n, verdict in enumerate(verdicts)]
    assert words in conclude(SUBJECT, check(*rows))


def test_json_is_the_records() -> None:
    """`shootdown.check/1`: format first, then the fields of the records, nothing renamed."""
    line = encode_check(check(replace(scenario("munmap", "violated"), seconds=0.25)))
    assert line.startswith(b'{"format":"shootdown.check/1","target":"mine.py:Mine"')
    found = json.loads(line)["scenarios"][0]
    assert found["seconds"] == 0.25
    assert found["counterexample"]["steps"][4]["changes"] == [
        {"what": "device0.tlb[0]", "before": "none", "after": "pfn 1 rw"}
    ]
