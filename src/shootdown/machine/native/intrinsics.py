"""Two things numba has no words for: calling machine code by its address, and prefetching.

An address is an ordinary argument of the search loop, so the loop's own machine code is the same
for every model and can be cached.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


def _call_expand(typing: Any, function: Any, state: Any, out: Any) -> Any:
    """`i64 function(ptr state, ptr out)`, all three given as addresses."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        pointer = ir.PointerType()
        shape = ir.FunctionType(ir.IntType(64), [pointer, pointer])
        called = builder.inttoptr(values[0], shape.as_pointer())
        arguments = [builder.inttoptr(value, pointer) for value in values[1:]]
        return builder.call(called, arguments)

    return types.int64(types.int64, types.int64, types.int64), generate


def _prefetch(typing: Any, address: Any) -> Any:
    """Ask for the cache line at an address, to be written soon."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        pointer, word = ir.PointerType(), ir.IntType(32)
        shape = ir.FunctionType(ir.VoidType(), [pointer, word, word, word])
        insert: Any = cgutils.get_or_insert_function
        hint = insert(builder.module, shape, "llvm.prefetch.p0")
        target = builder.inttoptr(values[0], pointer)
        builder.call(hint, [target, word(1), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(types.int64), generate


call_expand: Any = intrinsic(_call_expand)
prefetch: Any = intrinsic(_prefetch)
