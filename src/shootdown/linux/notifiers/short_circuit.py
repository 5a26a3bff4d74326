"""A proposal: no walk of the list for a callback that nobody on it has.

Asked for by Andrew Morton when invalidate_range was reviewed (lkml, 2014, B13): why should every
flush in a process with KVM walk a list on which nobody has the callback? No kernel ever did so;
mm_has_notifiers() is the only fast check in 6.19 still. It costs one look at a flag that
registration keeps, and is safe without a lock: whoever registers a moment later misses a flush of
translations it cannot have, and start and end cannot be missed, as registration keeps them out.
"""

from __future__ import annotations

from collections.abc import Sequence

from shootdown.lang.declare import count
from shootdown.linux.notifiers import v2_6_27
from shootdown.linux.notifiers.subscription import Subscription


class ShortCircuit(v2_6_27.Notifiers):
    """Goes on top of any generation."""

    def walks(self, concerned: Sequence[Subscription]) -> bool:
        """Only if somebody who has the callback is on the list."""
        found = any(each.hashed for each in concerned)
        if found:
            count("walks of the subscriber list")
        return found
