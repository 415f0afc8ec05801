"""Classic mistakes in alpha dropout."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "alpha_dropout_forward_cpu", "alpha_dropout_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="dropped elements become 0",
        kernel=FORWARD,
        find="dropped = (mask[i] - x.dtype.type(1)) * x.dtype.type(floor * s)",
        replace="dropped = x.dtype.type(0)",
        says="a dropped element gets the lowest value of SELU, not 0",
    ),
    Mutant(
        name="mean not brought back",
        kernel=FORWARD,
        find=" + x.dtype.type(floor * s * p)",
        replace="",
        says="the dropped elements lower the mean by p times 1.7581: a shift brings it back to 0",
    ),
    Mutant(
        name="variance not brought back",
        kernel=FORWARD,
        find="mask[i] * scale",
        replace="mask[i]",
        says="kept elements are multiplied by the scale that brings the variance back to 1",
    ),
    Mutant(
        name="divided as in dropout",
        kernel=FORWARD,
        find="scale = x.dtype.type(s)",
        replace="scale = x.dtype.type(1 / (1 - p))",
        says="the scale is not 1 / (1 - p) here, because dropped elements are not 0",
    ),
    Mutant(
        name="gradient not scaled",
        kernel=BACKWARD,
        find="mask[i] * scale",
        replace="mask[i]",
        says="a kept element is multiplied by the scale; so is its gradient",
    ),
    Mutant(
        name="gradient to dropped elements",
        kernel=BACKWARD,
        find="mask[i] * scale",
        replace="scale",
        says="the input of a dropped element does not matter: its gradient is 0",
    ),
]
