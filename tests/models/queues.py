"""Small models of a queue: right ones and their twins."""

from __future__ import annotations

from enum import Enum

from shootdown import (
    EnumState,
    Flag,
    Int,
    Model,
    Mutex,
    Queue,
    indivisible,
    thread,
    wait_until,
)


class Message(Enum):
    """What is sent."""

    HELLO = 1
    DATA = 2
    BYE = 3


class Pipe(Model):
    """One producer, one consumer, no lock: everything arrives in order."""

    def __init__(self):
        self.queue = Queue(Int(0, 3), 2)
        self.next = Int(1, 4)

    @thread
    def producer(self):
        for value in range(1, 4):
            wait_until(not self.queue.is_full())
            self.queue.put(value)

    @thread
    def consumer(self):
        while self.next < 4:
            wait_until(not self.queue.is_empty())
            found, value = self.queue.get()
            assert found and value == self.next, "values arrive in order"
            self.next += 1


class PipeOverflows(Pipe):
    """Does not look at what put() answers: a value is lost, and the consumer waits."""

    def producer(self):
        for value in range(1, 4):
            self.queue.put(value)


class TwoProducers(Model):
    """Two producers under one lock."""

    def __init__(self):
        self.queue = Queue(Flag, 3)
        self.lock = Mutex()
        self.sent = Int(0, 2)

    @thread(2)
    def producer(self, me):
        with self.lock:
            assert self.queue.put(True)
            self.sent += 1
            if self.sent == 2:
                assert self.queue.len() == 2, "nothing is lost"


class TwoProducersRace(TwoProducers):
    """Without it both may fill the same slot."""

    def producer(self, me):
        self.queue.put(True)
        with self.lock:
            self.sent += 1
            sent = self.sent
        if sent == 2:
            assert self.queue.len() == 2, "nothing is lost"


class TwoProducersInHardware(TwoProducers):
    """A queue that hardware fills in one step needs no lock."""

    @indivisible
    def push(self):
        return self.queue.put(True)

    def producer(self, me):
        self.push()
        with self.lock:
            self.sent += 1
            sent = self.sent
        if sent == 2:
            assert self.queue.len() == 2, "nothing is lost"


class Conversation(Model):
    """Members of an Enum; looking at the first and taking it are two things."""

    def __init__(self):
        self.queue = Queue(EnumState(Message), 2)
        self.last = EnumState(Message)

    @thread
    def caller(self):
        for message in (Message.HELLO, Message.DATA, Message.BYE):
            while not self.queue.put(message):
                pass

    @thread
    def answerer(self):
        found = True
        while found or self.last != Message.BYE:
            found, message = self.queue.peek()
            if found:
                self.queue.skip()
                assert self.last != Message.BYE, "nothing comes after BYE"
                self.last = message
            else:
                assert message == Message.HELLO


class SkipsNothing(Conversation):
    """Skips whatever is there, even if it is nothing."""

    def answerer(self):
        self.queue.skip()


class Reset(Model):
    """reset_out() drops what is there."""

    def __init__(self):
        self.queue = Queue(Int(0, 1), 2)
        self.done = Flag()

    @thread
    def user(self):
        self.queue.put(1)
        self.queue.put(1)
        assert self.queue.is_full() and not self.queue.put(1)
        self.queue.reset_out()
        assert self.queue.is_empty()
        found, value = self.queue.get()
        assert not found and value == 0
        self.done = self.queue.put(1)
        assert self.queue.len() == 1
