"""What a recording or an import brought as JSON, `shootdown.trace/1`."""

from __future__ import annotations

import msgspec

from shootdown.traces.summary import TraceSummary


def encode_trace(summary: TraceSummary) -> bytes:
    """One line of JSON, without its end."""
    return msgspec.json.encode(summary.as_dict())
