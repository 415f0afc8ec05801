"""Classic mistakes in Dropout."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "dropout_forward_cpu", "dropout_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="not rescaled",
        kernel=FORWARD,
        find="(mask[i] / x.dtype.type(keep))",
        replace="mask[i]",
        says="the kept elements are divided by 1 - p, so that the mean stays the same in training and evaluation",
    ),
    Mutant(
        name="divided by p",
        kernel=FORWARD,
        find="x.dtype.type(keep)",
        replace="x.dtype.type(1 - keep)",
        says="p is the probability to be dropped: divide by the probability to be kept, 1 - p",
    ),
    Mutant(
        name="multiplied by 1 - p",
        kernel=FORWARD,
        find="mask[i] / x.dtype.type(keep)",
        replace="mask[i] * x.dtype.type(keep)",
        says="fewer elements are left, so each must become larger: divide by 1 - p, do not multiply",
    ),
    Mutant(
        name="the others dropped",
        kernel=FORWARD,
        find="mask[i] /",
        replace="(x.dtype.type(1) - mask[i]) /",
        says="the mask is 1 where an element is kept",
    ),
    Mutant(
        name="gradient to dropped elements",
        kernel=BACKWARD,
        find="mask[i] /",
        replace="grad_y.dtype.type(1) /",
        says="a dropped element has no influence on the output: its gradient is 0",
    ),
    Mutant(
        name="gradient not rescaled",
        kernel=BACKWARD,
        find="(mask[i] / grad_y.dtype.type(keep))",
        replace="mask[i]",
        says="the output grows by 1 / (1 - p) for each unit of a kept input; so does the gradient",
    ),
]
