"""What RNN, LSTM and GRU share: parameters, layers and directions, packed input, input without a batch, and all checks.

A layer works on rows: the elements of all sequences, time by time, as in a `PackedSequence`. In a padded batch every time has the
same number of rows.
"""

from __future__ import annotations

import math
import warnings
from itertools import accumulate
from numbers import Real

from reftorch.nn import init
from reftorch.nn.dropout.dropout import dropout
from reftorch.nn.module import Module
from reftorch.nn.parameter import Parameter
from reftorch.nn.utils.rnn.packed_sequence import PackedSequence
from reftorch.ops import cat, empty, index_select, stack
from reftorch.tensor import Tensor

GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}


def time_steps(batch_sizes, reverse):
    """For each step the rows of its time, as a slice: from the first time on, or from the last one if `reverse`.

    The sequences are sorted, so the rows of a time belong to the first sequences. Forwards, a sequence that has ended is no longer
    among them, and its state stays as it was. In reverse, a sequence joins at its own last element, with its initial state.
    """
    ends = list(accumulate(batch_sizes))
    steps = [slice(end - count, end) for end, count in zip(ends, batch_sizes)]
    return steps[::-1] if reverse else steps


class RNNBase(Module):
    """The base of `RNN`, `LSTM` and `GRU`, which define in `_direction` what one direction of one layer computes.

    Args:
        mode: "RNN_TANH", "RNN_RELU", "LSTM" or "GRU".
        input_size: D, how many numbers an element of the input has.
        hidden_size: H, how many numbers a state has.
        num_layers: how many layers are stacked; each reads the output of the one below.
        bias: whether there are biases.
        batch_first: whether padded input and output are (N, T, *) and not (T, N, *). The shape of the states does not change.
        dropout: the probability of dropout behind each layer but the last.
        bidirectional: whether a second direction reads each sequence from its end.
        proj_size: P, to which an LSTM's state is projected; 0 means no projection.

    Raises:
        TypeError: a size is not an int, a flag not a bool.
        ValueError: a size that is not positive; a dropout that is no probability; `proj_size` not below `hidden_size`.
    """

    def __init__(
        self,
        mode,
        input_size,
        hidden_size,
        num_layers=1,
        bias=True,
        batch_first=False,
        dropout=0.0,
        bidirectional=False,
        proj_size=0,
        device=None,
        dtype=None,
    ):
        super().__init__()
        self.mode = mode
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.bidirectional = bias, batch_first, bidirectional
        self.dropout, self.proj_size = float(dropout), proj_size
        self._check_options(dropout)
        rows, width = GATES[mode] * hidden_size, proj_size or hidden_size
        self._all_weights = []
        for layer in range(num_layers):
            for end in ("", "_reverse") if bidirectional else ("",):
                columns = input_size if layer == 0 else width * self._directions
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, columns), "weight_hh": (rows, width)}
                shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {}
                shapes |= {"weight_hr": (proj_size, hidden_size)} if proj_size else {}
                for name, shape in shapes.items():
                    setattr(self, f"{name}_l{layer}{end}", Parameter(empty(shape, device=device, dtype=dtype)))
                self._all_weights.append([f"{name}_l{layer}{end}" for name in shapes])
        self.reset_parameters()

    @property
    def _directions(self):
        return 2 if self.bidirectional else 1

    def _check_options(self, dropout):
        if not isinstance(dropout, Real) or isinstance(dropout, bool) or not 0 <= dropout <= 1:  # type: ignore[operator]
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an element being zeroed, "
                f"found {dropout!r}"
            )
        if dropout > 0 and self.num_layers == 1:  # type: ignore[operator]
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers "
                f"greater than 1, but got dropout={dropout} and num_layers=1",
                stacklevel=4,
            )
        wanted = {"bias": bool, "batch_first": bool, "input_size": int, "hidden_size": int}
        for name, kind in wanted.items():
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise TypeError(f"{name} should be of type {kind.__name__}, got: {type(value).__name__}")
        for name in ("input_size", "hidden_size", "num_layers"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than zero, found {getattr(self, name)}")
        if self.proj_size < 0:
            raise ValueError(
                f"proj_size should be a positive integer or zero to disable projections, found {self.proj_size}"
            )
        if self.proj_size >= self.hidden_size:
            raise ValueError(
                f"proj_size has to be smaller than hidden_size, found {self.proj_size} and {self.hidden_size}"
            )
        if self.mode not in GATES:
            raise ValueError(f"Unrecognized RNN mode: {self.mode}; it may be one of {', '.join(GATES)}")

    def reset_parameters(self):
        """Draw new values: uniform on ±1/sqrt(H)."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    @property
    def all_weights(self):
        """The parameters, one list for each direction of each layer."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights_names(self):
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self):
        return [getattr(self, name) for name in self._flat_weights_names]

    def flatten_parameters(self):
        """Does nothing. PyTorch arranges the parameters in memory for cuDNN here."""

    def extra_repr(self):
        usual = dict(proj_size=0, num_layers=1, bias=True, batch_first=False, dropout=0, bidirectional=False)
        shown = [f"{name}={getattr(self, name)}" for name in usual if getattr(self, name) != usual[name]]
        return ", ".join([str(self.input_size), str(self.hidden_size), *shown])

    # ------------------------------------------------------------------------------------------------- the call
    def _state_sizes(self):
        """How many numbers each state of a unit has: H; for an LSTM that of the state and that of the memory."""
        return [self.hidden_size]

    def _direction(self, x, states, weights, batch_sizes, reverse):
        """One direction of one layer: its output, row by row, and its last states."""
        raise NotImplementedError(f"{type(self).__name__} does not define what one direction computes")

    def _run(self, input, states):
        """The output, packed if the input is, and the last states; `states` is None or a list."""
        if isinstance(input, PackedSequence):
            x, batch_sizes, order, back = input
            counts = [int(count) for count in batch_sizes]
            if states is not None and order is not None:
                states = [index_select(state, 1, order) for state in states]
            states = self._checked(x, states, counts[0], 2)
            y, states = self._layers(x, states, counts)
            if back is not None:
                states = [index_select(state, 1, back) for state in states]
            return PackedSequence(y, batch_sizes, order, back), states
        self._check_dimensions(input, states)
        batched = input.dim() == 3
        if not batched:
            input = input.unsqueeze(1)
            states = states and [state.unsqueeze(1) for state in states]
        elif self.batch_first:
            input = input.transpose(0, 1)
        T, N, _ = input.shape
        states = self._checked(input, states, N, 3)
        if T == 0:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN, found an input without elements")
        y, states = self._layers(input.reshape(T * N, self.input_size), states, [N] * T)
        y = y.reshape(T, N, y.shape[1])
        if not batched:
            return y.squeeze(1), [state.squeeze(1) for state in states]
        return y.transpose(0, 1) if self.batch_first else y, states

    def _layers(self, x, states, batch_sizes):
        """All layers, one after the other: the output of the last one, and the last states of each direction of each layer."""
        last, number = [], 0
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(self._directions):
                own = [state[number] for state in states]
                y, *found = self._direction(x, own, self._weights(number), batch_sizes, direction == 1)
                outputs.append(y)
                last.append(found)
                number += 1
            x = cat(outputs, 1) if len(outputs) > 1 else outputs[0]
            if layer < self.num_layers - 1:
                x = dropout(x, self.dropout, self.training)
        return x, [stack(each) for each in zip(*last)]

    def _weights(self, number):
        """The weights of a direction: weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, None where there is none."""
        names = self._all_weights[number]
        end = names[0].removeprefix("weight_ih")
        wanted = [f"{name}{end}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")]
        return [getattr(self, name) if name in names else None for name in wanted]

    # ------------------------------------------------------------------------------------------------- checks
    def _check_dimensions(self, input, states):
        kind = type(self).__name__
        for state in states or ():
            if not isinstance(state, Tensor):
                raise AttributeError(
                    f"{kind}: expected a Tensor as state, found {type(state).__name__}, which has no dimensions"
                )
        if input.dim() not in (2, 3):
            raise ValueError(f"{kind}: Expected input to be 2D or 3D, got {input.dim()}D tensor instead")
        dims = [state.dim() for state in states or ()]
        if any(dim != input.dim() for dim in dims):
            what = "hx" if len(dims) == 1 else "hx and cx"
            how = "batched" if input.dim() == 3 else "unbatched"
            raise RuntimeError(
                f"For {how} {input.dim()}-D input, {what} should also be {input.dim()}-D but got {dims}-D tensors"
            )

    def _checked(self, x, states, N, dims):
        """The states, zeros if there are none, after all sizes and dtypes have been found to fit.

        Raises:
            ValueError: the input has another dtype than the weights.
            RuntimeError: sizes differ, or the dtypes of the states.
        """
        dtype = self._flat_weights[0].dtype
        if x.dtype is not dtype:
            raise ValueError(
                f"RNN input dtype ({x.dtype}) does not match weight dtype ({dtype}). Convert input: input.to({dtype}), or "
                f"convert model: model.to({x.dtype})"
            )
        if x.dim() != dims:
            raise RuntimeError(f"input must have {dims} dimensions, got {x.dim()}")
        if x.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {x.shape[-1]}"
            )
        sizes = [(self.num_layers * self._directions, N, size) for size in self._state_sizes()]
        if states is None:
            return [x.new_zeros(size) for size in sizes]
        for i, (state, size) in enumerate(zip(states, sizes)):
            which = "hidden size" if len(sizes) == 1 else f"hidden[{i}] size"
            if tuple(state.shape) != size:
                raise RuntimeError(
                    f"Expected {which} {size}, got {list(state.shape)}: the order is layers times directions, batch, size, also "
                    "with batch_first"
                )
            if state.dtype is not dtype:
                raise RuntimeError(
                    f"input and states must have the same dtype, but got {dtype} and {state.dtype} for state {i}: convert one of them"
                )
        return states
