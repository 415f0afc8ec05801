"""multinomial: the indices of PyTorch for the same seed."""

import numpy as np
import pytest

import reftorch
from both import builtin_outcome, needs_pytorch, pytorch

WEIGHTS = {
    "vector": [0.1, 0.0, 0.4, 0.3, 0.2],
    "not normalised": [3.0, 10.0, 0.0, 1.0],
    "matrix": [[0.1, 0.9, 0.0], [5.0, 1.0, 2.0]],
    "one": [1.0],
    "many": np.random.default_rng(0).random(300).tolist(),
    "negative": [0.5, -0.1],
    "infinite": [0.5, np.inf],
    "NaN": [0.5, np.nan],
    "zeros": [0.0, 0.0],
    "three dimensions": [[[1.0]]],
    "no dimension": 1.0,
}


@needs_pytorch
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize(
    "count, replacement", [(1, False), (2, False), (4, True), (1, True), (40, True), (0, True), (400, False)]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_indices(weights, count, replacement, dtype):
    def draw(torch):
        torch.manual_seed(1)
        x = torch.tensor(WEIGHTS[weights], dtype=getattr(torch, dtype))
        found = torch.multinomial(x, count, replacement=replacement), x.multinomial(count, replacement)
        own = x.multinomial(count, replacement, generator=torch.Generator().manual_seed(2))
        return [(str(t.dtype), t.tolist()) for t in (*found, own)], torch.rand(1).item()

    assert builtin_outcome(draw, reftorch) == builtin_outcome(draw, pytorch)


def test_integers_are_refused():
    with pytest.raises(RuntimeError, match="floating-point dtypes"):
        reftorch.multinomial(reftorch.tensor([1, 2]), 1)
