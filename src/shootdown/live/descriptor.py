"""A file descriptor that its owner closes."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Self


class Descriptor:
    """For `with`; `fd` is -1 when it has been closed."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Once is enough."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
