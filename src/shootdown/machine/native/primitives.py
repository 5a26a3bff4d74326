"""Instructions that compiled functions have and Python has not: memory and machine code by address,
prefetching, lines of the table, numbers without sign.

An address is an ordinary number. Elements are counted, not bytes: `get32(address, 3)` reads the
fourth 32-bit number of an array. Narrow numbers have no sign, and nothing need be aligned but the
lines of the table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from shootdown.machine.native.compiled import Primitive
from shootdown.machine.native.sizes import LINE

if TYPE_CHECKING:
    from shootdown.machine.native.expressions import Expressions

_LINE_OF = f"<{LINE} x i32>"


def pointer(writer: Expressions, address: str) -> str:
    """An address as LLVM wants it."""
    return writer.text.set(f"inttoptr i64 {address} to ptr")


def element(writer: Expressions, bits: int, address: str, index: str) -> str:
    """A pointer to an element of an array."""
    base = pointer(writer, address)
    return writer.text.set(f"getelementptr i{bits}, ptr {base}, i64 {index}")


def _reader(bits: int) -> Callable[[Expressions, str, str], str]:
    """Writes `get(address, index)` for an array of numbers of so many bits."""

    def write(writer: Expressions, address: str, index: str) -> str:
        at = element(writer, bits, address, index)
        value = writer.text.set(f"load i{bits}, ptr {at}, align 1")
        return value if bits == 64 else writer.text.set(f"zext i{bits} {value} to i64")

    return write


def _writer(bits: int) -> Callable[[Expressions, str, str, str], str]:
    """Writes `put(address, index, value)`; of a value the low bits are kept."""

    def write(writer: Expressions, address: str, index: str, value: str) -> str:
        at = element(writer, bits, address, index)
        if bits < 64:
            value = writer.text.set(f"trunc i64 {value} to i{bits}")
        writer.text.line(f"store i{bits} {value}, ptr {at}, align 1")
        return ""

    return write


def _as_it_is(writer: Expressions, value: str) -> str:
    return value


def _call_expand(writer: Expressions, function: str, state: str, out: str, marks: str) -> str:
    """`i64 function(ptr state, ptr out, ptr marks)`, all four given as addresses."""
    called, *given = (pointer(writer, address) for address in (function, state, out, marks))
    return writer.text.set(f"call i64 {called}({', '.join(f'ptr {one}' for one in given)})")


def _prefetch(writer: Expressions, address: str) -> str:
    """Ask for the cache line at an address, to be written soon."""
    writer.module.declare("void @llvm.prefetch.p0(ptr, i32, i32, i32)")
    target = pointer(writer, address)
    writer.text.line(f"call void @llvm.prefetch.p0(ptr {target}, i32 1, i32 3, i32 1)")
    return ""


def _look(writer: Expressions, line: str, tag: str, mask: str) -> str:
    """Compare a whole line at once: bit i says that entry i carries the tag in the bits of the
    mask, bit LINE + i that it is empty. An empty entry carries no tag."""
    text = writer.text
    entries = text.set(f"load {_LINE_OF}, ptr {pointer(writer, line)}, align 64")
    wanted, relevant = _spread(writer, tag), _spread(writer, mask)
    masked = text.set(f"and {_LINE_OF} {entries}, {relevant}")
    same = text.set(f"icmp eq {_LINE_OF} {masked}, {wanted}")
    empty = text.set(f"icmp eq {_LINE_OF} {entries}, zeroinitializer")
    same, empty = (text.set(f"bitcast <{LINE} x i1> {v} to i{LINE}") for v in (same, empty))
    same, empty = (text.set(f"zext i{LINE} {v} to i64") for v in (same, empty))
    found = text.set(f"and i64 {same}, {text.set(f'xor i64 {empty}, -1')}")
    return text.set(f"or i64 {found}, {text.set(f'shl i64 {empty}, {LINE}')}")


def _spread(writer: Expressions, value: str) -> str:
    """The low half of a value in every place of a vector."""
    text = writer.text
    low = text.set(f"trunc i64 {value} to i32")
    one = text.set(f"insertelement {_LINE_OF} undef, i32 {low}, i32 0")
    zeros = f"<{LINE} x i32> zeroinitializer"
    return text.set(f"shufflevector {_LINE_OF} {one}, {_LINE_OF} undef, {zeros}")


def _lowest(writer: Expressions, bits: str) -> str:
    """The number of the lowest bit that is set; at least one is."""
    writer.module.declare("i64 @llvm.cttz.i64(i64, i1)")
    return writer.text.set(f"call i64 @llvm.cttz.i64(i64 {bits}, i1 1)")


def _room(writer: Expressions, length: str) -> str:
    return writer.room(int(length))


get_word = Primitive("get_word", _reader(64), "Word")
get64 = Primitive("get64", _reader(64))
get32 = Primitive("get32", _reader(32))
get8 = Primitive("get8", _reader(8))
put_word = Primitive("put_word", _writer(64), "None")
put64 = Primitive("put64", _writer(64), "None")
put32 = Primitive("put32", _writer(32), "None")
put16 = Primitive("put16", _writer(16), "None")
put8 = Primitive("put8", _writer(8), "None")
signed = Primitive("signed", _as_it_is)
unsigned = Primitive("unsigned", _as_it_is, "Word")
address_of = Primitive("address_of", _as_it_is)
room = Primitive("room", _room)
call_expand = Primitive("call_expand", _call_expand)
prefetch = Primitive("prefetch", _prefetch, "None")
look = Primitive("look", _look)
lowest = Primitive("lowest", _lowest)
