"""Bills in a terminal and as JSON."""

from __future__ import annotations

import json

from shootdown.replay.bill import Bill, BillRow, Totals
from shootdown.report.bill_json import encode_bill
from shootdown.report.bill_terminal import describe_bill
from shootdown.report.paint import Paint

BILL = Bill(
    "sort.parquet",
    "the process touches every page once",
    Totals(1, 2, 1300, 512, {"calls of mremap": 3}),
    (
        BillRow("sva", "6.6", "mmap", 22, {"invalidation commands": 4, "page faults": 1078}),
        BillRow("sva", "6.6", "munmap", 1, {"invalidation commands": 1}),
        BillRow("amd-iommu-v2", "3.18", "mmap", 22, {"page faults": 1078, "root switches": 8}),
        BillRow("amd-iommu-v2", "3.18", "munmap", 1, {"root switches": 2}),
    ),
    14004,
    0.5,
)

TEXT = """\
sort.parquet: 1,300 calls by 1 process, 2 address spaces, the largest of 512 pages
Assumed: the process touches every page once.

                               sva  amd-iommu-v2
                         Linux 6.6    Linux 3.18
mmap (22 calls)
  invalidation commands          4             -
  page faults                1,078         1,078
  root switches                  -             8
munmap (1 call)
  invalidation commands          1             -
  root switches                  -             2
all together
  invalidation commands          5             -
  page faults                1,078         1,078
  root switches                  -            10

Left out or simplified:
  3 calls of mremap
14,004 operations on pages in 0.50 s.
"""


def test_drivers_stand_side_by_side() -> None:
    """A block for each operation, a line for each event somebody had, sums last."""
    assert "\n".join(describe_bill(BILL, Paint())) + "\n" == TEXT


def test_json_is_the_records() -> None:
    """`shootdown.bill/1`; what is not known is null, not zero."""
    found = json.loads(encode_bill(BILL))
    assert found["format"] == "shootdown.bill/1"
    assert found["rows"][1] == {
        "driver": "sva",
        "kernel": "6.6",
        "operation": "munmap",
        "calls": 1,
        "counts": {"invalidation commands": 1},
        "nanoseconds": None,
        "stale": None,
    }
