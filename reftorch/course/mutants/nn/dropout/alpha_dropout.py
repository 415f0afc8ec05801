"""Classic mistakes in alpha dropout."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "alpha_dropout_forward_cpu", "alpha_dropout_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="dropped elements become 0",
        kernel=FORWARD,
        find="dropped = (mask[i] - x.dtype.type(1)) * x.dtype.type(low)",
        replace="dropped = x.dtype.type(0)",
        says="a dropped element gets the lowest value of SELU, not 0",
    ),
    Mutant(
        name="mean not brought back",
        kernel=FORWARD,
        find=" + x.dtype.type(lift)",
        replace="",
        says="the dropped elements lower the mean by p times 1.7581: a shift brings it back to 0",
    ),
    Mutant(
        name="variance not brought back",
        kernel=FORWARD,
        find="mask[i] * x.dtype.type(scale)",
        replace="mask[i]",
        says="kept elements are multiplied by the scale that brings the variance back to 1",
    ),
    Mutant(
        name="the others dropped",
        kernel=FORWARD,
        find="(mask[i] - x.dtype.type(1))",
        replace="(x.dtype.type(0) - mask[i])",
        says="the mask is 1 where an element is kept",
    ),
    Mutant(
        name="gradient not scaled",
        kernel=BACKWARD,
        find="mask[i] * grad_y.dtype.type(scale)",
        replace="mask[i]",
        says="a kept element is multiplied by the scale; so is its gradient",
    ),
    Mutant(
        name="gradient to dropped elements",
        kernel=BACKWARD,
        find="mask[i] * grad_y.dtype.type(scale)",
        replace="grad_y.dtype.type(scale)",
        says="the input of a dropped element has no influence: its gradient is 0",
    ),
]
