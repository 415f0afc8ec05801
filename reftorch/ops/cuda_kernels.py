"""The CUDA kernels behind tensor arithmetic: copy, map, reduce, scan, multiply, gather and scatter.

A kernel sees an array as three things: its memory as one axis, a tuple of extents, and a tuple of strides, counted in
elements. `position` turns the number of an element into its place in that memory, so slices, transposes and broadcast
operands (stride 0) are read where they lie, at any rank, without a copy. The output `y` of a map is contiguous: element `i`
lies at place `i`. One thread makes one output element.
"""

# mypy: ignore-errors

from ..kernel import cuda
from .cuda_tables import (
    ABSOLUTE,
    SIN,
    beats,
    combine,
    exponential,
    float_binary,
    integer_binary,
    relation,
    rounding,
    trigonometric,
)

BLOCK = 256  # threads in a block, and the length of a reduction's shared memory


@cuda.jit(device=True)
def position(i, shape, strides):
    """Where element `i` lies, counted in elements: `i` is written with the digits of `shape`, last axis fastest."""
    place = 0
    for d in range(len(shape) - 1, 0, -1):
        place += i % shape[d] * strides[d]
        i //= shape[d]
    return place + i * strides[0]


# ---------------------------------------------------------------------------------------- copy and map
@cuda.jit
def copy_cuda(x, x_strides, y, y_strides, shape, count):
    i = cuda.grid(1)
    if i >= count:
        return
    y[position(i, shape, y_strides)] = y.dtype.type(x[position(i, shape, x_strides)])


@cuda.jit
def unary_cuda(code, x, x_strides, shape, y):
    i = cuda.grid(1)
    if i >= y.size:
        return
    v = x[position(i, shape, x_strides)]
    if code < SIN:
        y[i] = exponential(code, v, y.dtype.type)
    elif code < ABSOLUTE:
        y[i] = trigonometric(code, v)
    else:
        y[i] = rounding(code, v, y.dtype.type)


@cuda.jit
def float_binary_cuda(code, a, a_strides, b, b_strides, shape, y):
    i = cuda.grid(1)
    if i >= y.size:
        return
    left = a[position(i, shape, a_strides)]
    right = b[position(i, shape, b_strides)]
    y[i] = float_binary(code, left, right, y.dtype.type)


@cuda.jit
def integer_binary_cuda(code, a, a_strides, b, b_strides, shape, y):
    i = cuda.grid(1)
    if i >= y.size:
        return
    y[i] = integer_binary(code, a[position(i, shape, a_strides)], b[position(i, shape, b_strides)])


@cuda.jit
def relation_cuda(code, a, a_strides, b, b_strides, shape, y):
    i = cuda.grid(1)
    if i >= y.size:
        return
    left = a[position(i, shape, a_strides)]
    right = b[position(i, shape, b_strides)]
    y[i] = relation(code, left, right, a.dtype.type(0))


@cuda.jit
def where_cuda(condition, condition_strides, a, a_strides, b, b_strides, shape, y):
    i = cuda.grid(1)
    if i >= y.size:
        return
    if condition[position(i, shape, condition_strides)]:
        y[i] = a[position(i, shape, a_strides)]
    else:
        y[i] = b[position(i, shape, b_strides)]


