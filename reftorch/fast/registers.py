"""What a kernel asks of the compiler: to keep an array in registers, and to work on whole registers.

LLVM does both by itself in many loops, but nobody can rely on it: a constant changed, and a loop is thirty times slower. So here are
functions that say it. Each is plain Python, which tells what it does and runs where nothing is compiled, and below it stands what it
becomes in machine code.

    local_array    an array on the stack, the twin of `cuda.local.array`
    window         a piece of a line
    add_scaled     row += value * line, for a row of a tile
    copy_row       row[:] = line, for a row of a tile
    copy_part      target[:n] = line[:n], for no more than a register
    add_part       target[:n] = line[:n] + other[:n], likewise
    copy_line      target[:] = line, for lines of any size
    fill_lanes     a register of one number
    copy_lanes     target[:] = source, for a register
    take_larger    the larger of two numbers, and its place, for a register of them
    turn           a block of a matrix, turned: its rows become columns
    by_itself      this function is compiled once, not inside each of its callers

A row of a tile is three registers wide, and as many rows are summed up at once as leave room for a row of the other factor. There
are 32 registers of 16 numbers (AVX-512) or of 4 (ARM), elsewhere 16: of 8 numbers (AVX2), or 4.
"""

from __future__ import annotations

import os
import platform

import numpy as np
from llvmlite import binding, ir
from numba import config, types
from numba.core import cgutils
from numba.core.ir_utils import _add_alias, alias_func_extensions
from numba.extending import lower_builtin, type_callable
from numba.np.arrayobj import make_array, populate_array

from reftorch.kernel import SERIAL, njit

TILES = {  # rows of a tile, numbers in a register
    "avx512": (8, 16),
    "avx2": (4, 8),
    "neon": (8, 4),
    "other": (4, 4),
}


def kind_of_cpu() -> str:
    """Which entry of `TILES` suits: what the environment variable REFTORCH_TILE names, or this processor's.

    Raises:
        ValueError: the variable names no entry.
    """
    chosen = os.environ.get("REFTORCH_TILE")
    if chosen:
        if chosen not in TILES:
            raise ValueError(f"REFTORCH_TILE is {chosen!r}; it may be one of {', '.join(TILES)}")
        return chosen
    if platform.machine().lower() in ("aarch64", "arm64"):
        return "neon"
    features = (config.CPU_FEATURES or binding.get_host_cpu_features().flatten()).split(",")
    return "avx512" if "+avx512f" in features else "avx2" if {"+avx2", "+fma"} <= set(features) else "other"


ROWS, LANES = TILES[kind_of_cpu()]
COLS = 3 * LANES

# Functions that only kernels call: no door from Python is built. INLINE ones become part of their caller.
INNER = {**SERIAL, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
INLINE = {**INNER, "forceinline": True}


def rooms(workers, size, dtype, fill=np.empty):
    """Scratch for each worker: `size` numbers, which its kernel gets from `aligned`."""
    return fill((workers, size + 16), dtype)


@njit(**INLINE)
def aligned(room):
    """The numbers of a room from the start of a cache line on, so that no register is filled from two lines."""
    return window(room, (-room.ctypes.data // room.itemsize) % 16, room.size - 16)


# ---------------------------------------------------------------------------------------------------- an array on the stack
def local_array(rows, cols, dtype):
    """An array of a size known when it is compiled, and in registers if all its uses allow."""
    return np.empty((rows, cols), dtype)


@type_callable(local_array)
def _type_local_array(context):
    def typer(rows, cols, dtype):
        if isinstance(rows, types.IntegerLiteral) and isinstance(cols, types.IntegerLiteral):
            return types.Array(dtype.dtype, 2, "C")

    return typer


@lower_builtin(local_array, types.IntegerLiteral, types.IntegerLiteral, types.DType)
def _lower_local_array(context, builder, signature, arguments):
    shape = [literal.literal_value for literal in signature.args[:2]]
    number = context.get_data_type(signature.return_type.dtype)
    tile = cgutils.alloca_once(builder, ir.ArrayType(number, shape[0] * shape[1]))
    return _array(context, builder, signature.return_type, builder.bitcast(tile, number.as_pointer()), shape)


def _array(context, builder, kind, data, shape):
    """A C-contiguous array over numbers that somebody else owns."""
    size = context.get_abi_sizeof(context.get_data_type(kind.dtype))
    shape = [context.get_constant(types.intp, n) if isinstance(n, int) else n for n in shape]
    strides = [context.get_constant(types.intp, size)]
    for extent in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], extent))
    array = make_array(kind)(context, builder)
    populate_array(array, data, shape, strides, size, None)
    return array._getvalue()


