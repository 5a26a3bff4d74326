"""5.2: the range says what happens to it: event, flags, VMA.

Source: commits bf198b2b34bf and 6f4f13e8d9e2 (from memory). From now on a driver may read
`range.event`.
"""

from __future__ import annotations

from shootdown.linux.notifiers import v5_0


class Notifiers(v5_0.Notifiers):
    """A reason with every range."""

    since = (5, 2, 0)
