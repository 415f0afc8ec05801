"""A Function that overwrites a view: the gradient goes through it, whichever tensor it is asked through."""

import pytest

import reftorch
import reftorch.nn.functional as F

CHANGES = {
    "relu_": F.relu_,
    "leaky_relu_ without slope": lambda x: F.leaky_relu_(x, 0.0),
    "clamp_": lambda x: x.clamp_(min=0),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_gradient_goes_through_the_function(change):
    for through_the_base in (False, True):
        x = reftorch.tensor([[-1.0, 2.0], [3.0, -4.0]], requires_grad=True)
        base = x * 1
        column = base[:, 0]
        changed = change(column)
        assert changed is column
        (base[:, 0] if through_the_base else changed).sum().backward()
        assert x.grad.tolist() == [[0, 0], [1, 0]]
