"""Faster forms of some components' kernels.

A component's reference loop is its definition. The functions here compute the same sums in an order that suits a processor. They work
on arrays and know no components. Every file has one idea, and reaches it from the reference loop in several steps:

    registers.py        instructions that the compiler must use
    tile.py             a tile of sums that stays in the processor's registers
    matmul.py           a matrix product made of such tiles
    repeated.py         many products with one matrix, whose panels are made once
    dots.py             products in which each number is used only a few times
    conv2d_layout.py    an image laid out flat, so that the filter's steps become additions to an address
    conv2d_slide.py     convolution, and the gradient of its input, by rows that slide along the flat image
    conv2d_weight.py    the gradient of the filters
    conv1d.py           convolution of sequences, as images of one row
    conv3d.py           convolution of volumes: the depth of the filter becomes channels
    blocks.py           blocks summed to images
    borders.py          padding: the inside in one piece
    sums.py             the gradients of biases
    clipping.py         the norm of a gradient, and clipping its elements
    linear.py           the three products of a linear layer
    feature_pairs.py    a bilinear layer made of matrix products
    bilinear.py         bilinear interpolation, a row at a time
    separable.py        other interpolation, one dimension after the other
    grid_sample.py      sampling at the positions of a grid: addresses and weights once for all channels
    nearest.py          nearest interpolation, a row at a time
    avg_pool.py         average pooling, a row of windows at a time
    lp_pool.py          power-average pooling: the same with powers
    adaptive_avg_pool.py  adaptive average pooling, rows first, then columns
    max_pool.py         max pooling by rows of windows; its gradient from the indices of the largest elements
    irregular_max_pool.py  adaptive and fractional max pooling, rows first, then columns
    max_unpool.py       max unpooling, where an index is an address
    moments.py          the sums of a normalization, in pieces
    batch_norm.py       batch normalization, a plane or a row of channels at a time
    group_norm.py       group and instance normalization, a line of elements at a time
    layer_norm.py       layer normalization, a row at a time
    exponential.py      the exponential of many numbers at once, and related functions: expm1, log1p, tanh, erf
    wide.py             the same in float64, for float32 results that are rounded once
    logarithm.py        the logarithm of many numbers at once
    curves.py           activations that use them, as functions of one number
    activations.py      the loops of these activations
    prelu.py            PReLU, a plane of one slope at a time
    rrelu.py            the random slopes of RReLU, one pass for all elements
    cells.py            the work of a recurrent cell after its products
    elu.py              the loops of ELU, SELU and CELU
    losses.py           the loops of losses with exponentials and logarithms
    labels.py           the gradient of the negative log-likelihood
    rmsprop.py          a step of RMSprop without options
    alpha_dropout.py    alpha dropout of whole channels, a plane at a time
    ctc.py              the loops of CTC loss, all positions of a text at once
    glu.py              the gated linear unit
    pdist.py            the distances of all pairs, a row at a time
    log_softmax.py      log-probabilities, their gradient, and that of cross entropy
    softmax.py          softmax and its gradient
    attention.py        attention in blocks, with a softmax that needs one pass (online)
    workers.py          how the work is divided among threads
    ladder/             the steps from the reference to the fast form, as a lesson: each rung is a function that can be measured

The first argument of a fast form is the reference kernel, and the others are the reference kernel's arguments. If the fast form does not
pay, or could give another result (integers, infinite weights beside a padding of zeros), it calls the reference kernel. `tests/fast` tests
that the two give equal results.
"""

from typing import TYPE_CHECKING

from reftorch import lazy

