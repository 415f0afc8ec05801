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
    from reftorch import native as native
    from reftorch import utils as utils
    from reftorch.coo import sparse_coo_tensor as sparse_coo_tensor
    from reftorch.native import adaptive_max_pool1d as adaptive_max_pool1d
    from reftorch.native import affine_grid_generator as affine_grid_generator
    from reftorch.native import alpha_dropout_ as alpha_dropout_
    from reftorch.native import batch_norm as batch_norm
    from reftorch.native import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
    from reftorch.native import constant_pad_nd as constant_pad_nd
    from reftorch.native import cosine_embedding_loss as cosine_embedding_loss
    from reftorch.native import ctc_loss as ctc_loss
    from reftorch.native import dropout_ as dropout_
    from reftorch.native import embedding as embedding
    from reftorch.native import embedding_bag as embedding_bag
    from reftorch.native import embedding_renorm_ as embedding_renorm_
    from reftorch.native import feature_alpha_dropout_ as feature_alpha_dropout_
    from reftorch.native import feature_dropout as feature_dropout
    from reftorch.native import feature_dropout_ as feature_dropout_
    from reftorch.native import grid_sampler as grid_sampler
    from reftorch.native import gru as gru
    from reftorch.native import hinge_embedding_loss as hinge_embedding_loss
    from reftorch.native import instance_norm as instance_norm
    from reftorch.native import kl_div as kl_div
    from reftorch.native import lstm as lstm
    from reftorch.native import margin_ranking_loss as margin_ranking_loss
    from reftorch.native import max_pool1d as max_pool1d
    from reftorch.native import max_pool1d_with_indices as max_pool1d_with_indices
    from reftorch.native import max_pool3d as max_pool3d
    from reftorch.native import poisson_nll_loss as poisson_nll_loss
    from reftorch.native import rnn_relu as rnn_relu
    from reftorch.native import rnn_tanh as rnn_tanh
    from reftorch.native import triplet_margin_loss as triplet_margin_loss
    from reftorch.nn.activation.sigmoid import sigmoid_ as sigmoid_
    from reftorch.nn.activation.tanh import tanh_ as tanh_
    from reftorch.nn.distance.cosine_similarity import cosine_similarity as cosine_similarity
    from reftorch.nn.distance.pairwise_distance import pairwise_distance as pairwise_distance
    from reftorch.nn.distance.pdist import pdist as pdist
    from reftorch.nn.functional import adaptive_avg_pool1d as adaptive_avg_pool1d
    from reftorch.nn.functional import alpha_dropout as alpha_dropout
    from reftorch.nn.functional import avg_pool1d as avg_pool1d
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
