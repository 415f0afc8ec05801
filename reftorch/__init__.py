"""reftorch: torch.nn, explained by being it.

import reftorch as torch
from reftorch import nn
import reftorch.nn.functional as F
"""

from . import starting  # before all that takes time  # isort: skip

from math import e, inf, nan, pi
from typing import TYPE_CHECKING

from . import kernel  # then: it says where compiled kernels are kept  # isort: skip
from . import memory, waiting  # isort: skip
from . import autograd, cuda, jit, lazy, ops  # isort: skip
from .autograd import enable_grad, inference_mode, is_anomaly_enabled, is_grad_enabled, no_grad, set_grad_enabled
from .kernel import debug, kernels
from .ops import *  # noqa: F403
from .ops.promotion import default_dtype as get_default_dtype
from .ops.promotion import promote_types, result_type, set_default_dtype
from .printing import set_printoptions
from .random import (
    Generator,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)

from .tensor import Tensor  # isort: skip
from .switches import (  # isort: skip
    are_deterministic_algorithms_enabled,
    get_float32_matmul_precision,
    get_num_threads,
    is_deterministic_algorithms_warn_only_enabled,
    set_float32_matmul_precision,
    set_num_threads,
    use_deterministic_algorithms,
)
from .pickles import load, save  # isort: skip
from . import nn, optim, transforms  # isort: skip
from .types import (
    Size,
    bfloat16,
    bool,
    channels_last,
    complex64,
    complex128,
    contiguous_format,
    device,
    dtype,
    finfo,
    float16,
    float32,
    float64,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    preserve_format,
    sparse_coo,
    strided,
    uint8,
    uint16,
    uint32,
    uint64,
)

if TYPE_CHECKING:  # imported when they are first used
    from reftorch import accelerator as accelerator
    from reftorch import backends as backends
    from reftorch import coo as coo
    from reftorch import distributed as distributed
    from reftorch import utils as utils
    from reftorch.coo import sparse_coo_tensor as sparse_coo_tensor
    from reftorch.nn.activation.sigmoid import sigmoid_ as sigmoid_
    from reftorch.nn.activation.tanh import tanh_ as tanh_
    from reftorch.nn.distance.cosine_similarity import cosine_similarity as cosine_similarity
    from reftorch.nn.distance.pairwise_distance import pairwise_distance as pairwise_distance
    from reftorch.nn.distance.pdist import pdist as pdist
    from reftorch.nn.functional import alpha_dropout as alpha_dropout
    from reftorch.nn.functional import bilinear as bilinear
    from reftorch.nn.functional import celu as celu
    from reftorch.nn.functional import celu_ as celu_
    from reftorch.nn.functional import channel_shuffle as channel_shuffle
    from reftorch.nn.functional import conv1d as conv1d
    from reftorch.nn.functional import conv2d as conv2d
    from reftorch.nn.functional import conv3d as conv3d
    from reftorch.nn.functional import conv_transpose1d as conv_transpose1d
    from reftorch.nn.functional import conv_transpose2d as conv_transpose2d
    from reftorch.nn.functional import conv_transpose3d as conv_transpose3d
    from reftorch.nn.functional import dropout as dropout
    from reftorch.nn.functional import feature_alpha_dropout as feature_alpha_dropout
    from reftorch.nn.functional import group_norm as group_norm
    from reftorch.nn.functional import hardshrink as hardshrink
    from reftorch.nn.functional import layer_norm as layer_norm
    from reftorch.nn.functional import max_pool2d as max_pool2d
    from reftorch.nn.functional import pixel_shuffle as pixel_shuffle
    from reftorch.nn.functional import pixel_unshuffle as pixel_unshuffle
    from reftorch.nn.functional import prelu as prelu
    from reftorch.nn.functional import relu as relu
    from reftorch.nn.functional import relu_ as relu_
    from reftorch.nn.functional import rms_norm as rms_norm
    from reftorch.nn.functional import rrelu as rrelu
    from reftorch.nn.functional import rrelu_ as rrelu_
    from reftorch.nn.functional import selu as selu
    from reftorch.nn.functional import selu_ as selu_
    from reftorch.nn.functional import sigmoid as sigmoid
    from reftorch.nn.functional import tanh as tanh
    from reftorch.nn.functional import threshold as threshold
    from reftorch.nn.functional import threshold_ as threshold_
    from reftorch.nn.recurrent.gru_cell import gru_cell as gru_cell
    from reftorch.nn.recurrent.lstm_cell import lstm_cell as lstm_cell
    from reftorch.nn.recurrent.rnn_cell import rnn_relu_cell as rnn_relu_cell
    from reftorch.nn.recurrent.rnn_cell import rnn_tanh_cell as rnn_tanh_cell

memory.keep_freed()

__version__ = "0.1.0"

half, float, double = float16, float32, float64
cfloat, cdouble = complex64, complex128
newaxis = None
short, int, long = int16, int32, int64

__getattr__, __dir__ = lazy.names(__name__, __file__)[:2]
