"""A bill for reading: one column for each driver and kernel, one line for each event.

Bills are read across (what does the other driver pay for the same calls?), so drivers stand side by
side, and every operation is a block of its own, with the sum of all of them last.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping

from shootdown.replay.bill import Bill, BillRow
from shootdown.report.paint import Paint

LEAST_COLUMN = 9
USUAL_ARCH = "x86"
"""what does not have to be said"""

Payer = tuple[str, str]
"""driver and kernel"""


def describe_bill(bill: Bill, paint: Paint) -> Iterator[str]:
    """The lines of a bill."""
    payers = list(dict.fromkeys((row.driver, row.kernel) for row in bill.rows))
    operations = list(dict.fromkeys(row.operation for row in bill.rows))
    events = list(dict.fromkeys(event for row in bill.rows for event in row.counts))
    left = max([len(event) for event in events], default=0) + 2
    widths = [max(LEAST_COLUMN, len(name), len(kernel) + 6) for name, kernel in payers]
    yield from _head(bill, paint)
    yield ""
    yield paint.strong(_cells("", left, [name for name, _ in payers], widths))
    yield paint.faint(_cells("", left, [f"Linux {kernel}" for _, kernel in payers], widths))
    for operation in operations:
        rows = {(r.driver, r.kernel): r for r in bill.rows if r.operation == operation}
        calls = max(row.calls for row in rows.values())
        yield paint.strong(f"{operation} ({_count(calls, 'call')})")
        counts = {payer: row.counts for payer, row in rows.items()}
        yield from _block(payers, counts, events, left, widths)
    if len(operations) > 1:
        yield paint.strong("all together")
        yield from _block(payers, _sums(bill.rows), events, left, widths)
    yield ""
    yield from _foot(bill)


def _head(bill: Bill, paint: Paint) -> Iterator[str]:
    t = bill.totals
    spaces = _count(t.address_spaces, "address space")
    yield (
        f"{bill.trace}: {_count(t.calls, 'call')} by {_count(t.processes, 'process')}, "
        f"{spaces}, the largest of {_count(t.pages, 'page')}"
    )
    if bill.arch != USUAL_ARCH:
        yield f"On {bill.arch}."
    yield from textwrap.wrap(f"Assumed: {bill.policy}.", paint.width)


def _foot(bill: Bill) -> Iterator[str]:
    if bill.totals.not_modelled:
        yield "Left out or simplified:"
        for what, times in bill.totals.not_modelled.items():
            yield f"  {times:,} {what}"
    yield f"{bill.page_operations:,} operations on pages in {bill.seconds:.2f} s."


def _block(
    payers: list[Payer],
    counts: Mapping[Payer, Mapping[str, int]],
    events: list[str],
    left: int,
    widths: list[int],
) -> Iterator[str]:
    """The events that occurred to anybody."""
    for event in events:
        row = [counts.get(payer, {}).get(event, 0) for payer in payers]
        if any(row):
            yield _cells(f"  {event}", left, [f"{n:,}" if n else "-" for n in row], widths)


def _sums(rows: tuple[BillRow, ...]) -> dict[Payer, Counter[str]]:
    sums: dict[Payer, Counter[str]] = {}
    for row in rows:
        sums.setdefault((row.driver, row.kernel), Counter()).update(row.counts)
    return sums


def _cells(first: str, left: int, cells: list[str], widths: list[int]) -> str:
    columns = (f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
    return "  ".join([f"{first:<{left}}", *columns]).rstrip()


def _count(number: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"
