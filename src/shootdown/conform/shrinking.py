"""The smallest program on which model and kernel part in the same way.

The same way: at the same kind of operation, in the same first field. Otherwise a program would
shrink to whatever mistake has the smallest one, and rare mistakes would hide behind common ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from shootdown.conform.compare import Disagreement
from shootdown.conform.outcome import Outcome
from shootdown.live.programs import Program
from shootdown.live.shrink import shrink

SECONDS = 20.0
"""after which a program stays as large as it is by then"""


def shrink_disagreement(
    disagreement: Disagreement, judge: Callable[[Program], Outcome], seconds: float = SECONDS
) -> Disagreement:
    """The disagreement of a smallest program; the same one if it does not come up again."""
    ends = time.monotonic() + seconds
    found = [disagreement]

    def parts(program: Program) -> bool:
        if time.monotonic() > ends:
            return False
        again = judge(program).disagreement
        if again is None or again.kind != disagreement.kind:
            return False
        found.append(again)
        return True

    try:
        shrink(disagreement.program, parts)
    except ValueError:
        return disagreement
    return found[-1]
