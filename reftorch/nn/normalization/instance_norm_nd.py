"""Shared by the instance normalizations of one, two and three dimensions: the layer, and the checks of the arguments."""

from __future__ import annotations

import math
import warnings

from reftorch.autograd import is_grad_enabled
from reftorch.nn.arguments import check_tensors
from reftorch.nn.normalization.batch_norm_nd import _NormBase
from reftorch.tensor import Tensor


class _InstanceNorm(_NormBase):
    """Instance normalization as a layer. Subclasses define which inputs they take, and how many dimensions one sample has."""

    def __init__(
        self,
        num_features,
        eps=1e-5,
        momentum=0.1,
        affine=False,
        track_running_stats=False,
        device=None,
        dtype=None,
        *,
        bias=True,
    ):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _check_input_dim(self, input):
        raise NotImplementedError(f"{type(self).__name__} must say which inputs it takes: override _check_input_dim")

    def _checked(self, input, sample_dims):
        """Check the input. Return it with a batch dimension, and whether it had one."""
        self._check_input_dim(input)
        dim = input.dim() - sample_dims
        if input.shape[dim] != self.num_features:
            found = f"input's size at dim={dim}"
            if self.affine:
                raise ValueError(
                    f"expected {found} to match num_features ({self.num_features}), but got: {input.shape[dim]}"
                )
            warnings.warn(
                f"{found} does not match num_features. You can silence this warning by not passing in num_features, "
                "which is not used because affine=False",
                stacklevel=4,
            )
        return (input, True) if dim == 1 else (input.unsqueeze(0), False)

    def _options(self):
        """The arguments of `instance_norm` after the input."""
        of_input = self.training or not self.track_running_stats
        momentum = 0.0 if self.momentum is None else self.momentum
        return self.running_mean, self.running_var, self.weight, self.bias, of_input, momentum, self.eps

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing, unexpected, errors):
        if local_metadata.get("version") is None and not self.track_running_stats:
            keys = [prefix + name for name in ("running_mean", "running_var") if prefix + name in state_dict]
            if keys:
                kind = type(self).__name__
                errors.append(
                    f"Unexpected running stats buffer(s) {' and '.join(map(repr, keys))} for {kind} with "
                    "track_running_stats=False. If state_dict is a checkpoint saved before 0.4.0, this may be expected because "
                    f"{kind} does not track running stats by default since 0.4.0. Please remove these keys from state_dict. If "
                    f"the running stats are actually needed, instead set track_running_stats=True in {kind} to enable them."
                )
            for key in keys:
                state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing, unexpected, errors)


# ------------------------------------------------------------------------------------- checks of the arguments
def check_use_of_input(input, use_input_stats):
    """Check the types and, if the statistics of the input are used, that each channel has more than one element."""
    if not isinstance(input, Tensor):
        raise TypeError(f"instance_norm(): argument 'input' must be Tensor, not {type(input).__name__}")
    if not isinstance(use_input_stats, bool):
        raise TypeError(
            f"instance_norm(): argument 'use_input_stats' must be bool, not {type(use_input_stats).__name__}"
        )
    if use_input_stats and math.prod(input.shape[2:]) == 1:
        raise ValueError(
            f"Expected more than 1 spatial element when training, got input size {input.shape}: one element has no variance; "
            "wanted (N, C, *) with more than one element per channel"
        )


def check_statistics(input, running_mean, running_var, weight, bias, use_input_stats):
    """Check the tensors of size C, with the errors that PyTorch raises."""
    running = {"running_mean": running_mean, "running_var": running_var}
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError("Expected running_mean and running_var to be defined when use_input_stats is false")
    if (running_mean is None) != (running_var is None):
        raise ValueError("running_mean and running_var must either both be None or neither be None")
    check_tensors("instance_norm", input=input, **running)
    for name, value in {**running, "weight": weight, "bias": bias}.items():
        if value is None:
            continue
        if value.shape != input.shape[1:2]:
            raise RuntimeError(
                f"instance_norm: {name} should contain {input.shape[1]} elements, one per channel, not {value.numel()}: found "
                f"shape {list(value.shape)} for an input of shape {list(input.shape)}, whose channels are its second dimension"
            )
        if name in running and value.requires_grad and is_grad_enabled():
            raise RuntimeError(
                f"instance_norm is not differentiable with respect to argument '{name}'. This input cannot have requires_grad "
                "True: pass it detached"
            )
