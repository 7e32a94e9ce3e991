"""Single machine instructions that numba does not give: 64 bytes to bit masks, and bit counts.

Written as LLVM vectors, not as one processor's instructions: x86 and ARM compile the same code.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic as _intrinsic

BLOCK = 64
# Its decorated functions are not what a type checker takes them for.
intrinsic: Any = _intrinsic
I8, I64 = ir.IntType(8), ir.IntType(64)
LANES = ir.VectorType(I8, BLOCK)


def _splat(byte: int) -> ir.Constant:
    return ir.Constant(LANES, [byte] * BLOCK)


def _pointer(context: Any, builder: Any, signature: Any, args: Any, to: ir.Type) -> Any:
    """The address of ``buffer[place]``, as a pointer to *to*."""
    buffer = context.make_array(signature.args[0])(context, builder, args[0])
    return builder.bitcast(builder.gep(buffer.data, [args[1]]), to.as_pointer())


def _any_equal(builder: Any, lanes: Any, wanted: bytes) -> Any:
    found = [builder.icmp_unsigned("==", lanes, _splat(byte)) for byte in wanted]
    whole = found[0]
    for one in found[1:]:
        whole = builder.or_(whole, one)
    return builder.bitcast(whole, I64)


@intrinsic
def classes(typingctx: Any, buffer: Any, place: Any) -> Any:
    """Five masks of the 64 bytes at *place*, lowest bit first: digits, separators, signs, line
    feeds, and bytes whose last bit is 0 (of a digit: an even one).
    """
    signature = types.UniTuple(types.uint64, 5)(buffer, place)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        lanes = builder.load(_pointer(context, builder, sig, args, LANES), align=1)
        shifted = builder.sub(lanes, _splat(ord("0")))
        even = builder.icmp_unsigned("==", builder.and_(lanes, _splat(1)), _splat(0))
        masks = [
            builder.bitcast(builder.icmp_unsigned("<", shifted, _splat(10)), I64),
            _any_equal(builder, lanes, b" \t,;\r\n"), _any_equal(builder, lanes, b"+-"),
            _any_equal(builder, lanes, b"\n"), builder.bitcast(even, I64),
        ]
        return cgutils.pack_array(builder, masks)

    return signature, codegen


@intrinsic
def word_at(typingctx: Any, buffer: Any, place: Any) -> Any:
    """The 8 bytes at *place*, any alignment, the first one lowest."""
    signature = types.uint64(buffer, place)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load(_pointer(context, builder, sig, args, I64), align=1)

    return signature, codegen


@intrinsic
def ones(typingctx: Any, mask: Any) -> Any:
    """How many bits are set."""
    return types.int64(types.uint64), lambda c, builder, s, args: builder.ctpop(args[0])


@intrinsic
def lowest(typingctx: Any, mask: Any) -> Any:
    """The place of the lowest bit set; 64 where none is."""
    no = ir.Constant(ir.IntType(1), 0)
    return types.int64(types.uint64), lambda c, builder, s, args: builder.cttz(args[0], no)


@intrinsic
def above_highest(typingctx: Any, mask: Any) -> Any:
    """How many zero bits stand above the highest bit set; 64 where none is."""
    no = ir.Constant(ir.IntType(1), 0)
    return types.int64(types.uint64), lambda c, builder, s, args: builder.ctlz(args[0], no)
