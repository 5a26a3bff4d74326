"""Compiled functions do what Python does with them, as far as 64 bits go, and refuse the rest."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shootdown.machine.native.compiled import Shape, Word, Words, compiled, inlined
from shootdown.machine.native.expressions import NotInTheLanguageError
from shootdown.machine.native.jit import ObjectCode, make_object
from shootdown.machine.native.primitives import (
    get8,
    get64,
    put8,
    put16,
    put32,
    put64,
    signed,
    unsigned,
)
from shootdown.machine.native.states import is_stored, store_state, take_state
from shootdown.machine.native.translate import Translation

SHAPE = Shape(2, 13)
FIVE, ODD = 5, (1, 3)


@compiled
def arithmetic(a: int, b: int) -> int:
    total = a + b * 3 - (a ^ b) + (a & 255) + (b | 3) + (a << 2) + (b >> 3)
    total += -a // 7 + a % 7 + b // 8 - b % 8 + ~b
    return total


@compiled
def division(t1: int, then1: int) -> int:
    t2 = (t1 // then1) * 1000
    return t2 + t1 % then1


@compiled
def conditions(a: int, b: int) -> int:
    found = 0
    if a < b and (b > 3 or not b < a):
        found = 1
    elif a >= b or a in (1, FIVE):
        found = 2
    if 0 <= a < 9:
        found += 10
    found += 100 if a != b else 200
    return found + (a > b) + min(a, b) * 1000 + max(a, 4)


@inlined
def pair(a: int, b: int) -> tuple[int, int]:
    return b, a + 1


@compiled
def loops(a: int, b: int) -> int:
    total, turns = 0, 0
    for i in range(a % 10, b % 20, 1):
        if i == 3:
            continue
        if i == 15:
            break
        total += i
    for i in range(5, 0, -2):
        total = total * 3 + i
    while True:
        turns += 1
        if turns > b % 5:
            break
    while turns < 4:
        turns += 2
    a, b = pair(a, b)
    return total * 10 + turns + a - b


PLAIN = (arithmetic, conditions, loops)


class Bag(NamedTuple):
    numbers: Words
    length: int


@compiled
def total_of(bag: Bag, shape: Shape) -> int:
    total = 0
    for i in range(bag.length):
        total += bag.numbers[i]
        bag.numbers[i] += shape.size
    return total


@compiled
def without_sign(a: int) -> int:
    word = unsigned(a)
    word = (word >> 60) + (word >> 1) // 3
    return signed(word) + (unsigned(a) > 5)


@compiled
def narrow(address: int, value: int) -> int:
    put64(address, 0, 0)
    put8(address, 1, value)
    put16(address, 1, value)
    put32(address, 1, value)
    return get64(address, 0) + get8(address, 1)


@compiled
def there_and_back(words: int, stored: int, again: int, shape: Shape) -> bool:
    store_state(stored, words, shape)
    take_state(again, stored, shape)
    return is_stored(stored, words, shape)


class Module:
    """Functions as Python can call them."""

    def __init__(self, *functions: Callable[..., Any], shape: Shape = SHAPE) -> None:
        module = Translation(shape)
        for function in functions:
            module.entry(function)
        self._code = ObjectCode(make_object(module.text))

    def call(self, name: str, *given: int) -> int:
        kinds = [ctypes.c_int64] * (len(given) + 1)
        return int(ctypes.CFUNCTYPE(*kinds)(self._code.function(name))(*given))


MODULE = Module(*PLAIN, division, total_of, without_sign, narrow)
NUMBERS = st.integers(-1000, 1000)


@pytest.mark.parametrize("function", PLAIN, ids=lambda f: f.__name__)
@given(NUMBERS, NUMBERS)
def test_numbers_and_control(function: Callable[[int, int], int], a: int, b: int) -> None:
    """Compiled or not, a function has the same result."""
    assert MODULE.call(function.__name__, a, b) == function(a, b)


@given(NUMBERS, NUMBERS.filter(bool))
def test_division_rounds_down(a: int, b: int) -> None:
    """As Python does, not as the hardware does."""
    assert MODULE.call("division", a, b) == division(a, b)


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_words_have_no_sign(a: int) -> None:
    """Shifts, division and comparison take all 64 bits for digits."""
    word = a % (1 << 64)
    assert MODULE.call("without_sign", a) == (word >> 60) + (word >> 1) // 3 + (word > 5)


def test_records_go_over_by_address() -> None:
    """Fields of a record are read, elements of its array too; a shape is known beforehand."""
    numbers = np.array([3, 4, 5], np.int64)
    bag = np.array([numbers.ctypes.data, 3], np.int64)
    assert MODULE.call("total_of", bag.ctypes.data) == 12
    assert numbers.tolist() == [16, 17, 18]


def test_narrow_numbers_keep_the_low_bits() -> None:
    """And leave their neighbours alone."""
    room = np.zeros(1, np.int64)
    value = 0x1122334455667788
    expected = 0x55667788_7788_8800
    assert MODULE.call("narrow", room.ctypes.data, value) == expected + 0x88
    assert int(room[0]) == expected


@pytest.mark.parametrize("size", range(1, 17))
def test_a_stored_state_takes_its_bytes_only(size: int) -> None:
    """Whatever the size, what comes back is what went in, and the neighbours stay as they were."""
    shape = Shape(-(-size // 8), size)
    chance = np.random.default_rng(size)
    state = np.zeros(16, np.uint8)
    state[:size] = chance.integers(1, 256, size, np.uint8)
    stored, again = np.full(32, 0xEE, np.uint8), np.zeros(16, np.uint8)
    addresses = state.ctypes.data, stored.ctypes.data + 3, again.ctypes.data
    assert Module(there_and_back, shape=shape).call("there_and_back", *addresses) == 1
    assert again.tolist() == state.tolist()
    assert stored[3 : 3 + size].tolist() == state[:size].tolist()
    assert set(stored[:3].tolist()) | set(stored[3 + size :].tolist()) == {0xEE}


@compiled
def mixes(a: int, b: Word) -> int:
    return a + b


@compiled
def changes_kind(a: int) -> int:
    b = a
    b = unsigned(a)
    return b + 1


@compiled
def names_a_stranger(a: int) -> int:
    return len(ODD) + a


@compiled
def has_no_end(a: int) -> int:
    a += 1


@compiled
def goes_on(a: int) -> int:
    return a
    return 1


@compiled
def handles(a: int) -> int:
    try:
        return a
    finally:
        pass


@compiled
def takes_a_list(a: int) -> int:
    for one in [a]:
        a += one
    return a


REFUSED = {
    mixes: "int and Word in a + b",
    changes_kind: "b is int here and Word there",
    names_a_stranger: "len is not compiled",
    has_no_end: "may end without a result",
    goes_on: "nothing gets here",
    handles: "try",
    takes_a_list: "only a range can be gone through",
}


@pytest.mark.parametrize("function", REFUSED, ids=lambda f: f.__name__)
def test_the_rest_is_refused(function: Callable[..., Any]) -> None:
    """With the function and what is wrong, rather than compiled to something else."""
    with pytest.raises(NotInTheLanguageError, match=REFUSED[function].replace("+", "[+]")) as error:
        Translation(SHAPE).entry(function)
    assert function.__name__ in str(error.value)
