"""Arrays before, between and after: for components that move, split or join arrays and have no kernel to record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import reftorch as torch
from reftorch import nn

from ...kernel import debug
from ...step.components import PACKAGE, Component, components
from ..recordings import first_recording
from .svg import CELL, arrow, drawing, grid, label, number

Shown = tuple[str, np.ndarray, set[int]]  # a name, a matrix, the indices of its marked elements
Stages = list[list[Shown]]
GAP, ABOVE = 46, 24  # between stages, and above an array for its name


def _array(name: str, data: Any, *marked: int) -> list[Shown]:
    """The array as matrices; `marked` are flat indices of elements of the array."""
    values = np.asarray(data.detach().numpy() if hasattr(data, "detach") else data, dtype=float)
    rows = values.reshape(1, -1) if values.ndim < 2 else values
    planes = rows.reshape(-1, *rows.shape[-2:])
    found = []
    for i, plane in enumerate(planes):
        index = ", ".join(str(int(k)) for k in np.unravel_index(i, rows.shape[:-2])) if rows.ndim > 2 else ""
        inside = {place - i * plane.size for place in marked if 0 <= place - i * plane.size < plane.size}
        found.append((f"{name}[{index}]" if index else name, plane, inside))
    return found


# -------------------------------------------------------------------------------------------------- the stages
def _flatten() -> Stages:
    x = torch.arange(12.0).reshape(2, 1, 2, 3)
    return [_array("x", x, 8), _array("y", nn.Flatten()(x), 8)]


def _unflatten() -> Stages:
    x = torch.arange(12.0).reshape(2, 6)
    return [_array("x", x, 8), _array("y", nn.Unflatten(1, (1, 2, 3))(x), 8)]


def _identity() -> Stages:
    x = torch.tensor([[1.0, 2], [3, 4]])
    return [_array("x", x, 2), _array("y", nn.Identity()(x), 2)]


def _adaptive() -> Stages:
    layer = nn.AdaptiveLogSoftmaxWithLoss(4, 6, cutoffs=[2, 4], div_value=2)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    x = torch.tensor([[1.0, 2, 3, 4]])
    head, first, second = (part(x).softmax(1) for part in (layer.head, *layer.tail))
    return [
        [*_array("head", head, 2), *_array("cluster 1", first, 1), *_array("cluster 2", second)],
        _array("probabilities", layer.log_prob(x).exp(), 3),
    ]


def _data_parallel() -> Stages:
    linear = nn.Linear(1, 1)
    nn.init.constant_(linear.weight, 2.0)
    nn.init.constant_(linear.bias, 0.0)
    x = torch.tensor([[1.0], [2], [4]])
    parts = nn.parallel.scatter(x, ["cpu", "cpu"])
    outputs = nn.parallel.parallel_apply(nn.parallel.replicate(linear, ["cpu", "cpu"]), parts)
    return [
        _array("x", x, 2),
        [*_array("part 0", parts[0]), *_array("part 1", parts[1], 0)],
        [*_array("f(part 0)", outputs[0]), *_array("f(part 1)", outputs[1], 0)],
        _array("y", nn.parallel.gather([y.detach() for y in outputs], "cpu"), 2),
    ]


def _gradients() -> list[Any]:
    """The gradients of two ranks: f(x) = w x, with x = 1 and x = 3."""
    models = [nn.Linear(1, 1, bias=False) for _ in range(2)]
    for model, x in zip(models, (1.0, 3.0)):
        model(torch.tensor([x])).sum().backward()
    return [model.weight.grad for model in models]


def _averaged() -> Stages:
    found = _gradients()
    ranks = [shown for r, grad in enumerate(found) for shown in _array(f"gradient of rank {r}", grad, 0)]
    return [ranks, _array("average, on both", sum(found) / 2, 0)]


def _bucketed() -> Stages:
    from reftorch.nn.parallel.distributed_data_parallel import average_into

    found = _gradients()
    buckets = [average_into(grad, torch.zeros(1, 1), 1 / 2) for grad in found]
    return [
        [shown for r, grad in enumerate(found) for shown in _array(f"gradient of rank {r}", grad, 0)],
        [shown for r, bucket in enumerate(buckets) for shown in _array(f"bucket of rank {r}", bucket, 0)],
        _array("sum, on both", sum(buckets), 0),
    ]


def _clipped() -> Stages:
    a, b = torch.zeros(2, requires_grad=True), torch.zeros(1, requires_grad=True)
    a.grad, b.grad = torch.tensor([3.0, -4]), torch.tensor([12.0])
    stages = [[*_array("a.grad", a.grad), *_array("b.grad", b.grad)]]
    nn.utils.clip_grad_norm_([a, b], max_norm=6.5)
    stages.append([*_array("a.grad", a.grad.clone(), 0, 1), *_array("b.grad", b.grad.clone(), 0)])
    nn.utils.clip_grad_value_([a, b], clip_value=1.75)
    stages.append([*_array("a.grad", a.grad, 1), *_array("b.grad", b.grad, 0)])
    return stages


def _vector() -> Stages:
    weight, bias = torch.tensor([[1.0, 2, 3], [4, 5, 6]]), torch.tensor([7.0, 8])
    vector = nn.utils.parameters_to_vector([weight, bias])
    return [[*_array("weight", weight, 4), *_array("bias", bias)], _array("vector", vector, 4)]


def _packed() -> Stages:
    sequences = [torch.tensor([1, 2, 3]), torch.tensor([4, 5]), torch.tensor([6])]
    packed = nn.utils.rnn.pack_sequence(sequences)
    before = [*_array("a", sequences[0], 1), *_array("b", sequences[1], 1), *_array("c", sequences[2])]
    return [before, [*_array("data", packed.data, 3, 4), *_array("batch_sizes", packed.batch_sizes, 1)]]


def _padded() -> Stages:
    a, b = torch.tensor([1.0, 2, 3]), torch.tensor([4.0])
    y = nn.utils.rnn.pad_sequence([a, b], batch_first=True, padding_value=-1)
    return [[*_array("a", a), *_array("b", b, 0)], _array("y", y, 3)]


def _some_rows() -> Stages:
    recording: Any = first_recording(components()["sparse_adam"])
    arrays = {array.name: array for array in recording.arrays}
    rows = [int(row) for row in arrays["rows"].data]
    param, grad = (np.reshape(arrays[name].data, arrays[name].shape) for name in ("param", "grad"))
    after = np.reshape(recording.final("param"), param.shape)
    return [
        [*_array("param", param, *rows), *_array("rows", rows, 0, 1), *_array("grad", grad, 0, 1)],
        _array("param, after", after, *rows),
    ]


# By file: the stages, and the caption.
STAGES: dict[str, tuple[Callable[[], Stages], str]] = {
    "nn/linear/flatten": (_flatten, "The elements stay in their order; the marked one is the same before and after."),
    "nn/linear/unflatten": (
        _unflatten,
        "The elements stay in their order; the marked one is the same before and after.",
    ),
    "nn/linear/identity": (_identity, "The result is the input itself."),
    "nn/activation/adaptive_log_softmax_with_loss": (
        _adaptive,
        "Probabilities of the worked example. That of class 3 is the probability of its cluster in the head, times its own in the cluster.",
    ),
    "nn/parallel/data_parallel": (
        _data_parallel,
        "Each device computes a part of the batch; the parts become one result.",
    ),
    "nn/parallel/distributed_data_parallel_cpu": (
        _averaged,
        "Each rank has its own gradient, and gets the average over all ranks.",
    ),
    "nn/parallel/distributed_data_parallel": (
        _bucketed,
        "Each rank divides its gradient by the number of ranks; the sum over the ranks is the average.",
    ),
    "nn/utils/clip_grad": (
        _clipped,
        "First all gradients are scaled together to the norm 6.5, then each element is limited to 1.75. Changed elements are marked.",
    ),
    "nn/utils/convert_parameters": (_vector, "The elements of all parameters, one after the other, in one vector."),
    "nn/utils/rnn/packed_sequence": (
        _packed,
        "Elements are stored by time step: first those of time 0, then those of time 1, which are marked, and so on.",
    ),
    "nn/utils/rnn/pad_sequence": (
        _padded,
        "Each sequence becomes a row; the elements after its end are the padding value.",
    ),
    "optim/sparse_adam": (_some_rows, "Only the rows that the gradient names are changed; they are marked."),
}


# -------------------------------------------------------------------------------------------------- the drawing
def picture(component: Component) -> str:
    """The stages from left to right, the arrays of each below one another."""
    path = component.file.relative_to(PACKAGE).as_posix().removesuffix(".py")
    with debug():
        stages = STAGES[path][0]()
    tall = max(sum(ABOVE + len(rows) * CELL for _, rows, _ in stage) for stage in stages)
    parts, x, told = [], 2.0, []
    for i, stage in enumerate(stages):
        if i:
            parts.append(arrow(x - GAP + 8, tall / 2, x - 8, tall / 2))
        y = (tall - sum(ABOVE + len(rows) * CELL for _, rows, _ in stage)) / 2
        for name, rows, marked in stage:
            css = "rt-is-written" if i == len(stages) - 1 else "rt-is-read"
            marks = {divmod(place, rows.shape[1]): css for place in marked}
            parts.append(label(x, y + ABOVE / 2, name, "rt-italic", "start"))
            parts.append(grid(x, y + ABOVE, rows.tolist(), marks))
            y += ABOVE + len(rows) * CELL
        x += max(max(rows.shape[1] * CELL, 7 * len(name)) for name, rows, _ in stage) + GAP
        told.append("; ".join(f"{name}: {_numbers(rows)}" for name, rows, _ in stage))
    title = f"What {component.file.stem} does with the worked example"
    return drawing(x - GAP + 2, tall + 4, title, f"From left to right. {'. Then '.join(told)}.", parts)


def _numbers(rows: np.ndarray) -> str:
    return " / ".join(", ".join(map(number, row)) for row in rows.tolist())
