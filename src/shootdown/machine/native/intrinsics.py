"""What numba has no words for: memory and machine code by address, prefetching, lines of a table.

An address is an ordinary argument of the search loop, so the loop's own machine code is the same
for every model and can be cached. The hot loops know their arrays by address only, too: where a
numba array is handed on, its references are counted, atomically, which took a sixth of the time.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from shootdown.machine.native.sizes import LINE

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_POINTER = ir.PointerType()


def _call_expand(typing: Any, function: Any, state: Any, out: Any, marks: Any) -> Any:
    """`i64 function(ptr state, ptr out, ptr marks)`, all four given as addresses."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        shape = ir.FunctionType(_I64, [_POINTER] * 3)
        called = builder.inttoptr(values[0], shape.as_pointer())
        arguments = [builder.inttoptr(value, _POINTER) for value in values[1:]]
        return builder.call(called, arguments)

    return types.int64(*[types.int64] * 4), generate


def _prefetch(typing: Any, address: Any) -> Any:
    """Ask for the cache line at an address, to be written soon."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        shape = ir.FunctionType(ir.VoidType(), [_POINTER, _I32, _I32, _I32])
        insert: Any = cgutils.get_or_insert_function
        hint = insert(builder.module, shape, "llvm.prefetch.p0")
        target = builder.inttoptr(values[0], _POINTER)
        builder.call(hint, [target, _I32(1), _I32(3), _I32(1)])
        return context.get_dummy_value()

    return types.void(types.int64), generate


def _look(typing: Any, line: Any, tag: Any, mask: Any) -> Any:
    """Compare a whole line at once: bit i says that entry i carries the tag in the bits of the
    mask, bit LINE + i that it is empty. An empty entry carries no tag."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        vector = ir.VectorType(_I32, LINE)
        entries = builder.load(builder.inttoptr(values[0], _POINTER), align=64, typ=vector)
        wanted, relevant = (_spread(builder, value, vector) for value in values[1:])
        bits = ir.IntType(LINE)
        same = builder.icmp_unsigned("==", builder.and_(entries, relevant), wanted)
        empty = builder.icmp_unsigned("==", entries, ir.Constant(vector, None))
        same, empty = (builder.zext(builder.bitcast(v, bits), _I64) for v in (same, empty))
        found = builder.and_(same, builder.not_(empty))
        return builder.or_(found, builder.shl(empty, _I64(LINE)))

    return types.int64(types.int64, types.int64, types.int64), generate


def _spread(builder: ir.IRBuilder, value: Any, vector: ir.VectorType) -> Any:
    """The low half of a value in every place of a vector."""
    one = builder.insert_element(
        ir.Constant(vector, ir.Undefined), builder.trunc(value, _I32), _I32(0)
    )
    zeros = ir.Constant(ir.VectorType(_I32, LINE), None)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)


def _lowest(typing: Any, bits: Any) -> Any:
    """The number of the lowest bit that is set; at least one is."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        return builder.cttz(values[0], ir.IntType(1)(1))

    return types.int64(types.int64), generate


def _reader(bits: int, kind: Any) -> Any:
    """An intrinsic `get(address, index)` for an array of unsigned integers."""

    def get(typing: Any, address: Any, index: Any) -> Any:
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
            element = ir.IntType(bits)
            value = builder.load(_element(builder, values, element), typ=element)
            return value if bits == 64 else builder.zext(value, _I64)

        return kind(types.int64, types.int64), generate

    return intrinsic(get)


def _writer(bits: int, kind: Any) -> Any:
    """An intrinsic `put(address, index, value)`; of a value the low bits are kept."""

    def put(typing: Any, address: Any, index: Any, value: Any) -> Any:
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
            element = ir.IntType(bits)
            value = values[2] if bits == 64 else builder.trunc(values[2], element)
            builder.store(value, _element(builder, values, element))
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, kind), generate

    return intrinsic(put)


def _element(builder: ir.IRBuilder, values: Any, element: ir.IntType) -> Any:
    base = builder.inttoptr(values[0], _POINTER)
    return builder.gep(base, [values[1]], source_etype=element)


get_word: Any = _reader(64, types.uint64)
put_word: Any = _writer(64, types.uint64)
get64: Any = _reader(64, types.int64)
put64: Any = _writer(64, types.int64)
get32: Any = _reader(32, types.int64)
put32: Any = _writer(32, types.int64)
get16: Any = _reader(16, types.int64)
put16: Any = _writer(16, types.int64)
get8: Any = _reader(8, types.int64)
put8: Any = _writer(8, types.int64)
call_expand: Any = intrinsic(_call_expand)
prefetch: Any = intrinsic(_prefetch)
look: Any = intrinsic(_look)
lowest: Any = intrinsic(_lowest)