# -------------------------------------------------------------------------------------------------------- a piece of a line
def window(line, at, size):
    """`line[at : at + size]`, without the questions that a slice asks (is it negative? does it end?)."""
    return line[at : at + size]


@type_callable(window)
def _type_window(context):
    return lambda line, at, size: types.Array(line.dtype, 1, "C")


@lower_builtin(window, types.Array, types.Integer, types.Integer)
def _lower_window(context, builder, signature, arguments):
    data = make_array(signature.args[0])(context, builder, arguments[0]).data
    at, size = (context.cast(builder, arguments[i], signature.args[i], types.intp) for i in (1, 2))
    return _array(context, builder, signature.return_type, builder.gep(data, [at]), [size])


# Numba removes stores into an array that nobody reads; it must know that a window is somebody's.
alias_func_extensions[window.__name__, window.__module__] = lambda window, arguments, *known: _add_alias(
    window, arguments[0].name, *known
)


# ------------------------------------------------------------------------------------------------------------ whole registers
def add_scaled(row, value, line):
    """`row += value * line` for the COLS numbers of a row of a tile."""
    row += value * line


def copy_row(row, line):
    """`row[:] = line` for the COLS numbers of a row of a tile."""
    row[:] = line


@type_callable(add_scaled)
def _type_add_scaled(context):
    return lambda row, value, line: types.none


@type_callable(copy_row)
def _type_copy_row(context):
    return lambda row, line: types.none


def _registers(context, builder, kind, array):
    """The addresses of the registers that a row fills."""
    register = ir.VectorType(context.get_data_type(kind.dtype), LANES).as_pointer()
    data = make_array(kind)(context, builder, array).data
    places = [builder.gep(data, [context.get_constant(types.intp, s)]) for s in range(0, COLS, LANES)]
    return [builder.bitcast(place, register) for place in places]


@lower_builtin(add_scaled, types.Array, types.Number, types.Array)
def _lower_add_scaled(context, builder, signature, arguments):
    kind, value_kind, _ = signature.args
    rows, lines = (_registers(context, builder, signature.args[i], arguments[i]) for i in (0, 2))
    size = context.get_abi_sizeof(context.get_data_type(kind.dtype))
    nothing = ir.Constant(rows[0].type.pointee, ir.Undefined)
    value = context.cast(builder, arguments[1], value_kind, kind.dtype)
    first = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    values = builder.shuffle_vector(first, nothing, everywhere)
    for row, line in zip(rows, lines):
        product = builder.fmul(values, builder.load(line, align=size), flags=("contract",))
        total = builder.fadd(builder.load(row, align=size), product, flags=("contract",))
        builder.store(total, row, align=size)
    return context.get_dummy_value()


@lower_builtin(copy_row, types.Array, types.Array)
def _lower_copy_row(context, builder, signature, arguments):
    size = context.get_abi_sizeof(context.get_data_type(signature.args[0].dtype))
    rows, lines = (_registers(context, builder, *pair) for pair in zip(signature.args, arguments))
    for row, line in zip(rows, lines):
        builder.store(builder.load(line, align=size), row, align=size)
    return context.get_dummy_value()


def fill_lanes(register, value):
    """The same number in all LANES."""
    register[:] = value


def copy_lanes(target, source):
    """`target[:] = source` for LANES numbers."""
    target[:] = source


@type_callable(fill_lanes)
def _type_fill_lanes(context):
    return lambda register, value: types.none


@type_callable(copy_lanes)
def _type_copy_lanes(context):
    return lambda target, source: types.none


@lower_builtin(fill_lanes, types.Array, types.Number)
def _lower_fill_lanes(context, builder, signature, arguments):
    (kind, given), size = signature.args, context.get_abi_sizeof(context.get_data_type(signature.args[0].dtype))
    value = _all_lanes(builder, context.cast(builder, arguments[1], given, kind.dtype))
    builder.store(value, _registers(context, builder, kind, arguments[0])[0], align=size)
    return context.get_dummy_value()


@lower_builtin(copy_lanes, types.Array, types.Array)
def _lower_copy_lanes(context, builder, signature, arguments):
    size = context.get_abi_sizeof(context.get_data_type(signature.args[0].dtype))
    target, source = (_registers(context, builder, *pair)[0] for pair in zip(signature.args, arguments))
    builder.store(builder.load(source, align=size), target, align=size)
    return context.get_dummy_value()


