"""The tensor arithmetic that the tape needs: everything that is not a documented component.

On the CPU the numbers are NumPy's; on CUDA `on_cuda` computes the same with a few kernels. `__all__` names what is also
`torch.<name>`; the rest serves the methods of Tensor.
"""

# ruff: noqa: I001  (grouped by what they are, not sorted)
from .creation import (
    arange, as_tensor, asarray, empty, empty_like, eye, from_dlpack, from_numpy, full, full_like, linspace, ones,
    ones_like, scalar_tensor, tensor, zeros, zeros_like,
)  # fmt: skip
from .elementwise import (
    add, addcdiv, addcmul, div, floor_divide, lerp, maximum, minimum, mul, pow, remainder, sub, where,
)  # fmt: skip
from .comparison import (
    allclose, bitwise_and, bitwise_not, bitwise_or, bitwise_xor, differs, eq, equal, equals, ge, gt, isclose, isfinite,
    isinf, isnan, le, logical_and, logical_not, logical_or, logical_xor, lt, ne,
)  # fmt: skip
from .unary import (
    abs, acos, acosh, asin, asinh, atan, atanh, cos, cosh, exp, expm1, log, log1p, log2, log10, neg, reciprocal, rsqrt,
    sin, sinh, sqrt, square, tan,
)  # fmt: skip
from .rounding import ceil, clamp, clamp_max, clamp_min, floor, frac, nan_to_num, round, sign, trunc
from .reduce import all, any, count_nonzero, cumsum, mean, norm, prod, std, std_mean, sum, var, var_mean
from .extremes import amax, amin, argmax, argmin, max, min
from .softmax import log_softmax, logsumexp, softmax
from .matmul import addmm, addmv, baddbmm, bmm, dot, matmul, mm, mv, outer
from .einsum import einsum
from .shape import (
    broadcast_shapes, broadcast_tensors, broadcast_to, chunk, diagonal, expand, flatten, matrix_transpose, movedim, narrow, permute, reshape,
    select, split, squeeze, t, transpose, unbind, unflatten, unfold, unsqueeze, view, view_as,
)  # fmt: skip
from .index import getitem, index_put, index_put_, setitem
from .along import (
    gather, index_add, index_copy, index_fill, index_select, masked_fill, masked_select, scatter, scatter_add,
)  # fmt: skip
from .sorting import argsort, argwhere, bincount, median, nonzero, sort, topk, unique
from .joining import (
    cat, concat, concatenate, diag, flip, fliplr, flipud, hstack, meshgrid, repeat, repeat_interleave, roll, stack, tile,
    trace, tril, triu, vstack,
)  # fmt: skip
from .convert import (
    BFloat16Tensor, BoolTensor, ByteTensor, CharTensor, DoubleTensor, FloatTensor, HalfTensor, IntTensor, LongTensor, ShortTensor, clone,
    in_format, is_complex, is_floating_point, is_tensor, numel, parse_type, real, sum_to_size, to, type_of,
)  # fmt: skip
from .draws import (
    bernoulli, bernoulli_, exponential_, log_normal_, multinomial, normal, normal_, rand, rand_like, randint, randint_like, randn,
    randn_like, randperm, random_, uniform_,
)  # fmt: skip
from .inplace import become, copy_, fill_, turn, zero_

absolute, clip, divide, moveaxis, multiply = abs, clamp, div, movedim, mul
negative, subtract, swapaxes, true_divide = neg, sub, transpose, div

__all__ = [
    "BFloat16Tensor", "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor", "IntTensor",
    "LongTensor", "ShortTensor", "abs", "absolute", "acos", "acosh", "add", "addcdiv", "addcmul", "addmm", "addmv",
    "all", "allclose", "amax", "amin", "any", "arange", "argmax", "argmin", "argsort", "argwhere", "as_tensor",
    "asarray", "asin", "asinh", "atan", "atanh", "baddbmm", "bernoulli", "bincount", "bitwise_and", "bitwise_not",
    "bitwise_or", "bitwise_xor", "bmm", "broadcast_shapes", "broadcast_tensors", "broadcast_to", "cat", "ceil",
    "chunk", "clamp", "clamp_max", "clamp_min", "clip", "clone", "concat", "concatenate", "cos", "cosh",
    "count_nonzero", "cumsum", "diag", "diagonal", "div", "divide", "dot", "einsum", "empty", "empty_like", "eq", "equal",
    "exp", "expm1", "eye", "flatten", "flip", "fliplr", "flipud", "floor", "floor_divide", "frac", "from_dlpack",
    "from_numpy", "full", "full_like", "gather", "ge", "gt", "hstack", "index_add", "index_copy", "index_fill",
    "index_put", "index_select", "is_complex", "is_floating_point", "is_tensor", "isclose", "isfinite", "isinf",
    "isnan", "le", "lerp", "linspace", "log", "log10", "log1p", "log2", "log_softmax", "logical_and", "logical_not",
    "logical_or", "logical_xor", "logsumexp", "lt", "masked_fill", "masked_select", "matmul", "max", "maximum",
    "mean", "median", "meshgrid", "min", "minimum", "mm", "multinomial", "moveaxis", "movedim", "mul", "multiply", "mv", "nan_to_num",
    "narrow", "ne", "neg", "negative", "nonzero", "norm", "normal", "numel", "ones", "ones_like", "outer",
    "permute", "pow", "prod", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm",
    "real", "reciprocal", "remainder", "repeat_interleave", "reshape", "roll", "round", "rsqrt", "scalar_tensor",
    "scatter", "scatter_add", "select", "sign", "sin", "sinh", "softmax", "sort", "split", "sqrt",
    "square", "squeeze", "stack", "std", "std_mean", "sub", "subtract", "sum", "swapaxes", "t", "tan",
    "tensor", "tile", "topk", "transpose", "tril", "triu", "true_divide", "trunc", "unbind", "unflatten",
    "unique", "unsqueeze", "var", "var_mean", "vstack", "where", "zeros", "zeros_like",
]  # fmt: skip
