"""The fast forms of the recurrent cells give what the reference kernels give, in rows of any length and at all ends of the gates."""

import math

import numpy as np
import pytest

import reftorch
from reftorch.nn.recurrent.gru_cell import GruCellFunction
from reftorch.nn.recurrent.lstm_cell import LstmCellFunction
from reftorch.nn.recurrent.rnn_cell import RnnCellFunction

SIZES = [(1, 1), (3, 5), (70, 33), (2, 0), (0, 4), (256, 200)]
FAR = [0.0, 1e-20, 90.0, -90.0, 200.0, -200.0, math.inf, -math.inf, math.nan]
STEPS = {
    "rnn": (1, lambda a_x, a_h, h, c: RnnCellFunction.apply(a_x, a_h, "tanh")),
    "lstm": (4, lambda a_x, a_h, h, c: LstmCellFunction.apply(a_x, a_h, c)),
    "gru": (3, lambda a_x, a_h, h, c: GruCellFunction.apply(a_x, a_h, h)),
}


def step(function, kind, a_x):
    """Outputs and gradients of what follows the products."""
    rng, (N, H) = np.random.default_rng(0), (len(a_x), a_x.shape[1] // STEPS[function][0])
    others = [rng.standard_normal(size).astype(np.float32) for size in (a_x.shape, (N, H), (N, H))]
    leaves = [reftorch.from_numpy(numbers).requires_grad_() for numbers in (a_x, *others)]
    with reftorch.kernels(kind):
        outputs = STEPS[function][1](*leaves)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        upstream = [rng.standard_normal((N, H)).astype(np.float32) for _ in outputs]
        reftorch.autograd.backward(outputs, [reftorch.from_numpy(numbers) for numbers in upstream])
    return [*outputs, *(leaf.grad for leaf in leaves if leaf.grad is not None)]


def compare(function, a_x):
    found = [step(function, kind, a_x) for kind in ("reference", "fast")]
    for reference, fast in zip(*found, strict=True):
        assert reftorch.allclose(reference, fast, rtol=2e-6, atol=2e-6, equal_nan=True)


@pytest.mark.parametrize("function", STEPS)
@pytest.mark.parametrize("N, H", SIZES)
def test_fast_form_is_the_reference(function, N, H):
    compare(function, np.random.default_rng(1).standard_normal((N, STEPS[function][0] * H)).astype(np.float32))


@pytest.mark.parametrize("function", STEPS)
def test_ends_of_the_gates(function):
    compare(function, np.resize(np.array(FAR, np.float32), (len(FAR), 1)).repeat(STEPS[function][0], 1))
