"""Peterson's algorithm with its first two lines exchanged. Expected verdict: violated."""

from shootdown import Array, Flag, Int, Model, thread


class Peterson(Model):
    """Who lets the other one go first before saying that it wants to go in is not noticed."""

    def __init__(self):
        self.wants = Array(Flag, 2)
        self.turn = Int(0, 1)
        self.inside = Int(0, 2)

    @thread(2)
    def process(self, me):
        other = 1 - me
        while True:
            self.turn = other
            self.wants[me] = True
            while self.wants[other] and self.turn == other:
                pass
            self.inside += 1
            assert self.inside == 1, "one process at a time is inside"
            self.inside -= 1
            self.wants[me] = False
