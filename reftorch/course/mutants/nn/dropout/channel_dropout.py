"""Classic mistakes in the dropout of channels."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "channel_dropout_forward_cpu", "channel_dropout_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="not rescaled",
        kernel=FORWARD,
        find="mask[n, c] / x.dtype.type(keep)",
        replace="mask[n, c]",
        says="kept channels are divided by 1 - p, so that the mean stays the same in training and evaluation",
    ),
    Mutant(
        name="divided by p",
        kernel=FORWARD,
        find="x.dtype.type(keep)",
        replace="x.dtype.type(1 - keep)",
        says="p is the probability to be dropped: divide by the probability to be kept, 1 - p",
    ),
    Mutant(
        name="same channels in all samples",
        kernel=FORWARD,
        find="mask[n, c] /",
        replace="mask[0, c] /",
        says="each sample has its own mask: mask[n, c]",
    ),
    Mutant(
        name="whole samples dropped",
        kernel=FORWARD,
        find="mask[n, c] /",
        replace="mask[n, 0] /",
        says="each channel has its own element of the mask: mask[n, c]",
    ),
    Mutant(
        name="gradient not rescaled",
        kernel=BACKWARD,
        find="mask[n, c] / grad_y.dtype.type(keep)",
        replace="mask[n, c]",
        says="the output grows by 1 / (1 - p) for each unit of a kept input; so does the gradient",
    ),
    Mutant(
        name="gradient to dropped channels",
        kernel=BACKWARD,
        find="mask[n, c] /",
        replace="grad_y.dtype.type(1) /",
        says="a dropped channel has no influence on the output: its gradient is 0",
    ),
]
