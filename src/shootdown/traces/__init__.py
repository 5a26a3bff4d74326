"""Recorded workloads: what a real program asked of the kernel's memory management.

    record(command, output)          runs a command under strace           record.py
    import_strace(text, output)      takes the text of an earlier strace   strace_import.py
    load(path)                       opens a stored trace                  trace.py

The rest of the folder, in the order in which a line of text passes through it:

    strace_tool        the strace program: where, which version, which options, why it fails
    line_reader        lines in bounded memory
    strace_text        the parser as a whole
    strace_prefix      process and time in front of a call
    strace_stitch      halves of interrupted calls; the order in which calls took effect
    strace_arguments   arguments and result
    strace_numbers     numbers, flags, results
    flag_names         the numbers behind `PROT_READ` and the like
    strace_calls       which argument of which call means what
    spaces             whose address space; breaks and segments
    call               one row, and what its columns mean
    summary            totals, and where a trace comes from
    problems           what could not be used
    errors             the error that is raised

Importing this package imports none of them: the names below are looked up when first used, so that
pyarrow is loaded only by those who touch a stored trace. `record` is not among them, since module
and function share that name: it is `shootdown.traces.record.record`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shootdown.traces.call import Call
    from shootdown.traces.errors import TraceError
    from shootdown.traces.strace_import import import_strace
    from shootdown.traces.summary import Origin, TraceSummary
    from shootdown.traces.trace import Trace, load

_HOMES = {
    "Call": "call",
    "TraceError": "errors",
    "import_strace": "strace_import",
    "Origin": "summary",
    "TraceSummary": "summary",
    "Trace": "trace",
    "load": "trace",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)


__all__ = [
    "Call",
    "Origin",
    "Trace",
    "TraceError",
    "TraceSummary",
    "import_strace",
    "load",
]
