"""Cases that activations share: shapes, edges, in place, what is refused."""

import math

import numpy as np

import oracle
from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, array, distinct

FINITE = array([-1.0, -0.0, 0.0, 1.0, 1e-40, -1e-40, -100, 100, 3.0, -3.0, 0.5, -0.5, 6.0])
INFINITE = array([-math.inf, math.inf])
NAN = array([math.nan, 1.0, math.nan], grad=False)


def activation_cases(module, function, *args, nan_slope=True, infinite_slope=True, **kwargs):
    """As `oracle.elementwise_cases`; where torch gives two gradients for NaN (or infinity), without gradients of these."""
    usual = oracle.elementwise_cases(module, function, *args, **kwargs)
    if nan_slope and infinite_slope:
        edges = usual[-1:]
    else:
        edges = [FunctionCase(function, [NAN], args, kwargs, id="NaN")]
        edges += [FunctionCase(function, [INFINITE], args, kwargs, id="infinity", gradcheck=False)] * infinite_slope
    return [*usual[:-1], *edges, FunctionCase(function, [FINITE], args, kwargs, id="finite edges", gradcheck=False)]


def in_place_option(function, *args, **kwargs):
    """For functions with the argument `inplace`: on the tape, a column, a transpose, without a gradient, as a module."""

    def case(steps, given, id, **options):
        def run(torch, x):
            return steps(torch, x * 1, getattr(torch.nn.functional, function))

        return ScriptCase(function, run=run, inputs=[given], id=id, **options)

    def once(torch, x, change):
        y = change(x, *args, inplace=True, **kwargs)
        return y * 3, torch.tensor(x._version, device=x.device), torch.tensor(y is x, device=x.device)

    def of_a_column(torch, x, change):
        returned = change(x[:, 0], *args, inplace=True, **kwargs)
        return x * x, returned

    def of_a_transpose(torch, x, change):
        change(x.transpose(0, 1), *args, inplace=True, **kwargs)
        return x

    return [
        case(once, distinct(2, 3), "in place"),
        case(once, distinct(0, 3), "in place, empty"),
        case(once, FINITE, "in place, finite edges", gradcheck=False),
        case(of_a_column, distinct(2, 3), "in place, a column"),
        case(of_a_transpose, distinct(2, 3), "in place, a transpose"),
    ]


def module_in_place(module, *args, **kwargs):
    """The module with `inplace=True`, of a tensor that does not require a gradient."""
    given = array(np.array([-1.5, -0.2, 0.3, 2.5]), grad=False)
    return ModuleCase(module, [given], args, dict(kwargs, inplace=True), id="module in place", changes_inputs=True)


def activation_errors(function, *args, dtypes=("int64", "bool", "complex64"), inplace=False, **kwargs):
    """Not a tensor, a dtype without a kernel, and in place what may not be overwritten."""

    def of(dtype):
        def call(torch):
            return getattr(torch.nn.functional, function)(torch.ones(2, dtype=getattr(torch, dtype)), *args, **kwargs)

        return call

    def of_a_list(torch):
        return getattr(torch.nn.functional, function)([1.0], *args, **kwargs)

    def of_a_leaf(torch):
        x = torch.ones(2, requires_grad=True)
        return getattr(torch.nn.functional, function)(x, *args, inplace=True, **kwargs)

    def of_expanded(torch):
        return getattr(torch.nn.functional, function)(torch.ones(1).expand(3), *args, inplace=True, **kwargs)

    errors = [ErrorCase(of_a_list, ["list", "Tensor"], raises=TypeError, id="list")]
    errors += [ErrorCase(of(dtype), [dtype, "float()"], id=dtype) for dtype in dtypes]
    errors += [ErrorCase(of("float16"), ["float16", "float()"], raises=NotImplementedError, id="float16")]
    if inplace:
        errors += [ErrorCase(of_a_leaf, ["leaf"], id="leaf in place")]
        errors += [ErrorCase(of_expanded, ["clone()"], raises=RuntimeError, id="expanded, in place")]
    return errors


def number_errors(function, before=(), name="alpha"):
    """The argument behind the input and `before` must be a number."""

    def of(value):
        return lambda torch: getattr(torch.nn.functional, function)(torch.ones(2), *before, value)

    def of_a_tensor(torch):
        return getattr(torch.nn.functional, function)(torch.ones(2), *before, torch.ones(2))

    return [
        ErrorCase(of("a"), [name, "Number", "str"], id=f"{name} a word"),
        ErrorCase(of(None), [name, "Number", "NoneType"], id=f"{name} None"),
        ErrorCase(of_a_tensor, [name, "Number", "Tensor"], id=f"{name} with a dimension"),
    ]
