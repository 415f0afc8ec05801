"""The arithmetic of some components again, faster.

A component's reference loop is its definition. Here stand the same sums in an order that suits a processor: this package knows arrays
and no components. Every file has one idea and climbs to it from the reference loop, a rung at a time:

    registers.py        what is asked of the compiler
    tile.py             a tile of sums that stays in the processor's registers
    matmul.py           a matrix product out of such tiles
    dots.py             products in which each number is used only a few times
    conv2d_layout.py    an image laid out flat, so that the filter's steps become additions to an address
    conv2d_slide.py     convolution, and the gradient of its input, by rows that slide along the flat image
    conv2d_weight.py    the gradient of the filters
    sums.py             the gradients of biases
    linear.py           the three products of a linear layer
    max_pool2d.py       max pooling by rows of windows; its gradient from the winners' places
    layer_norm.py       layer normalization, a row at a time
    exponential.py      e to the power of many numbers at once, and its relatives: expm1, log1p, tanh, erf
    curves.py           activations made of them, as functions of one number
    activations.py      the loops of these activations
    softmax.py          log-probabilities, and the gradient of cross entropy
    workers.py          who does how much of the work
    ladder/             the way up, as a lesson: each rung a function, to be measured

A fast form takes the reference kernel first, and then what the reference kernel takes: where it does not pay, or could give another
result (integers, infinite weights beside a padding of zeros), it leaves the work to that. `tests/fast` holds the two to be equal.
"""

from reftorch.fast.activations import (
    elu_backward_x,
    elu_forward,
    gelu_backward_x,
    gelu_forward,
    gelu_tanh_backward_x,
    gelu_tanh_forward,
    log_sigmoid_backward_x,
    log_sigmoid_forward,
    mish_backward_x,
    mish_forward,
    sigmoid_forward,
    silu_backward_x,
    silu_forward,
    softplus_backward_x,
    softplus_forward,
    tanh_forward,
    tanhshrink_backward_x,
    tanhshrink_forward,
)
from reftorch.fast.conv2d_slide import conv2d_backward_x, conv2d_forward
from reftorch.fast.conv2d_weight import conv2d_backward_weight
from reftorch.fast.layer_norm import layer_norm_backward_affine, layer_norm_backward_x, layer_norm_forward
from reftorch.fast.linear import linear_backward_bias, linear_backward_weight, linear_backward_x, linear_forward
from reftorch.fast.max_pool2d import max_pool2d_backward_x, max_pool2d_forward
from reftorch.fast.softmax import cross_entropy_backward_x, log_probabilities
from reftorch.fast.sums import conv2d_backward_bias
