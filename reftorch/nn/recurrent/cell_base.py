"""What the three cells share: their parameters, the checks of their arguments, and input without a batch."""

from __future__ import annotations

import math

from reftorch.nn import init
from reftorch.nn.module import Module
from reftorch.nn.parameter import Parameter
from reftorch.ops import empty
from reftorch.tensor import Tensor


def check_cell(function, gates, input, states, weight_ih, weight_hh):
    """Check that input (N, D), states (N, H) and the weights of a cell with `gates` gates fit together.

    Raises:
        TypeError: an argument is not a tensor.
        IndexError: the input or a state does not have two dimensions.
        RuntimeError: sizes differ.
    """
    named = {f"hidden{i}": state for i, state in enumerate(states)}
    for name, value in {"input": input, **named, "w_ih": weight_ih, "w_hh": weight_hh}.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{function}(): argument '{name}' must be Tensor, not {type(value).__name__}")
        if value.ndim != 2:
            raise IndexError(
                f"{function}: dimension out of range, expected {name} to have 2 dimensions, found shape {list(value.shape)}"
            )
    if input.shape[1] != weight_ih.shape[1]:
        raise RuntimeError(
            f"input has inconsistent input_size: got {input.shape[1]} expected {weight_ih.shape[1]}, the input_size of the cell"
        )
    H = weight_hh.shape[1]
    for name, state in named.items():
        if state.shape[0] != input.shape[0]:
            raise RuntimeError(f"Input batch size {input.shape[0]} doesn't match {name} batch size {state.shape[0]}")
        if state.shape[1] != H:
            raise RuntimeError(
                f"{name} has inconsistent hidden_size: got {state.shape[1]}, expected {H}, the hidden_size of the cell"
            )
    for name, weight in (("weight_ih", weight_ih), ("weight_hh", weight_hh)):
        if weight.shape[0] != gates * H:
            raise RuntimeError(
                f"{name} first dim must be {gates} * hidden_size = {gates * H}, but got {weight.shape[0]}"
            )


class RNNCellBase(Module):
    """The parameters of a cell: `weight_ih` (gates * H, D) for the input, `weight_hh` (gates * H, H) for the state, and two biases.

    Args:
        input_size: D, how many numbers an element of the input has.
        hidden_size: H, how many numbers the state has.
        bias: whether there are biases.
        num_chunks: how many gates: 1, 3 or 4.

    All are drawn from the uniform distribution on ±1/sqrt(H).
    """

    def __init__(self, input_size, hidden_size, bias, num_chunks, device=None, dtype=None):
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(empty((rows, input_size), device=device, dtype=dtype))
        self.weight_hh = Parameter(empty((rows, hidden_size), device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            value = Parameter(empty(rows, device=device, dtype=dtype)) if bias else None
            self.register_parameter(name, value)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw new values: uniform on ±1/sqrt(H)."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _as_batch(self, input, states, names):
        """The input and the states with a batch dimension; states of None become zeros.

        Raises:
            ValueError: the input or a state has neither one dimension nor two.
        """
        kind = type(self).__name__
        if input.dim() not in (1, 2):
            raise ValueError(f"{kind}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        if states is None:
            N = len(input) if input.dim() == 2 else 1
            states = [input.new_zeros(N, self.hidden_size) for _ in names]
        else:
            for name, state in zip(names, states):
                if state.dim() not in (1, 2):
                    raise ValueError(f"{kind}: Expected {name} to be 1D or 2D, got {state.dim()}D instead")
            states = [state.unsqueeze(0) if input.dim() == 1 else state for state in states]
        return (input.unsqueeze(0) if input.dim() == 1 else input), states

    def extra_repr(self):
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        if getattr(self, "nonlinearity", "tanh") != "tanh":
            text += f", nonlinearity={self.nonlinearity}"
        return text
