"""A small queue of fixed size, as include/linux/kfifo.h: a ring with an index for each end.

The producer moves `in_index`, the consumer `out_index`, and each only looks at the other's. So one
producer and one consumer need no lock; several producers, or several consumers, exclude each other
by a lock of their own, or lose elements. Indexes run to twice the capacity, so that full and empty
differ. Linux lets them run to 2^32 and wants a power of two, which makes no other difference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

from shootdown.lang.declare import Array, Atomic, Int
from shootdown.lang.part import Part

T = TypeVar("T")


class Queue(Part, Generic[T]):
    """`Queue(Int(0, 3), 4)`: room for four numbers. What does not fit is answered with False.

    Each access is a step, in the order of the kernel: `put` looks whether there is room, fills the
    slot, then moves the index; `get` looks whether there is something, reads the slot, then moves
    the index. Under one lock, or in an `@indivisible` method, all of it is one step.
    """

    follows = True

    @overload
    def __init__(self, element: Callable[..., T], capacity: int) -> None: ...
    @overload
    def __init__(self, element: T, capacity: int) -> None: ...
    def __init__(self, element: Any, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"Queue(…, {capacity}): a queue has room for at least one element")
        self.capacity = capacity
        slots: Any = Array(element, capacity)
        self.slots = slots
        self.nothing = slots.first
        self.in_index = Atomic(Int(0, 2 * capacity - 1))
        self.out_index = Atomic(Int(0, 2 * capacity - 1))

    def put(self, value: T) -> bool:
        """kfifo_put(): at the end; False, and nothing is done, if there is no room."""
        end = self.in_index
        if (end - self.out_index) % (2 * self.capacity) == self.capacity:
            return False
        self.slots[end % self.capacity] = value
        self.in_index = (end + 1) % (2 * self.capacity)
        return True

    def get(self) -> tuple[bool, T]:
        """kfifo_get(): `found, value = queue.get()`. Without an element: False, and what the kind
        starts with."""
        begin = self.out_index
        if self.in_index == begin:
            return False, self.nothing
        value = self.slots[begin % self.capacity]
        self.out_index = (begin + 1) % (2 * self.capacity)
        return True, value

    def peek(self) -> tuple[bool, T]:
        """kfifo_peek(): the element that `get` would take; it stays."""
        begin = self.out_index
        if self.in_index == begin:
            return False, self.nothing
        return True, self.slots[begin % self.capacity]

    def skip(self) -> None:
        """kfifo_skip(): drops the first element, which has to be there: else rule `assertion`."""
        begin = self.out_index
        assert self.in_index != begin, "kfifo_skip() of an empty queue"
        self.out_index = (begin + 1) % (2 * self.capacity)

    def len(self) -> int:
        """kfifo_len(): how many elements there are. Two steps."""
        end = self.in_index
        return (end - self.out_index) % (2 * self.capacity)

    def is_empty(self) -> bool:
        """kfifo_is_empty(). Two steps, as a condition of `wait_until` one."""
        return self.in_index == self.out_index

    def is_full(self) -> bool:
        """kfifo_is_full(). Two steps, as a condition of `wait_until` one."""
        return self.len() == self.capacity

    def reset_out(self) -> None:
        """kfifo_reset_out(): drops what is there, called by the consumer."""
        self.out_index = self.in_index
