"""Classic mistakes in Hardswish."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="no upper limit",
        kernel="hardswish_forward_cpu",
        find="x.dtype.type(6) if shifted > x.dtype.type(6) else shifted",
        replace="shifted",
        says="the factor is limited to 6: from 3 on the output is x itself",
    ),
    Mutant(
        name="factor alone",
        kernel="hardswish_forward_cpu",
        find="x[i] * r / x.dtype.type(6)",
        replace="r / x.dtype.type(6)",
        says="this is hardsigmoid; hardswish multiplies it by x",
    ),
    Mutant(
        name="slope of the factor",
        kernel="hardswish_backward_x_cpu",
        find="x[i] / x.dtype.type(3)",
        replace="x[i] / x.dtype.type(6)",
        says="x appears twice in the product, so the derivative of x² / 6 is x / 3",
    ),
    Mutant(
        name="product rule",
        kernel="hardswish_backward_x_cpu",
        find=" + x.dtype.type(0.5)",
        replace="",
        says="the derivative of 3 x / 6 is 1/2",
    ),
    Mutant(
        name="slope below",
        kernel="hardswish_backward_x_cpu",
        find="x[i] <= x.dtype.type(-3)",
        replace="x[i] <= x.dtype.type(-6)",
        says="up to -3 the output is 0, and so is the slope",
    ),
]
