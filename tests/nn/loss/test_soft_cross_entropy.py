"""Cross entropy of class probabilities: gradients for logits, target and weight."""

from math import inf

import numpy as np
import pytest

import oracle
import reftorch
from oracle import FunctionCase, ModuleCase, array, normal, probabilities, uniform

CE = dict(component="CrossEntropyLoss")
W3 = uniform(0.5, 2, 3, grad=False)


def soft(id, shape, weight=None, dim=1, **kwargs):
    inputs = [shape, probabilities(*shape, dim=dim)] + ([] if weight is None else [weight])
    return FunctionCase("cross_entropy", inputs=inputs, kwargs=kwargs, id=id, **CE)


def edge(id, x, target, **kwargs):
    """A case with infinite numbers in it, which finite differences cannot judge."""
    inputs = [array(np.array(x, float)), array(np.array(target, float))]
    return FunctionCase("cross_entropy", inputs=inputs, kwargs=kwargs, id=id, gradcheck=False, **CE)


CASES = [
    soft("plain", (4, 3)),
    soft("none", (4, 3), reduction="none"),
    soft("sum", (4, 3), reduction="sum"),
    soft("weight", (4, 3), weight=W3),
    soft("weight, none", (4, 3), weight=W3, reduction="none"),
    soft("gradient for the weight", (4, 3), weight=uniform(0.5, 2, 3)),
    soft("gradient for the weight, smoothing, none", (2, 3, 2), uniform(0.5, 2, 3), label_smoothing=0.3, reduction="none"),
    soft("smoothing", (4, 3), label_smoothing=0.1),
    soft("smoothing, weight", (4, 3), weight=W3, label_smoothing=0.3),
    soft("smoothing 1", (4, 3), weight=W3, label_smoothing=1.0),
    soft("unbatched", (3,), dim=0),
    soft("unbatched, weight, none", (3,), dim=0, weight=uniform(0.5, 2, 3), reduction="none"),
    soft("K = 1", (2, 3, 4)),
    soft("K = 2, all options", (2, 3, 2, 3), weight=W3, label_smoothing=0.2),
    soft("K = 2, none", (2, 3, 2, 3), weight=W3, reduction="none"),
    soft("K = 3", (2, 3, 1, 2, 2)),
    soft("any negative ignore_index", (4, 3), ignore_index=-7),
    soft("many classes", (2, 700)),
    soft("large batch", (900, 3), weight=uniform(0.5, 2, 3)),
    soft("empty batch", (0, 3)),
    soft("empty batch, sum", (0, 3), reduction="sum"),
    soft("empty batch, none, gradient for the weight", (0, 3), weight=uniform(0.5, 2, 3), reduction="none"),
    soft("no pixels", (2, 3, 0)),
    soft("no classes", (5, 0)),
    soft("no classes, none", (5, 0), reduction="none"),
    soft("no classes, sum", (5, 0), reduction="sum"),
    soft("no classes, unbatched, smoothing", (0,), dim=0, label_smoothing=0.1),
    soft("no classes, pixels", (5, 0, 2)),
    FunctionCase("cross_entropy", inputs=[(3, 4), normal(3, 4)], id="not a distribution", **CE),
    FunctionCase("cross_entropy", inputs=[(3, 4), probabilities(3, 4, grad=False)], id="target without gradient", **CE),
    FunctionCase("cross_entropy", inputs=[normal(3, 4, grad=False), probabilities(3, 4)], id="target only", **CE),
    edge("huge logits", [[1e4, -1e4, 0], [3e4, 3e4, -3e4]], [[0.5, 0.25, 0.25], [0, 1, 0]]),
    edge("-inf with share 0", [[1, -inf, 0]], [[1, 0, 0]]),
    edge("-inf with a share", [[1, -inf, 0]], [[0.5, 0.5, 0]]),
    edge("-inf everywhere", [[-inf, -inf, -inf], [1, 2, 3]], [[1, 0, 0], [1, 0, 0]], reduction="none"),
    ModuleCase("CrossEntropyLoss", inputs=[(4, 3), probabilities(4, 3)], id="module",
               kwargs=dict(weight=W3, label_smoothing=0.1)),
]  # fmt: skip
SMALL = {
    "plain",
    "none",
    "gradient for the weight, smoothing, none",
    "K = 2, all options",
    "not a distribution",
}
MUTANT_CASES = [case for case in CASES if case.id in SMALL]


test_matches_torch, test_all_modes_agree, test_gradcheck, _, test_mutants = oracle.tests_of(
    __file__, CASES, mutant_cases=MUTANT_CASES
)


@pytest.mark.parametrize("shape", [(3, 4), (2, 4, 3)])
@pytest.mark.parametrize("options", [dict(), dict(reduction="none"), dict(reduction="sum", label_smoothing=0.3)])
def test_one_hot_probabilities_equal_class_indices(shape, options):
    """The two kernels' families agree where both apply (a mean without weights; otherwise they divide by different numbers)."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, shape[:1] + shape[2:])
    one_hot = np.moveaxis(np.eye(4)[labels], -1, 1)
    results = []
    for target in (labels, np.ascontiguousarray(one_hot)):
        x = reftorch.from_numpy(np.random.default_rng(1).standard_normal(shape)).requires_grad_()
        loss = reftorch.nn.functional.cross_entropy(x, reftorch.from_numpy(target), **options)
        loss.sum().backward()
        results.append((loss.detach().numpy(), x.grad.numpy()))
    for ours, other in zip(*results):
        np.testing.assert_allclose(ours, other, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("dtypes", ["float32 float64 float32", "float64 float32 float32", "float32 float32 float64"])
def test_mixed_dtypes_give_the_widest(dtypes):
    """PyTorch takes the logarithm in the dtype of the logits and widens it then: equal to float32's precision."""
    torch = pytest.importorskip("torch")
    results = []
    for library in (reftorch, torch):
        x, target, weight = (
            library.tensor(numbers, dtype=getattr(library, dtype), requires_grad=True)
            for numbers, dtype in zip(([[1.0, 2.0]], [[0.25, 0.75]], [1.0, 3.0]), dtypes.split())
        )
        loss = library.nn.functional.cross_entropy(x, target, weight)
        loss.backward()
        results.append([t.detach().numpy() for t in (loss, x.grad, target.grad, weight.grad)])
    for ours, theirs in zip(*results):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=4 * np.finfo(np.float32).eps)
