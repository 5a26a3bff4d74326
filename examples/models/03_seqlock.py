"""Readers that look twice instead of keeping the writer out. Expected verdict: holds."""

from shootdown import Counter, Int, Model, thread


class Seqlock(Model):
    """The sequence is odd while the writer is at work, and other than before once it was."""

    def __init__(self):
        self.sequence = Counter()
        self.left = Int(0, 2)
        self.right = Int(0, 2)

    @thread
    def writer(self):
        for value in range(1, 3):
            self.sequence += 1
            self.left = value
            self.right = value
            self.sequence += 1

    @thread(2)
    def reader(self, me):
        while True:
            begin = self.sequence
            if begin % 2 == 1:
                continue
            left = self.left
            right = self.right
            if self.sequence == begin:
                assert left == right, "both halves are of one writing"
                return
