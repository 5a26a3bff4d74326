"""A pytest file that pins a run: `--write-test`.

It holds two kinds of tests. One takes the very steps of the run again, in a few milliseconds; it
fails as long as they break a rule, and says so with the timeline. That a changed driver passes it
means little, since any change shifts the steps. So the other checks the scenario in full: only a
driver that is right passes that. Both fail on the driver that the run was found on. A test that
passed while the bug is there would be in the way of whoever fixes it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, fields
from pathlib import Path

from shootdown.report.paint import Paint
from shootdown.report.timeline import draw
from shootdown.scenarios.saved_run import Recipe, SavedRun, runs_of
from shootdown.scenarios.verdict import CheckResult

WIDTH = 96


def write_test(checks: Sequence[CheckResult], command: str, folder: Path) -> str:
    """The text of a test file in this folder, for every run that was found; empty if none was."""
    found = [(check, run) for check in checks for run in runs_of(check)]
    if not found:
        return ""
    return "\n".join([*_head(checks, command), *_tests(found, folder), ""])


def _head(checks: Sequence[CheckResult], command: str) -> Iterator[str]:
    yield '"""Runs that broke a rule when they were found. Written by'
    yield ""
    yield f"    {_safe(command)}"
    yield ""
    yield "`test_run…` takes the steps of a run again; `test_scenario…` checks every interleaving."
    yield "Both fail until the driver is right."
    for check in checks:
        for row in check.scenarios:
            for example in row.broken:
                yield ""
                yield f"{row.name}, {example.rule}:"
                yield ""
                lines = draw(row.name, example, Paint(False, WIDTH))
                yield from (f"    {_safe(line)}".rstrip() for line in lines)
    yield '"""'
    yield ""
    yield "from pathlib import Path"
    yield ""
    yield "import shootdown"
    yield ""
    yield "HERE = Path(__file__).parent"


def _safe(line: str) -> str:
    """Text that can stand in a docstring."""
    return line.replace("\\", "\\\\").replace('"""', "'''")


def _tests(found: Sequence[tuple[CheckResult, SavedRun]], folder: Path) -> Iterator[str]:
    names: set[str] = set()
    scenarios: dict[str, tuple[CheckResult, SavedRun]] = {}
    for check, run in found:
        name = _name(names, run.scenario, run.rule)
        yield from _run_test(name, run, folder)
        scenarios.setdefault(f"{run.target} {run.scenario}", (check, run))
    for _, run in scenarios.values():
        yield from _scenario_test(_name(names, run.scenario), run, folder)


def _name(taken: set[str], *words: str) -> str:
    """A name for a function that no other has."""
    name = base = "_".join(re.sub(r"\W+", "_", word) for word in words).lower()
    number = 1
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    taken.add(name)
    return name


def _run_test(name: str, run: SavedRun, folder: Path) -> Iterator[str]:
    yield ""
    yield ""
    yield f"RUN_{name.upper()} = shootdown.SavedRun("
    yield f"    target={_target(run.target, folder)},"
    yield f"    kernel={_literal(run.kernel)},"
    yield f"    scenario={_literal(run.scenario)},"
    yield f"    rule={_literal(run.rule)},"
    yield f"    case=shootdown.Recipe({_recipe(run.case)}),"
    yield f"    start={run.start},"
    yield f"    program={_literal(run.program)},"
    yield f"    sources={_literal(dict(run.sources))},"
    yield "    steps=["
    for step in run.steps:
        comment = f"  # {step.text}" if step.text else ""
        yield f"        shootdown.SavedStep({_literal(step.actor)}, {step.choices!r}),{comment}"
    yield "    ],"
    yield ")"
    yield ""
    yield ""
    yield f"def test_run_{name}():"
    yield f"    found = shootdown.rerun(RUN_{name.upper()})"
    yield '    assert found.verdict != "violated", str(found)'


def _recipe(case: Recipe) -> str:
    """What is not as usual."""
    given = []
    for field in fields(case):
        value = getattr(case, field.name)
        if field.default is MISSING or value != field.default:
            given.append(f"{field.name}={_literal(value)}")
    return ", ".join(given)


def _scenario_test(name: str, run: SavedRun, folder: Path) -> Iterator[str]:
    case = run.case
    yield ""
    yield ""
    yield f"def test_scenario_{name}():"
    yield "    result = shootdown.check("
    yield f"        {_target(run.target, folder)},"
    if run.kernel is not None:
        yield f"        kernel={_literal(run.kernel)},"
        yield f"        operations={_literal(', '.join(case.operations))},"
        for option, value in (
            ("pages", case.pages),
            ("devices", case.devices),
            ("cpus", case.cpus),
        ):
            yield f"        {option}={value},"
        if case.arch != Recipe().arch:
            yield f"        arch={_literal(case.arch)},"
        if case.cpu_kind != Recipe().cpu_kind:
            yield f"        cpu_kind={_literal(case.cpu_kind)},"
        if len(case.operations) > 1:
            yield "        pairs=True,"
        if case.audited:
            yield "        audit=True,"
    if not case.merged:
        yield "        merge=False,"
    if case.endless:
        yield "        liveness=True,"
    yield "    )"
    yield '    assert result.verdict == "holds", str(result)'


def _target(target: str, folder: Path) -> str:
    """A file is found from the test, wherever pytest is started; a shipped driver has a name."""
    file, colon, cls = target.partition(":")
    if not file.endswith(".py"):
        return _literal(target)
    path = Path(os.path.relpath(file, folder)).as_posix()
    return f"str(HERE / {_literal(path)}) + {_literal(colon + cls)}"


def _literal(value: object) -> str:
    """As Python, with the quotes that formatters like."""
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False)
        case tuple():
            inside = ", ".join(map(_literal, value))
            return f"({inside},)" if len(value) == 1 else f"({inside})"
        case dict():
            rows = (f"{_literal(key)}: {_literal(row)}" for key, row in value.items())
            return f"{{{', '.join(rows)}}}"
        case _:
            return repr(value)
