"""What became of a saved run, for people and as JSON (`shootdown.rerun/1`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import msgspec

from shootdown.report.paint import Paint
from shootdown.report.timeline import draw
from shootdown.scenarios.rerun import Rerun

FORMAT = "shootdown.rerun/1"

NO_PROOF = (
    "This is not a proof: these steps in this order are one run of very many, and any change "
    "shifts them. `shootdown check {target}` tries all."
)


def describe_rerun(found: Rerun, paint: Paint, verbose: bool = False) -> Iterator[str]:
    """The whole report."""
    on = f" on Linux {found.kernel}" if found.kernel else ""
    yield paint.strong(f"{found.target}{on}, {found.scenario or 'one run'}: {found.rule}")
    yield found.change
    if found.parted is not None:
        yield f"Step {found.parted} is the first at another line of source than in the saved run."
    yield ""
    if found.counterexample is not None:
        yield from draw(found.scenario, found.counterexample, paint, every_step=verbose)
        yield ""
    yield paint.verdict("violated" if found.verdict == "violated" else "undecided", conclude(found))
    if found.verdict != "violated":
        yield NO_PROOF.format(target=found.target)


def conclude(found: Rerun) -> str:
    """One sentence."""
    if found.verdict == "stopped":
        return f"The run cannot be taken any more: at step {found.steps + 1} {found.reason}."
    if found.verdict == "passed":
        steps = f"All {found.steps} steps of the run can be taken"
        return f"{steps}, and it no longer breaks {found.rule}."
    assert found.counterexample is not None
    broken = found.counterexample.rule
    if broken != found.rule:
        return f"The run now breaks {broken}, at step {found.steps}; it broke {found.rule}."
    if found.by_lines:
        return f"By the lines of the run, it still breaks {broken}, at step {found.steps} now."
    return f"The run still breaks {broken}, at step {found.steps}."


def encode_rerun(found: Rerun) -> bytes:
    """One line of JSON, without its end."""
    rows = {field.name: getattr(found, field.name) for field in fields(found)}
    return msgspec.json.encode({"format": FORMAT, **rows})
