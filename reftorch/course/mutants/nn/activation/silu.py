"""Classic mistakes in SiLU."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="only the sigmoid",
        kernel="silu_forward_cpu",
        find="y[i] = x[i] * s",
        replace="y[i] = s",
        says="the sigmoid is the factor; the output is x times the sigmoid",
    ),
    Mutant(
        name="sigmoid of minus x",
        kernel="silu_forward_cpu",
        find="x[i] >= x.dtype.type(0)",
        replace="x[i] < x.dtype.type(0)",
        says="the two sides are exchanged: this is the sigmoid of -x",
    ),
    Mutant(
        name="only the derivative of the sigmoid",
        kernel="silu_backward_x_cpu",
        find="(x.dtype.type(1) + x[i] * (x.dtype.type(1) - s))",
        replace="x[i] * (x.dtype.type(1) - s)",
        says="the product rule has two terms: the sigmoid itself is the other one",
    ),
    Mutant(
        name="sigmoid as a constant",
        kernel="silu_backward_x_cpu",
        find=" * (x.dtype.type(1) + x[i] * (x.dtype.type(1) - s))",
        replace="",
        says="the sigmoid depends on x too: the second term of the product rule is missing",
    ),
]