# ---------------------------------------------------------------------------------------- reduce and scan
# A row of `width` threads (a power of two) makes one output element; a block holds several rows. Thread t of a row combines
# the terms t, t + width, t + 2 width, ...; then the row folds its `width` partial results in half until one is left:
#
#     shared  [a b c d e f g h]  ->  [a+e b+f c+g d+h | . . . .]  ->  [a+e+c+g ... | . . .]  ->  [all | . . . . . . .]
#
# No thread reads what another writes in the same step: the left half reads the right half, which is not written again. The
# barrier before each step makes the writes of the step before visible. All threads of a block meet at every barrier, also
# those whose row has no output, so there is no early return. The order of the additions depends on the shapes alone, so that
# the same input gives the same bits each time. With `parts` > 1 as many rows share the work of an output element, and their
# results are combined by a second launch.
@cuda.jit
def reduce_cuda(code, x, kept, kept_strides, reduced, reduced_strides, terms, parts, y):
    shared = cuda.shared.array(BLOCK, y.dtype)
    t = cuda.threadIdx.x
    width = cuda.blockDim.x
    slot = cuda.threadIdx.y * width + t
    i = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
    if i < y.size:
        start = position(i // parts, kept, kept_strides)
        first = i % parts * width + t
        total = y.dtype.type(x[start + position(first, reduced, reduced_strides)])
        for r in range(first + parts * width, terms, parts * width):
            term = y.dtype.type(x[start + position(r, reduced, reduced_strides)])
            total = y.dtype.type(combine(code, total, term))
        shared[slot] = total
    width //= 2
    while width > 0:
        cuda.syncthreads()
        if t < width and i < y.size:
            shared[slot] = combine(code, shared[slot], shared[slot + width])
        width //= 2
    if t == 0 and i < y.size:
        y[i] = shared[slot]


# The same tree; what is folded is the number of the best term so far.
@cuda.jit
def best_cuda(code, x, kept, kept_strides, reduced, reduced_strides, terms, y):
    shared = cuda.shared.array(BLOCK, y.dtype)
    t = cuda.threadIdx.x
    width = cuda.blockDim.x
    slot = cuda.threadIdx.y * width + t
    i = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
    start = position(i, kept, kept_strides)
    if i < y.size:
        best = t
        for r in range(t + width, terms, width):
            challenger = x[start + position(r, reduced, reduced_strides)]
            if beats(code, challenger, r, x[start + position(best, reduced, reduced_strides)], best):
                best = r
        shared[slot] = best
    width //= 2
    while width > 0:
        cuda.syncthreads()
        if t < width and i < y.size:
            p = shared[slot]
            q = shared[slot + width]
            x_p = x[start + position(p, reduced, reduced_strides)]
            x_q = x[start + position(q, reduced, reduced_strides)]
            if beats(code, x_q, q, x_p, p):
                shared[slot] = q
        width //= 2
    if t == 0 and i < y.size:
        y[i] = shared[slot]


# One thread traverses the whole axis: each sum needs the one before it.
@cuda.jit
def cumsum_cuda(x, x_strides, x_step, y, y_strides, y_step, shape, lines, terms):
    i = cuda.grid(1)
    if i >= lines:
        return
    from_ = position(i, shape, x_strides)
    to = position(i, shape, y_strides)
    total = y.dtype.type(0)
    for r in range(terms):
        total += y.dtype.type(x[from_ + r * x_step])
        y[to + r * y_step] = total


# y[..., m, n] = sum over k of a[..., m, k] b[..., k, n]; `shape` is y's, a has stride 0 along n, b along m.
@cuda.jit
def matmul_cuda(a, a_strides, a_step, b, b_strides, b_step, shape, K, y):
    i = cuda.grid(1)
    if i >= y.size:
        return
    row = position(i, shape, a_strides)
    column = position(i, shape, b_strides)
    total = y.dtype.type(0)
    for k in range(K):
        total += a[row + k * a_step] * b[column + k * b_step]
    y[i] = total


# ---------------------------------------------------------------------------------------- gather and scatter
# Element i of an indexed result lies at the sum of two places: one from the axes that are sliced, by strides, and one from
# the axes that have index arrays, looked up in `offsets`.
@cuda.jit
def gather_cuda(x, x_strides, offsets, offset_strides, shape, y):
    i = cuda.grid(1)
    if i >= y.size:
        return
    y[i] = x[position(i, shape, x_strides) + offsets[position(i, shape, offset_strides)]]


# Where an index occurs twice, either of its values may be kept.
@cuda.jit
def scatter_cuda(x, x_strides, offsets, offset_strides, values, value_strides, shape, count):
    i = cuda.grid(1)
    if i >= count:
        return
    place = position(i, shape, x_strides) + offsets[position(i, shape, offset_strides)]
    x[place] = values[position(i, shape, value_strides)]


# Several threads may add to one place, where an index occurs twice: without an atomic addition they would read the same old
# value and lose each other's sums. Their order is not fixed, so the last bits of float sums may differ from run to run.
@cuda.jit
def scatter_add_cuda(x, x_strides, offsets, offset_strides, values, value_strides, shape, count):
    i = cuda.grid(1)
    if i >= count:
        return
    place = position(i, shape, x_strides) + offsets[position(i, shape, offset_strides)]
    cuda.atomic.add(x, place, values[position(i, shape, value_strides)])
