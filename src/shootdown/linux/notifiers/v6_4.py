"""6.4: registration locks every VMA too.

Faults hold only the lock of their VMA from now on, so mm_take_all_locks() must take those as well;
otherwise a new subscriber hears the end of a copy whose start it missed (B42, commit eeff9a5d47f8,
of the series whose later commit 0bff0aaea03e lets such faults happen; both are of 6.4).
"""

from __future__ import annotations

from shootdown.linux.notifiers import v6_1


class Notifiers(v6_1.Notifiers):
    """As before."""

    since = (6, 4, 0)
