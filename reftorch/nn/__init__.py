"""Layers and losses, in the sections of the torch.nn documentation: one component, one file."""

from typing import TYPE_CHECKING

from reftorch import lazy

if TYPE_CHECKING:  # imported when they are first used
    from reftorch.nn import functional as functional
    from reftorch.nn import init as init
    from reftorch.nn.activation.leaky_relu import LeakyReLU as LeakyReLU
    from reftorch.nn.activation.log_softmax import LogSoftmax as LogSoftmax
    from reftorch.nn.activation.prelu import PReLU as PReLU
    from reftorch.nn.activation.relu import ReLU as ReLU
    from reftorch.nn.activation.sigmoid import Sigmoid as Sigmoid
    from reftorch.nn.activation.softmax import Softmax as Softmax
    from reftorch.nn.activation.softmax import Softmax2d as Softmax2d
    from reftorch.nn.activation.tanh import Tanh as Tanh
    from reftorch.nn.containers import ModuleDict as ModuleDict
    from reftorch.nn.containers import ModuleList as ModuleList
    from reftorch.nn.containers import ParameterDict as ParameterDict
    from reftorch.nn.containers import ParameterList as ParameterList
    from reftorch.nn.containers import Sequential as Sequential
    from reftorch.nn.convolution.conv1d import Conv1d as Conv1d
    from reftorch.nn.convolution.conv2d import Conv2d as Conv2d
    from reftorch.nn.convolution.conv3d import Conv3d as Conv3d
    from reftorch.nn.convolution.conv_transpose1d import ConvTranspose1d as ConvTranspose1d
    from reftorch.nn.convolution.conv_transpose2d import ConvTranspose2d as ConvTranspose2d
    from reftorch.nn.convolution.conv_transpose3d import ConvTranspose3d as ConvTranspose3d
    from reftorch.nn.convolution.fold import Fold as Fold
    from reftorch.nn.convolution.unfold import Unfold as Unfold
    from reftorch.nn.dropout.alpha_dropout import AlphaDropout as AlphaDropout
    from reftorch.nn.dropout.alpha_dropout import FeatureAlphaDropout as FeatureAlphaDropout
    from reftorch.nn.dropout.channel_dropout import Dropout1d as Dropout1d
    from reftorch.nn.dropout.channel_dropout import Dropout2d as Dropout2d
    from reftorch.nn.dropout.channel_dropout import Dropout3d as Dropout3d
    from reftorch.nn.dropout.dropout import Dropout as Dropout
    from reftorch.nn.linear.bilinear import Bilinear as Bilinear
    from reftorch.nn.linear.flatten import Flatten as Flatten
    from reftorch.nn.linear.identity import Identity as Identity
    from reftorch.nn.linear.linear import Linear as Linear
    from reftorch.nn.linear.unflatten import Unflatten as Unflatten
    from reftorch.nn.loss.bce_loss import BCELoss as BCELoss
    from reftorch.nn.loss.bce_with_logits_loss import BCEWithLogitsLoss as BCEWithLogitsLoss
    from reftorch.nn.loss.cross_entropy_loss import CrossEntropyLoss as CrossEntropyLoss
    from reftorch.nn.loss.gaussian_nll_loss import GaussianNLLLoss as GaussianNLLLoss
    from reftorch.nn.loss.hinge_embedding_loss import HingeEmbeddingLoss as HingeEmbeddingLoss
    from reftorch.nn.loss.huber_loss import HuberLoss as HuberLoss
    from reftorch.nn.loss.kl_div_loss import KLDivLoss as KLDivLoss
    from reftorch.nn.loss.l1_loss import L1Loss as L1Loss
    from reftorch.nn.loss.margin_ranking_loss import MarginRankingLoss as MarginRankingLoss
    from reftorch.nn.loss.mse_loss import MSELoss as MSELoss
    from reftorch.nn.loss.poisson_nll_loss import PoissonNLLLoss as PoissonNLLLoss
    from reftorch.nn.loss.smooth_l1_loss import SmoothL1Loss as SmoothL1Loss
    from reftorch.nn.loss.soft_margin_loss import SoftMarginLoss as SoftMarginLoss
    from reftorch.nn.module import Module as Module
    from reftorch.nn.normalization.batch_norm1d import BatchNorm1d as BatchNorm1d
    from reftorch.nn.normalization.batch_norm2d import BatchNorm2d as BatchNorm2d
    from reftorch.nn.normalization.batch_norm3d import BatchNorm3d as BatchNorm3d
    from reftorch.nn.normalization.group_norm import GroupNorm as GroupNorm
    from reftorch.nn.normalization.instance_norm1d import InstanceNorm1d as InstanceNorm1d
    from reftorch.nn.normalization.instance_norm2d import InstanceNorm2d as InstanceNorm2d
    from reftorch.nn.normalization.instance_norm3d import InstanceNorm3d as InstanceNorm3d
    from reftorch.nn.normalization.layer_norm import LayerNorm as LayerNorm
    from reftorch.nn.normalization.local_response_norm import LocalResponseNorm as LocalResponseNorm
    from reftorch.nn.normalization.rms_norm import RMSNorm as RMSNorm
    from reftorch.nn.padding.circular_pad import CircularPad1d as CircularPad1d
    from reftorch.nn.padding.circular_pad import CircularPad2d as CircularPad2d
    from reftorch.nn.padding.circular_pad import CircularPad3d as CircularPad3d
    from reftorch.nn.padding.constant_pad import ConstantPad1d as ConstantPad1d
    from reftorch.nn.padding.constant_pad import ConstantPad2d as ConstantPad2d
    from reftorch.nn.padding.constant_pad import ConstantPad3d as ConstantPad3d
    from reftorch.nn.padding.constant_pad import ZeroPad1d as ZeroPad1d
    from reftorch.nn.padding.constant_pad import ZeroPad2d as ZeroPad2d
    from reftorch.nn.padding.constant_pad import ZeroPad3d as ZeroPad3d
    from reftorch.nn.padding.reflection_pad import ReflectionPad1d as ReflectionPad1d
    from reftorch.nn.padding.reflection_pad import ReflectionPad2d as ReflectionPad2d
    from reftorch.nn.padding.reflection_pad import ReflectionPad3d as ReflectionPad3d
    from reftorch.nn.padding.replication_pad import ReplicationPad1d as ReplicationPad1d
    from reftorch.nn.padding.replication_pad import ReplicationPad2d as ReplicationPad2d
    from reftorch.nn.padding.replication_pad import ReplicationPad3d as ReplicationPad3d
    from reftorch.nn.parameter import Buffer as Buffer
    from reftorch.nn.parameter import Parameter as Parameter
    from reftorch.nn.pooling.max_pool2d import MaxPool2d as MaxPool2d
    from reftorch.nn.vision.channel_shuffle import ChannelShuffle as ChannelShuffle
    from reftorch.nn.vision.pixel_shuffle import PixelShuffle as PixelShuffle
    from reftorch.nn.vision.pixel_unshuffle import PixelUnshuffle as PixelUnshuffle

__getattr__, __dir__, __all__ = lazy.names(__name__, __file__)
