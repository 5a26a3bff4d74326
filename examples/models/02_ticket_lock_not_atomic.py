"""A ticket taken by a read and a write, not by one atomic step. Expected verdict: violated."""

from shootdown import Counter, Int, Model, thread, wait_until


class TicketLock(Model):
    """Two threads can read the same number before one of them writes the next."""

    def __init__(self):
        self.next_ticket = Counter()
        self.now_serving = Counter()
        self.inside = Int(0, 3)

    def take_ticket(self):
        ticket = self.next_ticket
        self.next_ticket = ticket + 1
        return ticket

    @thread(3)
    def customer(self, me):
        for _ in range(2):
            ticket = self.take_ticket()
            wait_until(self.now_serving == ticket)
            self.inside += 1
            assert self.inside == 1, "one customer at a time is served"
            self.inside -= 1
            self.now_serving += 1
