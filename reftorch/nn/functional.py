"""The functions that the modules call. Each is defined in the file of its component; here all of them are together, as `F`."""

from typing import TYPE_CHECKING

from reftorch import lazy

if TYPE_CHECKING:  # imported when they are first used
    from reftorch.nn.activation.celu import celu as celu
    from reftorch.nn.activation.celu import celu_ as celu_
    from reftorch.nn.activation.elu import elu as elu
    from reftorch.nn.activation.elu import elu_ as elu_
    from reftorch.nn.activation.gelu import gelu as gelu
    from reftorch.nn.activation.glu import glu as glu
    from reftorch.nn.activation.gumbel_softmax import gumbel_softmax as gumbel_softmax
    from reftorch.nn.activation.hardshrink import hardshrink as hardshrink
    from reftorch.nn.activation.hardsigmoid import hardsigmoid as hardsigmoid
    from reftorch.nn.activation.hardswish import hardswish as hardswish
    from reftorch.nn.activation.hardtanh import hardtanh as hardtanh
    from reftorch.nn.activation.hardtanh import hardtanh_ as hardtanh_
    from reftorch.nn.activation.leaky_relu import leaky_relu as leaky_relu
    from reftorch.nn.activation.leaky_relu import leaky_relu_ as leaky_relu_
    from reftorch.nn.activation.log_sigmoid import logsigmoid as logsigmoid
    from reftorch.nn.activation.log_softmax import log_softmax as log_softmax
    from reftorch.nn.activation.mish import mish as mish
    from reftorch.nn.activation.prelu import prelu as prelu
    from reftorch.nn.activation.relu import relu as relu
    from reftorch.nn.activation.relu import relu_ as relu_
    from reftorch.nn.activation.relu6 import relu6 as relu6
    from reftorch.nn.activation.rrelu import rrelu as rrelu
    from reftorch.nn.activation.rrelu import rrelu_ as rrelu_
    from reftorch.nn.activation.selu import selu as selu
    from reftorch.nn.activation.selu import selu_ as selu_
    from reftorch.nn.activation.sigmoid import sigmoid as sigmoid
    from reftorch.nn.activation.silu import silu as silu
    from reftorch.nn.activation.softmax import softmax as softmax
    from reftorch.nn.activation.softmin import softmin as softmin
    from reftorch.nn.activation.softplus import softplus as softplus
    from reftorch.nn.activation.softshrink import softshrink as softshrink
    from reftorch.nn.activation.softsign import softsign as softsign
    from reftorch.nn.activation.tanh import tanh as tanh
    from reftorch.nn.activation.tanhshrink import tanhshrink as tanhshrink
    from reftorch.nn.activation.threshold import threshold as threshold
    from reftorch.nn.activation.threshold import threshold_ as threshold_
    from reftorch.nn.convolution.conv1d import conv1d as conv1d
    from reftorch.nn.convolution.conv2d import conv2d as conv2d
    from reftorch.nn.convolution.conv3d import conv3d as conv3d
    from reftorch.nn.convolution.conv_transpose1d import conv_transpose1d as conv_transpose1d
    from reftorch.nn.convolution.conv_transpose2d import conv_transpose2d as conv_transpose2d
    from reftorch.nn.convolution.conv_transpose3d import conv_transpose3d as conv_transpose3d
    from reftorch.nn.convolution.fold import fold as fold
    from reftorch.nn.convolution.unfold import unfold as unfold
    from reftorch.nn.distance.cosine_similarity import cosine_similarity as cosine_similarity
    from reftorch.nn.distance.pairwise_distance import pairwise_distance as pairwise_distance
    from reftorch.nn.distance.pdist import pdist as pdist
    from reftorch.nn.dropout.alpha_dropout import alpha_dropout as alpha_dropout
    from reftorch.nn.dropout.alpha_dropout import feature_alpha_dropout as feature_alpha_dropout
    from reftorch.nn.dropout.channel_dropout import dropout1d as dropout1d
    from reftorch.nn.dropout.channel_dropout import dropout2d as dropout2d
    from reftorch.nn.dropout.channel_dropout import dropout3d as dropout3d
    from reftorch.nn.dropout.dropout import dropout as dropout
    from reftorch.nn.linear.bilinear import bilinear as bilinear
    from reftorch.nn.linear.linear import linear as linear
    from reftorch.nn.loss.bce_loss import binary_cross_entropy as binary_cross_entropy
    from reftorch.nn.loss.bce_with_logits_loss import (
        binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
    )
    from reftorch.nn.loss.cosine_embedding_loss import cosine_embedding_loss as cosine_embedding_loss
    from reftorch.nn.loss.cross_entropy_loss import cross_entropy as cross_entropy
    from reftorch.nn.loss.ctc_loss import ctc_loss as ctc_loss
    from reftorch.nn.loss.gaussian_nll_loss import gaussian_nll_loss as gaussian_nll_loss
    from reftorch.nn.loss.hinge_embedding_loss import hinge_embedding_loss as hinge_embedding_loss
    from reftorch.nn.loss.huber_loss import huber_loss as huber_loss
    from reftorch.nn.loss.kl_div_loss import kl_div as kl_div
    from reftorch.nn.loss.l1_loss import l1_loss as l1_loss
    from reftorch.nn.loss.linear_cross_entropy_loss import linear_cross_entropy as linear_cross_entropy
    from reftorch.nn.loss.margin_ranking_loss import margin_ranking_loss as margin_ranking_loss
    from reftorch.nn.loss.mse_loss import mse_loss as mse_loss
    from reftorch.nn.loss.multi_label_margin_loss import multilabel_margin_loss as multilabel_margin_loss
    from reftorch.nn.loss.multi_label_soft_margin_loss import multilabel_soft_margin_loss as multilabel_soft_margin_loss
    from reftorch.nn.loss.multi_margin_loss import multi_margin_loss as multi_margin_loss
    from reftorch.nn.loss.nll_loss import nll_loss as nll_loss
    from reftorch.nn.loss.poisson_nll_loss import poisson_nll_loss as poisson_nll_loss
    from reftorch.nn.loss.smooth_l1_loss import smooth_l1_loss as smooth_l1_loss
    from reftorch.nn.loss.soft_margin_loss import soft_margin_loss as soft_margin_loss
    from reftorch.nn.loss.triplet_margin_loss import triplet_margin_loss as triplet_margin_loss
    from reftorch.nn.loss.triplet_margin_loss import (
        triplet_margin_with_distance_loss as triplet_margin_with_distance_loss,
    )
    from reftorch.nn.normalization.batch_norm import batch_norm as batch_norm
    from reftorch.nn.normalization.group_norm import group_norm as group_norm
    from reftorch.nn.normalization.instance_norm import instance_norm as instance_norm
    from reftorch.nn.normalization.layer_norm import layer_norm as layer_norm
    from reftorch.nn.normalization.local_response_norm import local_response_norm as local_response_norm
    from reftorch.nn.normalization.normalize import normalize as normalize
    from reftorch.nn.normalization.rms_norm import rms_norm as rms_norm
    from reftorch.nn.padding.pad import pad as pad
    from reftorch.nn.pooling.adaptive_avg_pool1d import adaptive_avg_pool1d as adaptive_avg_pool1d
    from reftorch.nn.pooling.adaptive_avg_pool2d import adaptive_avg_pool2d as adaptive_avg_pool2d
    from reftorch.nn.pooling.adaptive_avg_pool3d import adaptive_avg_pool3d as adaptive_avg_pool3d
    from reftorch.nn.pooling.adaptive_max_pool1d import adaptive_max_pool1d as adaptive_max_pool1d
    from reftorch.nn.pooling.adaptive_max_pool1d import (
        adaptive_max_pool1d_with_indices as adaptive_max_pool1d_with_indices,
    )
    from reftorch.nn.pooling.adaptive_max_pool2d import adaptive_max_pool2d as adaptive_max_pool2d
    from reftorch.nn.pooling.adaptive_max_pool2d import (
        adaptive_max_pool2d_with_indices as adaptive_max_pool2d_with_indices,
    )
    from reftorch.nn.pooling.adaptive_max_pool3d import adaptive_max_pool3d as adaptive_max_pool3d
    from reftorch.nn.pooling.adaptive_max_pool3d import (
        adaptive_max_pool3d_with_indices as adaptive_max_pool3d_with_indices,
    )
    from reftorch.nn.pooling.avg_pool1d import avg_pool1d as avg_pool1d
    from reftorch.nn.pooling.avg_pool2d import avg_pool2d as avg_pool2d
    from reftorch.nn.pooling.avg_pool3d import avg_pool3d as avg_pool3d
    from reftorch.nn.pooling.fractional_max_pool2d import fractional_max_pool2d as fractional_max_pool2d
    from reftorch.nn.pooling.fractional_max_pool2d import (
        fractional_max_pool2d_with_indices as fractional_max_pool2d_with_indices,
    )
    from reftorch.nn.pooling.fractional_max_pool3d import fractional_max_pool3d as fractional_max_pool3d
    from reftorch.nn.pooling.fractional_max_pool3d import (
        fractional_max_pool3d_with_indices as fractional_max_pool3d_with_indices,
    )
    from reftorch.nn.pooling.lp_pool1d import lp_pool1d as lp_pool1d
    from reftorch.nn.pooling.lp_pool2d import lp_pool2d as lp_pool2d
    from reftorch.nn.pooling.lp_pool3d import lp_pool3d as lp_pool3d
    from reftorch.nn.pooling.max_pool1d import max_pool1d as max_pool1d
    from reftorch.nn.pooling.max_pool1d import max_pool1d_with_indices as max_pool1d_with_indices
    from reftorch.nn.pooling.max_pool2d import max_pool2d as max_pool2d
    from reftorch.nn.pooling.max_pool2d import max_pool2d_with_indices as max_pool2d_with_indices
    from reftorch.nn.pooling.max_pool3d import max_pool3d as max_pool3d
    from reftorch.nn.pooling.max_pool3d import max_pool3d_with_indices as max_pool3d_with_indices
    from reftorch.nn.pooling.max_unpool1d import max_unpool1d as max_unpool1d
    from reftorch.nn.pooling.max_unpool2d import max_unpool2d as max_unpool2d
    from reftorch.nn.pooling.max_unpool3d import max_unpool3d as max_unpool3d
    from reftorch.nn.sparse.embedding import embedding as embedding
    from reftorch.nn.sparse.embedding_bag import embedding_bag as embedding_bag
    from reftorch.nn.sparse.one_hot import one_hot as one_hot
    from reftorch.nn.transformer.attention import scaled_dot_product_attention as scaled_dot_product_attention
    from reftorch.nn.transformer.multihead_attention import multi_head_attention_forward as multi_head_attention_forward
    from reftorch.nn.vision.affine_grid import affine_grid as affine_grid
    from reftorch.nn.vision.channel_shuffle import channel_shuffle as channel_shuffle
    from reftorch.nn.vision.grid_sample import grid_sample as grid_sample
    from reftorch.nn.vision.interpolate import interpolate as interpolate
    from reftorch.nn.vision.interpolate import upsample as upsample
    from reftorch.nn.vision.interpolate import upsample_bilinear as upsample_bilinear
    from reftorch.nn.vision.interpolate import upsample_nearest as upsample_nearest
    from reftorch.nn.vision.pixel_shuffle import pixel_shuffle as pixel_shuffle
    from reftorch.nn.vision.pixel_unshuffle import pixel_unshuffle as pixel_unshuffle

__getattr__, __dir__, __all__ = lazy.names(__name__, __file__)
