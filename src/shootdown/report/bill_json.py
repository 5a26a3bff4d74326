"""A bill as JSON, `shootdown.bill/1`. The records already have its shape."""

from __future__ import annotations

from dataclasses import fields

import msgspec

from shootdown.replay.bill import Bill

FORMAT = "shootdown.bill/1"


def encode_bill(bill: Bill) -> bytes:
    """One line of JSON, without its end."""
    parts = {field.name: getattr(bill, field.name) for field in fields(bill)}
    return msgspec.json.encode({"format": FORMAT, **parts})
