"""Operations on one register of numbers, for loops that the compiler would translate into slow code or with too many tests.

As in `registers.py`, each is a function in plain Python, and below it is its translation to machine code.

    fill_lanes     a register of one number
    copy_lanes     target[:] = source, for a register
    add_lanes      target[:] = line + other, for a register
    take_larger    the larger of two numbers, and its index, for a register of them
    turn           the transpose of a block of a matrix
    copy_few       target[:n] = line[:n], where n is known when compiling
    copy_part      target[:n] = line[:n], for no more than a register
    add_part       target[:n] = line[:n] + other[:n], likewise
    copy_line      target[:] = line, for lines of any size
    put_sum        target[:] = line + other, likewise
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import lower_builtin, type_callable
from numba.np.arrayobj import make_array

from reftorch.fast.registers import INLINE, LANES, registers_of, window
from reftorch.kernel import njit


def fill_lanes(register, value):
    """The same number in all LANES."""
    register[:LANES] = value


def copy_lanes(target, source):
    """`target[:] = source` for LANES numbers."""
    target[:LANES] = source[:LANES]


def add_lanes(target, line, other):
    """`target[:] = line + other` for LANES numbers."""
    target[:LANES] = line[:LANES] + other[:LANES]


@type_callable(fill_lanes)
def _type_fill_lanes(context):
    return lambda register, value: types.none


@type_callable(copy_lanes)
def _type_copy_lanes(context):
    return lambda target, source: types.none


@type_callable(add_lanes)
def _type_add_lanes(context):
    return lambda target, line, other: types.none


@lower_builtin(fill_lanes, types.Array, types.Number)
def _lower_fill_lanes(context, builder, signature, arguments):
    (kind, given), size = signature.args, context.get_abi_sizeof(context.get_data_type(signature.args[0].dtype))
    value = _all_lanes(builder, context.cast(builder, arguments[1], given, kind.dtype))
    builder.store(value, registers_of(context, builder, kind, arguments[0])[0], align=size)
    return context.get_dummy_value()


@lower_builtin(copy_lanes, types.Array, types.Array)
def _lower_copy_lanes(context, builder, signature, arguments):
    size = context.get_abi_sizeof(context.get_data_type(signature.args[0].dtype))
    target, source = (registers_of(context, builder, *pair)[0] for pair in zip(signature.args, arguments))
    builder.store(builder.load(source, align=size), target, align=size)
    return context.get_dummy_value()


@lower_builtin(add_lanes, types.Array, types.Array, types.Array)
def _lower_add_lanes(context, builder, signature, arguments):
    size = context.get_abi_sizeof(context.get_data_type(signature.args[0].dtype))
    target, *places = (registers_of(context, builder, *pair)[0] for pair in zip(signature.args, arguments))
    line, other = (builder.load(place, align=size) for place in places)
    builder.store(builder.fadd(line, other), target, align=size)
    return context.get_dummy_value()


def take_larger(best, found, line, place, step):
    """For LANES numbers, `step` apart: a number that is larger than the one in `best`, or NaN, or the first, replaces it and its index."""
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
    """Numbers from `data` on, `step` apart; if the step is known to be 1 or 2, from one or two whole registers."""
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

    The numbers are shuffled like cards. If the numbers of one half of the registers are put between those of the other half, the index
    of each number is doubled, and its highest binary digit becomes the lowest. After as many shuffles as `rows` has binary digits, the
    index of the row has moved from the highest digits to the lowest.
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
def copy_few(count, target, line):
    """`target[:count] = line[:count]`, where `count` is a power of two that is known when compiling: a small register of its own."""
    target[:count] = line[:count]


@type_callable(copy_few)
def _type_copy_few(context):
    return lambda count, target, line: types.none if isinstance(count, types.IntegerLiteral) else None


@lower_builtin(copy_few, types.IntegerLiteral, types.Array, types.Array)
def _lower_copy_few(context, builder, signature, arguments):
    count, *kinds = signature.args
    number = context.get_data_type(kinds[0].dtype)
    size, few = context.get_abi_sizeof(number), ir.VectorType(number, count.literal_value).as_pointer()
    target, line = (
        builder.bitcast(make_array(kind)(context, builder, array).data, few)
        for kind, array in zip(kinds, arguments[1:])
    )
    builder.store(builder.load(line, align=size), target, align=size)
    return context.get_dummy_value()


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
    """Works on the first lanes of registers: the last argument is their number, the other arguments are arrays."""

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
    """`target[:] = line`, with the processor's fastest instruction for copying memory."""
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
    """`target[:] = line`. Most lines of an image are short: calling `memmove` would take longer than copying."""
    if line.size > 4 * LANES:
        move_line(target, line)
        return
    whole = line.size - line.size % LANES
    for s in range(0, whole, LANES):
        copy_lanes(window(target, s, LANES), window(line, s, LANES))
    if whole < line.size:
        count = line.size - whole
        copy_part(window(target, whole, count), window(line, whole, count), count)


@njit(**INLINE)
def put_sum(target, line, other):
    """`target[:] = line + other`. On some processors, writing a part of a register takes several times as long as a whole one."""
    whole = target.size - target.size % LANES
    for s in range(0, whole, LANES):
        add_lanes(window(target, s, LANES), window(line, s, LANES), window(other, s, LANES))
    if whole < target.size:
        count = target.size - whole
        add_part(window(target, whole, count), window(line, whole, count), window(other, whole, count), count)
