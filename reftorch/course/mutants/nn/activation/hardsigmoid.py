"""Classic mistakes in Hardsigmoid."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="ramp from -1 to 1",
        kernel="hardsigmoid_forward_cpu",
        find="(x[i] + x.dtype.type(3)) / x.dtype.type(6)",
        replace="(x[i] + x.dtype.type(1)) / x.dtype.type(2)",
        says="the ramp goes from -3 to 3, not from -1 to 1",
    ),
    Mutant(
        name="limits exchanged",
        kernel="hardsigmoid_forward_cpu",
        find="x.dtype.type(0) if x[i] <= x.dtype.type(-3)",
        replace="x.dtype.type(1) if x[i] <= x.dtype.type(-3)",
        says="below -3 the output is 0",
    ),
    Mutant(
        name="slope 1",
        kernel="hardsigmoid_backward_x_cpu",
        find="grad_y[i] / x.dtype.type(6)",
        replace="grad_y[i]",
        says="the slope of the ramp is 1/6",
    ),
    Mutant(
        name="slope at the corners",
        kernel="hardsigmoid_backward_x_cpu",
        find="x[i] > x.dtype.type(-3)",
        replace="x[i] >= x.dtype.type(-3)",
        says="at the corners, at 3 and -3, the slope is 0",
    ),
    Mutant(
        name="slope everywhere",
        kernel="hardsigmoid_backward_x_cpu",
        find="if inside else x.dtype.type(0)",
        replace="if inside else grad_y[i]",
        says="outside of the ramp the output is constant, and the slope is 0",
    ),
]
