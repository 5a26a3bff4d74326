"""Where a run comes from: the case, the start, and what driver and model were at the time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from shootdown.lang.source import PACKAGE
from shootdown.machine.fingerprint import fingerprint
from shootdown.machine.result import SearchResult
from shootdown.program.layout import make_layout
from shootdown.program.program import Program
from shootdown.scenarios.case import Case
from shootdown.scenarios.verdict import Origin, ScenarioResult


def with_origin(
    row: ScenarioResult, case: Case, program: Program, result: SearchResult
) -> ScenarioResult:
    """The result with what it takes to take its counterexample again."""
    if row.counterexample is None or row.counterexample.loop is not None:
        return row
    origin = Origin(case.recipe, result.start, identify(program), hash_sources(case.files))
    return replace(row, counterexample=replace(row.counterexample, origin=origin))


def identify(program: Program) -> str:
    """The fingerprint of a program, in letters and digits."""
    return fingerprint(program, make_layout(program)).hex()


def hash_sources(files: Iterable[str]) -> Mapping[str, str]:
    """SHA-256 of files named as reports name them; one that cannot be read has none."""
    found = {}
    for file in sorted(files):
        path = PACKAGE.parent / file if file.startswith(f"{PACKAGE.name}/") else Path(file)
        try:
            found[file] = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:
            continue
    return found
