"""Which generation of the API a kernel version has."""

from __future__ import annotations

from shootdown.linux.notifiers import (
    v2_6_27,
    v2_6_32,
    v2_6_37,
    v2_6_38,
    v3_6,
    v3_7,
    v3_15,
    v3_17,
    v3_19,
    v4_3,
    v4_5,
    v4_11,
    v4_13,
    v4_14,
    v4_15,
    v4_16,
    v4_19,
    v5_0,
    v5_2,
    v5_4,
    v5_5,
    v5_9,
    v5_12,
    v5_14,
    v5_18,
    v6_1,
    v6_4,
    v6_6,
    v6_10,
    v6_19,
)
from shootdown.linux.notifiers.v2_6_27 import Notifiers
from shootdown.linux.version import UnknownVersionError, Version, show_version

_MODULES = (
    v2_6_27, v2_6_32, v2_6_37, v2_6_38, v3_6, v3_7, v3_15, v3_17, v3_19, v4_3, v4_5, v4_11, v4_13,
    v4_14, v4_15, v4_16, v4_19, v5_0, v5_2, v5_4, v5_5, v5_9, v5_12, v5_14, v5_18, v6_1, v6_4,
    v6_6, v6_10, v6_19,
)  # fmt: skip

GENERATIONS: tuple[type[Notifiers], ...] = tuple(module.Notifiers for module in _MODULES)
"""oldest first"""

NEWEST: Version = (6, 19, 0)
"""the newest kernel whose source these classes were compared with"""


def generation_for(kernel: Version) -> type[Notifiers]:
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
