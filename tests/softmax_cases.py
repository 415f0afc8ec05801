"""Cases for softmax and its kin: every dimension, guessed dimensions, edges, errors."""

import math

from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, array, distinct

inf, nan = math.inf, math.nan
ROWS = array([[0.0, -inf, 1], [-inf, -inf, -inf], [inf, 0, 1], [nan, 0, 1], [1e30, 0, -1e30], [1e4, 1e4 + 1, 0]])
HALVES = array([[1.0, 2, 3], [-8, 0, 8]], grad=False, dtype="float16")


def along_cases(module, function):
    """`module` is the class, `function` its name in nn.functional."""
    shapes = [
        ((2, 3), 1),
        ((2, 3), 0),
        ((2, 3, 4), 1),
        ((2, 3, 4), -1),
        ((1, 2, 1, 3, 2), 3),
        ((5,), 0),
        ((), 0),
        ((), -1),
    ]
    empty = [((0, 3), 1), ((2, 0), 1), ((2, 0), 0), ((0, 3), 0)]
    method = lambda torch, x: getattr(x, function)(1)  # noqa: E731
    named = lambda torch, x: getattr(torch, function)(x, 0, dtype=torch.float64)  # noqa: E731
    return [
        *[
            ModuleCase(module, [distinct(*shape)], args=(dim,), id=f"{shape}, dim {dim}")
            for shape, dim in shapes + empty
        ],
        ModuleCase(module, [distinct(2, 3)], kwargs=dict(dim=-2), id="named"),
        *[
            FunctionCase(function, [distinct(*shape)], id=f"dim guessed, {shape}")
            for shape in ((3,), (2, 3), (2, 1, 3))
        ],
        FunctionCase(function, [distinct(2, 2, 1, 2)], id="dim guessed, of four"),
        FunctionCase(function, [ROWS], args=(1,), id="edges", gradcheck=False),
        FunctionCase(function, [ROWS], args=(0,), id="edges, columns", gradcheck=False),
        FunctionCase(function, [HALVES], args=(1,), id="float16"),
        ModuleCase(module, [(300, 50)], args=(1,), id="large, rows"),
        ModuleCase(module, [(4, 5, 30, 40)], args=(1,), id="large, pixels"),
        ModuleCase(module, [(50, 300)], args=(0,), id="large, columns"),
        ScriptCase(function, run=method, inputs=[distinct(2, 3)], id="method"),
        ScriptCase(function, run=named, inputs=[distinct(2, 3)], id="dtype"),
    ]


def along_errors(function):
    def of(*args, dtype="float32", shape=(2, 3), **kwargs):
        make = lambda torch: torch.ones(shape, dtype=getattr(torch, dtype))  # noqa: E731
        return lambda torch: getattr(torch.nn.functional, function)(make(torch), *args, **kwargs)

    return [
        ErrorCase(of(2), ["[-2, 1]", "2"], id="dim too large"),
        ErrorCase(of(-3), ["[-2, 1]", "-3"], id="dim too small"),
        ErrorCase(of(1, shape=()), ["[-1, 0]"], id="dim of a number"),
        ErrorCase(of("1"), ["int", "str"], id="dim a word"),
        ErrorCase(of(0.5), ["int", "float"], id="dim a fraction"),
        *[ErrorCase(of(1, dtype=dtype), [dtype, "float()"], id=dtype) for dtype in ("int64", "bool", "complex64")],
        ErrorCase(lambda torch: getattr(torch, function)([1.0], 0), ["list", "Tensor"], id="list"),
        ErrorCase(lambda torch: getattr(torch, function)(torch.ones(2), None), ["int", "NoneType"], id="dim None"),
        ErrorCase(lambda torch: getattr(torch.ones(2), function)(), ["dim"], id="no dim"),
    ]
