"""What a machine does not have or does not allow: which, why it is needed, how to get it."""

from __future__ import annotations

import errno


class MissingMeansError(Exception):
    """A device, a right or a feature of the kernel that is not there.

    `what` says which, `why` what it is needed for, `how` how to get it. It can be pickled.
    """

    def __init__(self, what: str, why: str, how: str) -> None:
        super().__init__(what, why, how)
        self.what = what
        self.why = why
        self.how = how

    def __str__(self) -> str:
        return f"{self.what}; it is needed {self.why}\nhelp: {self.how}"


def is_refusal(error: OSError) -> bool:
    """Whether the system said no, rather than that it cannot."""
    return error.errno in (errno.EPERM, errno.EACCES)
