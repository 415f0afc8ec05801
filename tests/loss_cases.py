"""The cases that all losses of one element at a time have, for the test files of tests/nn/loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oracle import Case, ErrorCase, FunctionCase, ModuleCase, ScriptCase, Spec, array

REDUCTIONS = ("none", "mean", "sum")


def without_grad(spec: Spec) -> Spec:
    return Spec(spec.draw, False, spec.dtype)


def reductions(function: str, inputs: list, id: str = "", **kwargs: Any) -> list[Case]:
    """`function` with each of the three reductions."""
    return [
        FunctionCase(function, inputs, kwargs=kwargs | {"reduction": each}, id=f"{id} {each}") for each in REDUCTIONS
    ]


def usual_cases(function: str, module: str, draw: Callable[..., list], **kwargs: Any) -> list[Case]:
    """Reductions, shapes, empty and large inputs, the deprecated arguments, the Module. `draw(*shape)` gives the inputs.

    The keyword arguments are those of the function and the Module alike.
    """

    def case(id: str, inputs: list, **more: Any) -> Case:
        return FunctionCase(function, inputs, kwargs=kwargs | more, id=id)

    first, *others = draw(3, 5)
    return [
        *reductions(function, draw(3, 5), **kwargs),
        case("a number", draw()),
        case("empty", draw(0)),
        case("empty, none", draw(2, 0, 3), reduction="none"),
        case("empty, sum", draw(0, 3), reduction="sum"),
        case("four dimensions", draw(2, 3, 1, 2), reduction="none"),
        case("large", draw(40, 50, 13)),
        case("only the input has a gradient", [first, *map(without_grad, others)]),
        case("no gradient", [without_grad(each) for each in draw(4)]),
        ModuleCase(module, draw(3, 5), kwargs=kwargs, id="module"),
        ModuleCase(module, draw(3, 5), kwargs=kwargs | {"reduction": "none"}, id="module, none"),
    ]


def deprecated(function: str, inputs: list) -> list[Case]:
    """The old spellings of the reductions."""
    given = [dict(size_average=False), dict(reduce=False), dict(size_average=True, reduction="sum")]
    return [FunctionCase(function, inputs, kwargs=kwargs, id=str(kwargs)) for kwargs in given]


def edges(function: str, *columns: Any, id: str = "edges", **kwargs: Any) -> Case:
    """Given numbers, among them NaN and infinity, one loss each."""
    inputs = [array(column) for column in columns]
    return FunctionCase(function, inputs, kwargs={"reduction": "none"} | kwargs, id=id, gradcheck=False)


def dtypes(function: str, *of: str, grad: bool = True, **kwargs: Any) -> Case:
    """Tensors of these dtypes; the dtype of the result is compared, too, and its values in float32."""

    def run(torch: Any, *tensors: Any) -> Any:
        given = [tensor.to(getattr(torch, dtype)) for tensor, dtype in zip(tensors, of)]
        result = getattr(torch.nn.functional, function)(*given, **kwargs)
        return result.to(torch.complex64 if result.is_complex() else torch.float32), str(result.dtype)

    cuda = not any("complex" in dtype for dtype in of)  # complex numbers have no kernels there,
    grad = grad and cuda  # and no gradients here
    inputs = [array([[0.25, 0.75, 0.5], [0.5, 1.0, 0.0]], grad=grad)] * len(of)
    name, options = ", ".join(of), dict(gradcheck=False, tiny=False, strided=False)
    return ScriptCase(function, run=run, inputs=inputs, id=name, cuda=cuda, **options)


def refused(function: str, words: list[str], id: str, *tensors: Any, **kwargs: Any) -> ErrorCase:
    """`function` must raise. A tuple stands for ones of this shape, a pair (shape, dtype) for those of a dtype."""

    def given(torch: Any, value: Any) -> Any:
        if isinstance(value, tuple) and value and isinstance(value[-1], str):
            return torch.ones(value[0], dtype=getattr(torch, value[-1]))
        return torch.ones(value) if isinstance(value, tuple) else value

    def call(torch: Any) -> Any:
        args = [given(torch, value) for value in tensors]
        return getattr(torch.nn.functional, function)(*args, **{k: given(torch, v) for k, v in kwargs.items()})

    return ErrorCase(call, words, id=id)


def usual_errors(function: str, count: int = 2) -> list[ErrorCase]:
    """A wrong reduction, no tensors, shapes that do not fit."""
    tensors = [(3,)] * count
    return [
        refused(function, ["average", "'none', 'mean' or 'sum'"], "reduction", *tensors, reduction="average"),
        refused(function, ["list"], "input a list", [1.0], *tensors[1:]),
        refused(function, ["target", "NoneType"], "target None", *tensors[:-1], None),
        refused(function, ["[2, 3]"], "shapes", (2, 3), *[(4,)] * (count - 1)),
    ]
