"""Which generation of the API a kernel version has."""

from __future__ import annotations

from shootdown.linux.notifiers import v3_7, v3_15, v3_19, v4_15, v6_6
from shootdown.linux.version import UnknownVersionError, Version, show_version

GENERATIONS: tuple[type[v3_7.Notifiers], ...] = (
    v3_7.Notifiers,
    v3_15.Notifiers,
    v3_19.Notifiers,
    v4_15.Notifiers,
    v6_6.Notifiers,
)
"""oldest first"""

NEWEST: Version = (6, 19, 0)
"""the newest kernel whose source these classes were compared with"""


def generation_for(kernel: Version) -> type[v3_7.Notifiers]:
    """The newest generation that is not newer than the kernel.

    Raises:
        UnknownVersionError: for a kernel older than the first generation or newer than `NEWEST`.
    """
    if not GENERATIONS[0].since <= kernel <= NEWEST:
        raise UnknownVersionError(
            f"kernel {show_version(kernel)} is not modelled; "
            f"known are {show_version(GENERATIONS[0].since)} to {show_version(NEWEST)}"
        )
    return next(g for g in reversed(GENERATIONS) if g.since <= kernel)
