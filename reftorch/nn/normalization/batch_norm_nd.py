"""Shared by the batch normalizations of one, two and three dimensions: the layer with its state, and the checks of the arguments."""

from __future__ import annotations

import math

from reftorch.autograd import is_grad_enabled
from reftorch.nn.init import ones_, zeros_
from reftorch.nn.module import Module
from reftorch.nn.parameter import Parameter
from reftorch.ops import empty, ones, tensor, zeros
from reftorch.tensor import Tensor
from reftorch.types import Size, float32, float64, int64


class _NormBase(Module):
    """A layer with a weight and a bias for each feature, and running statistics of its inputs.

    State of version 1 has no `num_batches_tracked`: a module that loads it keeps its own count.
    """

    _version = 2

    def __init__(
        self,
        num_features,
        eps=1e-5,
        momentum=0.1,
        affine=True,
        track_running_stats=True,
        device=None,
        dtype=None,
        *,
        bias=True,
    ):
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        like = dict(device=device, dtype=dtype)
        self.register_parameter("weight", Parameter(empty(num_features, **like)) if affine else None)
        self.register_parameter("bias", Parameter(empty(num_features, **like)) if affine and bias else None)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, **like) if tracked else None)
        self.register_buffer("running_var", ones(num_features, **like) if tracked else None)
        self.register_buffer("num_batches_tracked", tensor(0, dtype=int64, device=device) if tracked else None)
        self.reset_parameters()

    def reset_running_stats(self):
        """Reset the running statistics: mean 0, variance 1, no batches."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self):
        """Reset the running statistics, and set each weight to 1 and each bias to 0."""
        self.reset_running_stats()
        if self.affine:
            ones_(self.weight)
            if self.bias is not None:
                zeros_(self.bias)

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *args):
        key = prefix + "num_batches_tracked"
        if self.track_running_stats and (local_metadata.get("version") or 1) < 2 and key not in state_dict:
            count = self.num_batches_tracked
            state_dict[key] = tensor(0, dtype=int64) if count is None else count
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)

    def extra_repr(self):
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_NormBase):
    """Batch normalization as a layer. Subclasses define `forward`, and in `_check_input_dim` which inputs they take."""

    def _check_input_dim(self, input):
        raise NotImplementedError(f"{type(self).__name__} must say which inputs it takes: override _check_input_dim")

    def _statistics(self):
        """Running mean and variance, whether the batch is normalized with its own statistics, and the momentum.

        In training this also increments the number of batches. Without running statistics, evaluation uses those of the batch.
        """
        mean, var = self.running_mean, self.running_var
        momentum = 0.0 if self.momentum is None else self.momentum
        if not self.training:
            return mean, var, mean is None and var is None, momentum
        if not self.track_running_stats:
            return None, None, True, momentum
        count = self.num_batches_tracked
        if count is not None:
            count.add_(1)
            if self.momentum is None:  # the average over all batches so far
                momentum = 1.0 / count.item()
        return mean, var, True, momentum


# ------------------------------------------------------------------------------------- checks of the arguments
def check_options(shape, training, momentum, eps):
    """Check the numbers and the size of the batch, with the errors that PyTorch raises."""
    if training and math.prod(shape[:1]) * math.prod(shape[2:]) == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {Size(shape)}: one value has no variance; "
            "use larger batches, or eval() to normalize with the running statistics"
        )
    if eps < 0 or (training and eps == 0):
        wanted = "positive during training" if training else "non-negative"
        raise ValueError(f"batch_norm eps must be {wanted}, but got {eps}")
    if not isinstance(training, bool):
        raise TypeError(f"batch_norm(): argument 'training' must be bool, not {type(training).__name__}")
    if not hasattr(momentum, "__float__"):
        raise TypeError(
            f"batch_norm(): argument 'momentum' must be float, not {type(momentum).__name__}; None is for the layer, "
            "which counts the batches"
        )


def check_tensors(input, running_mean, running_var, weight, bias, training):
    """Check the tensors of a batch that is not empty, with the errors that PyTorch raises."""
    if input.dtype not in (float32, float64):
        raise NotImplementedError(f"batch_norm is not implemented for {input.dtype}: convert with .float()")
    running = ("running_mean", "running_var")
    for name, value in zip(running, (running_mean, running_var)):
        if value is None and not training:
            raise RuntimeError(
                f"{name} must be defined in evaluation mode: give one, or training=True to normalize with the "
                "statistics of the batch"
            )
    if (running_mean is None) != (running_var is None):
        raise ValueError("running_mean and running_var must either both be None or neither be None")
    channels = input.array.shape[1:2] or (0,)
    for name, value in zip((*running, "weight", "bias"), (running_mean, running_var, weight, bias)):
        if value is None:
            continue
        if value.array.shape != channels:
            raise RuntimeError(
                f"{name} should contain {channels[0]} elements not {value.numel()}: found shape {list(value.shape)} for "
                f"an input of shape {list(input.shape)}, whose channels are its second dimension"
            )
        if value.dtype is not input.dtype:
            raise RuntimeError(
                f"batch_norm: mixed dtype: input is {input.dtype} and {name} {value.dtype}; convert one of them, as in "
                "model.double() or input.float()"
            )
        if name in running and value.requires_grad and is_grad_enabled():
            raise RuntimeError(
                f"batch_norm is not differentiable with respect to argument '{name}'. This input cannot have "
                "requires_grad True: pass it detached"
            )


def check_types(input, **others):
    """Check that `input` is a tensor, and that the others are tensors or None."""
    for name, value in {"input": input, **others}.items():
        if not isinstance(value, Tensor) and (value is not None or name == "input"):
            raise TypeError(f"batch_norm(): argument '{name}' must be Tensor, not {type(value).__name__}")
