"""A lock that everybody gets in the end. With --starvation, expected verdict: holds."""

from shootdown import Int, Model, indivisible, progress, thread

THREADS = 2
NUMBERS = THREADS + 1


class FairLock(Model):
    """Tickets go round: no more than two are out at a time, so three numbers tell them apart."""

    def __init__(self):
        self.next_ticket = Int(0, NUMBERS - 1)
        self.now_serving = Int(0, NUMBERS - 1)
        self.inside = Int(0, THREADS)

    @indivisible
    def take_ticket(self):
        ticket = self.next_ticket
        self.next_ticket = (ticket + 1) % NUMBERS
        return ticket

    @thread(THREADS)
    def customer(self, me):
        while True:
            ticket = self.take_ticket()
            while self.now_serving != ticket:
                pass
            self.inside += 1
            assert self.inside == 1, "one customer at a time is served"
            progress()
            self.inside -= 1
            self.now_serving = (ticket + 1) % NUMBERS
