"""A comparison of the model with a kernel as JSON, `shootdown.conform/1`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from shootdown.conform.compare import Disagreement
from shootdown.conform.tally import Tally
from shootdown.live.programs import Observed

FORMAT = "shootdown.conform/1"


def encode_conform(
    tally: Tally,
    disagreements: Sequence[Disagreement],
    asked: int,
    seconds: float,
    *,
    source: str,
    kernel: str,
) -> bytes:
    """One line of JSON, without its end. `asked` programs were to be compared."""
    return msgspec.json.encode(
        {
            "format": FORMAT,
            "source": source,
            "kernel": kernel,
            "asked": asked,
            "seconds": seconds,
            "programs": tally.programs,
            "operations": tally.operations,
            "ranges": tally.ranges,
            "agree": tally.agree,
            "not_compared": dict(tally.reasons),
            "hits": dict(tally.hits),
            "parted": [
                {"operation": operation, "field": field, "programs": programs}
                for (operation, field), programs in tally.parted.items()
            ],
            "disagreements": [_disagreement(each) for each in disagreements],
        }
    )


def _disagreement(each: Disagreement) -> dict[str, Any]:
    program = each.program
    return {
        "program": {
            "id": program.id,
            "profile": program.profile,
            "base": hex(program.base),
            "pages": program.pages,
            "program": program.operations,
        },
        "operation": each.number,
        "fields": each.fields,
        "expected": None if each.expected is None else _observed(each.expected),
        "observed": _observed(each.observed),
        "error": each.error,
    }


def _observed(each: Observed) -> dict[str, Any]:
    return {
        "result": each.result,
        "observed": each.ranges,
        "site": each.sites,
        "young": each.young,
        "state": {"vmas": each.state.vmas, "pages": each.state.pages},
    }
