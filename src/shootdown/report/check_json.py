"""What a check found as JSON, `shootdown.check/1`. The records already have its shape."""

from __future__ import annotations

from dataclasses import fields

import msgspec

from shootdown.scenarios.verdict import CheckResult

FORMAT = "shootdown.check/1"


def encode_check(result: CheckResult) -> bytes:
    """One line of JSON, without its end."""
    rows = {field.name: getattr(result, field.name) for field in fields(result)}
    return msgspec.json.encode({"format": FORMAT, **rows})