if TYPE_CHECKING:  # imported when they are first used
    from reftorch.fast.activations import gelu_backward_x as gelu_backward_x
    from reftorch.fast.activations import gelu_forward as gelu_forward
    from reftorch.fast.activations import gelu_tanh_backward_x as gelu_tanh_backward_x
    from reftorch.fast.activations import gelu_tanh_forward as gelu_tanh_forward
    from reftorch.fast.activations import log_sigmoid_backward_x as log_sigmoid_backward_x
    from reftorch.fast.activations import log_sigmoid_forward as log_sigmoid_forward
    from reftorch.fast.activations import mish_backward_x as mish_backward_x
    from reftorch.fast.activations import mish_forward as mish_forward
    from reftorch.fast.activations import sigmoid_forward as sigmoid_forward
    from reftorch.fast.activations import silu_backward_x as silu_backward_x
    from reftorch.fast.activations import silu_forward as silu_forward
    from reftorch.fast.activations import softplus_backward_x as softplus_backward_x
    from reftorch.fast.activations import softplus_forward as softplus_forward
    from reftorch.fast.activations import tanh_forward as tanh_forward
    from reftorch.fast.activations import tanhshrink_backward_x as tanhshrink_backward_x
    from reftorch.fast.activations import tanhshrink_forward as tanhshrink_forward
    from reftorch.fast.adaptive_avg_pool import adaptive_avg_pool_backward_x as adaptive_avg_pool_backward_x
    from reftorch.fast.adaptive_avg_pool import adaptive_avg_pool_forward as adaptive_avg_pool_forward
    from reftorch.fast.alpha_dropout import drop_planes as drop_planes
    from reftorch.fast.alpha_dropout import scale_planes as scale_planes
    from reftorch.fast.attention import attention_backward as attention_backward
    from reftorch.fast.attention import attention_forward as attention_forward
    from reftorch.fast.attention import attention_in_blocks as attention_in_blocks
    from reftorch.fast.avg_pool import avg_pool_backward_x as avg_pool_backward_x
    from reftorch.fast.avg_pool import avg_pool_forward as avg_pool_forward
    from reftorch.fast.batch_norm import batch_norm_backward_affine as batch_norm_backward_affine
    from reftorch.fast.batch_norm import batch_norm_backward_x as batch_norm_backward_x
    from reftorch.fast.batch_norm import batch_norm_forward as batch_norm_forward
    from reftorch.fast.batch_norm import batch_norm_forward_statistics as batch_norm_forward_statistics
    from reftorch.fast.bilinear import upsample_bilinear2d_backward_x as upsample_bilinear2d_backward_x
    from reftorch.fast.bilinear import upsample_bilinear2d_forward as upsample_bilinear2d_forward
    from reftorch.fast.blocks import fold_forward as fold_forward
    from reftorch.fast.blocks import unfold_backward_x as unfold_backward_x
    from reftorch.fast.borders import circular_pad_backward_x as circular_pad_backward_x
    from reftorch.fast.borders import circular_pad_forward as circular_pad_forward
    from reftorch.fast.borders import constant_pad_backward_x as constant_pad_backward_x
    from reftorch.fast.borders import constant_pad_forward as constant_pad_forward
    from reftorch.fast.borders import framed as framed
    from reftorch.fast.borders import reflection_pad_backward_x as reflection_pad_backward_x
    from reftorch.fast.borders import reflection_pad_forward as reflection_pad_forward
    from reftorch.fast.borders import replication_pad_backward_x as replication_pad_backward_x
    from reftorch.fast.borders import replication_pad_forward as replication_pad_forward
    from reftorch.fast.borders import unframed as unframed
    from reftorch.fast.cells import gru_cell_backward_a as gru_cell_backward_a
    from reftorch.fast.cells import gru_cell_forward as gru_cell_forward
    from reftorch.fast.cells import lstm_cell_backward_a as lstm_cell_backward_a
    from reftorch.fast.cells import lstm_cell_forward as lstm_cell_forward
    from reftorch.fast.cells import rnn_tanh_cell_forward as rnn_tanh_cell_forward
    from reftorch.fast.clipping import euclidean as euclidean
    from reftorch.fast.clipping import limit as limit
    from reftorch.fast.conv1d import conv1d_backward_bias as conv1d_backward_bias
    from reftorch.fast.conv1d import conv1d_backward_weight as conv1d_backward_weight
    from reftorch.fast.conv1d import conv1d_backward_x as conv1d_backward_x
    from reftorch.fast.conv1d import conv1d_forward as conv1d_forward
    from reftorch.fast.conv2d_slide import conv2d_backward_x as conv2d_backward_x
    from reftorch.fast.conv2d_slide import conv2d_forward as conv2d_forward
    from reftorch.fast.conv2d_weight import conv2d_backward_weight as conv2d_backward_weight
    from reftorch.fast.conv3d import conv3d_backward_bias as conv3d_backward_bias
    from reftorch.fast.conv3d import conv3d_backward_weight as conv3d_backward_weight
    from reftorch.fast.conv3d import conv3d_backward_x as conv3d_backward_x
    from reftorch.fast.conv3d import conv3d_forward as conv3d_forward
    from reftorch.fast.ctc import ctc_loss_backward_beta as ctc_loss_backward_beta
    from reftorch.fast.ctc import ctc_loss_backward_x as ctc_loss_backward_x
    from reftorch.fast.ctc import ctc_loss_forward_alpha as ctc_loss_forward_alpha
    from reftorch.fast.elu import celu_backward_x as celu_backward_x
    from reftorch.fast.elu import celu_forward as celu_forward
    from reftorch.fast.elu import elu_backward_x as elu_backward_x
    from reftorch.fast.elu import elu_forward as elu_forward
    from reftorch.fast.elu import selu_backward_x as selu_backward_x
    from reftorch.fast.elu import selu_forward as selu_forward
    from reftorch.fast.feature_pairs import bilinear_backward_u as bilinear_backward_u
    from reftorch.fast.feature_pairs import bilinear_backward_v as bilinear_backward_v
    from reftorch.fast.feature_pairs import bilinear_backward_weight as bilinear_backward_weight
    from reftorch.fast.feature_pairs import bilinear_forward as bilinear_forward
    from reftorch.fast.glu import glu_backward_x as glu_backward_x
    from reftorch.fast.glu import glu_forward as glu_forward
    from reftorch.fast.grid_sample import grid_sample_backward_grid as grid_sample_backward_grid
    from reftorch.fast.grid_sample import grid_sample_backward_x as grid_sample_backward_x
    from reftorch.fast.grid_sample import grid_sample_bicubic_backward_grid as grid_sample_bicubic_backward_grid
    from reftorch.fast.grid_sample import grid_sample_bicubic_backward_x as grid_sample_bicubic_backward_x
    from reftorch.fast.grid_sample import grid_sample_bicubic_forward as grid_sample_bicubic_forward
    from reftorch.fast.grid_sample import grid_sample_forward as grid_sample_forward
    from reftorch.fast.group_norm import group_norm_backward_affine as group_norm_backward_affine
    from reftorch.fast.group_norm import group_norm_backward_x as group_norm_backward_x
    from reftorch.fast.group_norm import group_norm_forward as group_norm_forward
    from reftorch.fast.group_norm import instance_norm_backward_affine as instance_norm_backward_affine
    from reftorch.fast.group_norm import instance_norm_backward_x as instance_norm_backward_x
    from reftorch.fast.group_norm import instance_norm_forward as instance_norm_forward
    from reftorch.fast.irregular_max_pool import adaptive_max_pool_forward as adaptive_max_pool_forward
    from reftorch.fast.irregular_max_pool import fractional_max_pool_forward as fractional_max_pool_forward
    from reftorch.fast.labels import nll_loss_backward_x as nll_loss_backward_x
    from reftorch.fast.layer_norm import layer_norm_backward_affine as layer_norm_backward_affine
    from reftorch.fast.layer_norm import layer_norm_backward_x as layer_norm_backward_x
    from reftorch.fast.layer_norm import layer_norm_forward as layer_norm_forward
    from reftorch.fast.linear import linear_backward_bias as linear_backward_bias
    from reftorch.fast.linear import linear_backward_weight as linear_backward_weight
    from reftorch.fast.linear import linear_backward_x as linear_backward_x
    from reftorch.fast.linear import linear_forward as linear_forward
    from reftorch.fast.log_softmax import cross_entropy_backward_x as cross_entropy_backward_x
    from reftorch.fast.log_softmax import log_softmax_backward_x as log_softmax_backward_x
    from reftorch.fast.log_softmax import log_softmax_forward as log_softmax_forward
    from reftorch.fast.log_softmax import mean_cross_entropy as mean_cross_entropy
    from reftorch.fast.log_softmax import mean_cross_entropy_backward_x as mean_cross_entropy_backward_x
    from reftorch.fast.log_softmax import suits_mean_cross_entropy as suits_mean_cross_entropy
    from reftorch.fast.losses import bce_loss_forward as bce_loss_forward
    from reftorch.fast.losses import bce_with_logits_loss_backward_x as bce_with_logits_loss_backward_x
    from reftorch.fast.losses import bce_with_logits_loss_forward as bce_with_logits_loss_forward
    from reftorch.fast.losses import gaussian_nll_loss_forward as gaussian_nll_loss_forward
    from reftorch.fast.losses import kl_div_loss_forward as kl_div_loss_forward
    from reftorch.fast.losses import multi_label_soft_margin_loss_backward_x as multi_label_soft_margin_loss_backward_x
    from reftorch.fast.losses import multi_label_soft_margin_loss_forward as multi_label_soft_margin_loss_forward
    from reftorch.fast.losses import poisson_nll_loss_backward_x as poisson_nll_loss_backward_x
    from reftorch.fast.losses import poisson_nll_loss_forward as poisson_nll_loss_forward
    from reftorch.fast.losses import soft_margin_loss_backward_x as soft_margin_loss_backward_x
    from reftorch.fast.losses import soft_margin_loss_forward as soft_margin_loss_forward
    from reftorch.fast.lp_pool import lp_pool_backward_x as lp_pool_backward_x
    from reftorch.fast.lp_pool import lp_pool_forward as lp_pool_forward
    from reftorch.fast.max_pool import max_pool_backward_x as max_pool_backward_x
    from reftorch.fast.max_pool import max_pool_forward as max_pool_forward
    from reftorch.fast.max_unpool import max_unpool_backward_x as max_unpool_backward_x
    from reftorch.fast.max_unpool import max_unpool_forward as max_unpool_forward
    from reftorch.fast.nearest import upsample_nearest_backward_x as upsample_nearest_backward_x
    from reftorch.fast.nearest import upsample_nearest_forward as upsample_nearest_forward
    from reftorch.fast.pdist import pdist_backward_x as pdist_backward_x
    from reftorch.fast.pdist import pdist_forward as pdist_forward
    from reftorch.fast.prelu import prelu_backward_x as prelu_backward_x
    from reftorch.fast.prelu import prelu_forward as prelu_forward
    from reftorch.fast.rmsprop import rmsprop_step as rmsprop_step
    from reftorch.fast.rrelu import slopes_of as slopes_of
    from reftorch.fast.separable import antialias_interpolation_backward_x as antialias_interpolation_backward_x
    from reftorch.fast.separable import antialias_interpolation_forward as antialias_interpolation_forward
    from reftorch.fast.separable import bicubic_interpolation_backward_x as bicubic_interpolation_backward_x
    from reftorch.fast.separable import bicubic_interpolation_forward as bicubic_interpolation_forward
    from reftorch.fast.separable import linear_interpolation_backward_x as linear_interpolation_backward_x
    from reftorch.fast.separable import linear_interpolation_forward as linear_interpolation_forward
    from reftorch.fast.softmax import softmax_backward_x as softmax_backward_x
    from reftorch.fast.softmax import softmax_forward as softmax_forward
    from reftorch.fast.sums import conv2d_backward_bias as conv2d_backward_bias

__getattr__, __dir__, __all__ = lazy.names(__name__, __file__)