def take_larger(best, found, line, place, step):
    """For LANES numbers, `step` apart: one that is larger than that in `best`, or NaN, or the first, takes its place, its number's too."""
    for s in range(LANES):
        value = line[s * step]
        if found[s] < 0 or value > best[s] or value != value:
            best[s], found[s] = value, place + s * step


@type_callable(take_larger)
def _type_take_larger(context):
    return lambda best, found, line, place, step: types.none


@lower_builtin(take_larger, types.Array, types.Array, types.Array, types.Integer, types.Integer)
def _lower_take_larger(context, builder, signature, arguments):
    kinds = signature.args
    data = [make_array(kinds[i])(context, builder, arguments[i]).data for i in range(3)]
    place, step = (context.cast(builder, arguments[i], kinds[i], types.int64) for i in (3, 4))
    known = kinds[4].literal_value if isinstance(kinds[4], types.IntegerLiteral) else None
    steps = builder.mul(_all_lanes(builder, step), ir.Constant(ir.VectorType(step.type, LANES), list(range(LANES))))
    values, best = _lanes(builder, data[2], known, step), _lanes(builder, data[0], 1, step)
    found = _lanes(builder, data[1], 1, step)
    larger = builder.or_(builder.fcmp_ordered(">", values, best), builder.fcmp_unordered("uno", values, values))
    wins = builder.or_(larger, builder.icmp_signed("<", found, ir.Constant(found.type, [0] * LANES)))
    for target, new, old in (
        (data[0], values, best),
        (data[1], builder.add(_all_lanes(builder, place), steps), found),
    ):
        to = builder.bitcast(target, new.type.as_pointer())
        builder.store(builder.select(wins, new, old), to, align=1)
    return context.get_dummy_value()


def _all_lanes(builder, value):
    """A register of one number."""
    kind = ir.VectorType(value.type, LANES)
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))


def _lanes(builder, data, known_step, step):
    """Numbers from `data` on, `step` apart; where that is known to be 1 or 2, out of one or two whole registers."""
    number = data.type.pointee
    if known_step in (1, 2):
        whole = ir.VectorType(number, LANES * known_step).as_pointer()
        loaded = builder.load(builder.bitcast(data, whole), align=1)
        picked = ir.Constant(ir.VectorType(ir.IntType(32), LANES), list(range(0, LANES * known_step, known_step)))
        return builder.shuffle_vector(loaded, loaded, picked)
    values = ir.Constant(ir.VectorType(number, LANES), ir.Undefined)
    for s in range(LANES):
        value = builder.load(builder.gep(data, [builder.mul(step, ir.Constant(step.type, s))]))
        values = builder.insert_element(values, value, ir.Constant(ir.IntType(32), s))
    return values


def turn(rows, a, i, k, target, pitch):
    """`target[t * pitch + r] = a[i + r, k + t]` for LANES t and `rows` r, a power of two; `pitch` is `rows`, if that is below LANES.

    Shuffled like cards: if the numbers of one half of the registers are dealt out between those of the other half, each number's
    place in the deck gets twice as large, and what is carried over becomes its lowest binary digit. After as many shuffles as
    `rows` has digits, the number of the row has moved from the highest digits of the place to the lowest.
    """
    for t in range(LANES):
        for r in range(rows):
            target[t * pitch + r] = a[i + r, k + t]


@type_callable(turn)
def _type_turn(context):
    return lambda rows, a, i, k, target, pitch: types.none if isinstance(rows, types.IntegerLiteral) else None


