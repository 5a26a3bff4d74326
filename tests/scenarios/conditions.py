"""A model with conditions that always come out the same."""

from __future__ import annotations

from shootdown import Flag, Int, Model, thread


class OneWay(Model):
    """Only two of its conditions are worth their place."""

    def __init__(self) -> None:
        self.turn = Int(0, 2)
        self.never = Flag()

    @thread(2)
    def walk(self, me: int) -> None:
        """Two threads, so that every access is a step."""
        while self.turn < 2:
            if self.turn >= 0 and not self.turn == 7:  # noqa: SIM201
                if self.turn == 1 or self.never:
                    self.turn = 2
                else:
                    self.turn = 1
            while self.turn > 5:
                if self.never:
                    self.never = True
