"""Utilities around networks: sequences of different lengths, and what is done to parameters and their gradients.

The functions `weight_norm` and `spectral_norm` have the names of their files, so they are imported at once: they take the place of
the files as attributes of this package.
"""

from typing import TYPE_CHECKING

from reftorch import lazy
from reftorch.nn.utils.spectral_norm import remove_spectral_norm, spectral_norm
from reftorch.nn.utils.weight_norm import remove_weight_norm, weight_norm

if TYPE_CHECKING:  # imported when they are first used
    from reftorch.nn.utils import rnn as rnn
    from reftorch.nn.utils.clip_grad import clip_grad_norm as clip_grad_norm
    from reftorch.nn.utils.clip_grad import clip_grad_norm_ as clip_grad_norm_
    from reftorch.nn.utils.clip_grad import clip_grad_value_ as clip_grad_value_
    from reftorch.nn.utils.clip_grad import clip_grads_with_norm_ as clip_grads_with_norm_
    from reftorch.nn.utils.clip_grad import get_total_norm as get_total_norm
    from reftorch.nn.utils.convert_parameters import parameters_to_vector as parameters_to_vector
    from reftorch.nn.utils.convert_parameters import vector_to_parameters as vector_to_parameters

__getattr__, __dir__, __all__ = lazy.names(__name__, __file__)
__all__ += ["remove_spectral_norm", "remove_weight_norm", "spectral_norm", "weight_norm"]
