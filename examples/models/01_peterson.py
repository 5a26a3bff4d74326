"""Mutual exclusion of two threads by reads and writes alone. Expected verdict: holds."""

from shootdown import Array, Flag, Int, Model, thread


class Peterson(Model):
    """Say that you want to go in, then let the other one go first."""

    def __init__(self):
        self.wants = Array(Flag, 2)
        self.turn = Int(0, 1)
        self.inside = Int(0, 2)

    @thread(2)
    def process(self, me):
        other = 1 - me
        while True:
            self.wants[me] = True
            self.turn = other
            while self.wants[other] and self.turn == other:
                pass
            self.inside += 1
            assert self.inside == 1, "one process at a time is inside"
            self.inside -= 1
            self.wants[me] = False