@lower_builtin(turn, types.IntegerLiteral, types.Array, types.Integer, types.Integer, types.Array, types.Integer)
def _lower_turn(context, builder, signature, arguments):
    kinds, rows = signature.args, signature.args[0].literal_value
    a, target = (make_array(kinds[n])(context, builder, arguments[n]) for n in (1, 4))
    i, k, pitch = (context.cast(builder, arguments[n], kinds[n], types.intp) for n in (2, 3, 5))
    number = context.get_data_type(kinds[1].dtype)
    size, register = context.get_abi_sizeof(number), ir.VectorType(number, LANES).as_pointer()

    def place(data, row, width, col):
        return builder.bitcast(builder.gep(data, [builder.add(builder.mul(row, width), col)]), register)

    def plus(n, m):
        return builder.add(n, ir.Constant(n.type, m))

    width = cgutils.unpack_tuple(builder, a.shape)[1]  # the matrix has no gaps
    deck = [builder.load(place(a.data, plus(i, r), width, k), align=size) for r in range(rows)]
    for _ in range(rows.bit_length() - 1):
        halves, deck = zip(deck[: rows // 2], deck[rows // 2 :]), []
        for one, other in halves:
            for first in (0, LANES // 2):
                order = [lane for s in range(first, first + LANES // 2) for lane in (s, LANES + s)]
                shuffle = ir.Constant(ir.VectorType(ir.IntType(32), LANES), order)
                deck.append(builder.shuffle_vector(one, other, shuffle))
    for n, numbers in enumerate(deck):
        t, r = (ir.Constant(pitch.type, m) for m in divmod(n * LANES, rows))
        builder.store(numbers, place(target.data, t, pitch, r), align=size)
    return context.get_dummy_value()


# ---------------------------------------------------------------------------------------------------------------- short lines
def copy_part(target, line, count):
    """`target[:count] = line[:count]` for at most LANES numbers: none beyond is read or written."""
    target[:count] = line[:count]


def add_part(target, line, other, count):
    """`target[:count] = line[:count] + other[:count]` for at most LANES numbers: none beyond is read or written."""
    target[:count] = line[:count] + other[:count]


@type_callable(copy_part)
def _type_copy_part(context):
    return lambda target, line, count: types.none


@type_callable(add_part)
def _type_add_part(context):
    return lambda target, line, other, count: types.none


@lower_builtin(copy_part, types.Array, types.Array, types.Integer)
def _lower_copy_part(context, builder, signature, arguments):
    part = _Part(context, builder, signature, arguments)
    part.store(part.load(1), 0)
    return context.get_dummy_value()


@lower_builtin(add_part, types.Array, types.Array, types.Array, types.Integer)
def _lower_add_part(context, builder, signature, arguments):
    part = _Part(context, builder, signature, arguments)
    part.store(builder.fadd(part.load(1), part.load(2)), 0)
    return context.get_dummy_value()


class _Part:
    """The first lanes of registers: as many as the last argument says. The other arguments are arrays."""

    def __init__(self, context, builder, signature, arguments):
        *kinds, count_kind = signature.args
        number, lane = context.get_data_type(kinds[0].dtype), ir.IntType(32)
        size = context.get_abi_sizeof(number)
        self.builder, self.size = builder, ir.Constant(lane, size)
        self.register, self.lanes = ir.VectorType(number, LANES), ir.VectorType(ir.IntType(1), LANES)
        self.places = [
            builder.bitcast(make_array(kind)(context, builder, array).data, self.register.as_pointer())
            for kind, array in zip(kinds, arguments[:-1])
        ]
        count = _all_lanes(builder, context.cast(builder, arguments[-1], count_kind, types.int32))
        self.used = builder.icmp_signed("<", ir.Constant(count.type, list(range(LANES))), count)
        self.name = f"v{LANES}f{8 * size}.p0"

    def load(self, n):
        place, nothing = self.places[n], ir.Constant(self.register, ir.Undefined)
        kind = ir.FunctionType(self.register, [place.type, self.size.type, self.lanes, self.register])
        load = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.masked.load.{self.name}")
        return self.builder.call(load, [place, self.size, self.used, nothing])

    def store(self, value, n):
        place = self.places[n]
        kind = ir.FunctionType(ir.VoidType(), [self.register, place.type, self.size.type, self.lanes])
        store = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.masked.store.{self.name}")
        self.builder.call(store, [value, place, self.size, self.used])


# -------------------------------------------------------------------------------------------------------------- a whole line
def move_line(target, line):
    """`target[:] = line`, by the processor's fastest way to move memory."""
    target[:] = line


@type_callable(move_line)
def _type_move_line(context):
    return lambda target, line: types.none


@lower_builtin(move_line, types.Array, types.Array)
def _lower_move_line(context, builder, signature, arguments):
    target, line = (make_array(kind)(context, builder, array) for kind, array in zip(signature.args, arguments))
    cgutils.raw_memcpy(builder, target.data, line.data, target.nitems, target.itemsize)
    return context.get_dummy_value()


@njit(**INLINE)
def copy_line(target, line):
    """`target[:] = line`. Most lines of an image are short: to begin moving memory would take longer than to do it."""
    if line.size > 4 * LANES:
        move_line(target, line)
        return
    for s in range(0, line.size, LANES):
        count = min(LANES, line.size - s)
        copy_part(window(target, s, count), window(line, s, count), count)


# --------------------------------------------------------------------------------------------------------- a function apart
def by_itself():
    """Compile the function that says this once, not again inside each that calls it: its time is in its loops."""


@type_callable(by_itself)
def _type_by_itself(context):
    return lambda: types.none


@lower_builtin(by_itself)
def _lower_by_itself(context, builder, signature, arguments):
    set.add(builder.function.attributes, "noinline")  # the attributes' own `add` knows only some words
    return context.get_dummy_value()
