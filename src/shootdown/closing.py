"""What is closed at the end of a `with` block. Anybody may import this; it imports nothing."""

from __future__ import annotations

from typing import Self


class Closing:
    """Open from the beginning; `close` gives back what it holds."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Give everything back."""
        raise NotImplementedError
