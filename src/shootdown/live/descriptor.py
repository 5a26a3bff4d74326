"""A file descriptor that its owner closes."""

from __future__ import annotations

import os

from shootdown.closing import Closing


class Descriptor(Closing):
    """For `with`; `fd` is -1 when it has been closed."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def close(self) -> None:
        """Once is enough."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
