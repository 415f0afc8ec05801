"""Classic mistakes in Softplus."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="threshold on x",
        kernel="softplus_forward_cpu",
        find="x[i] if z > x.dtype.type(threshold)",
        replace="x[i] if x[i] > x.dtype.type(threshold)",
        says="the threshold is compared with beta times x, not with x",
    ),
    Mutant(
        name="not divided by beta",
        kernel="softplus_forward_cpu",
        find=" / x.dtype.type(beta)",
        replace="",
        says="the logarithm is divided by beta, so that the curve follows x",
    ),
    Mutant(
        name="maximum forgotten",
        kernel="softplus_forward_cpu",
        find="(z if z > x.dtype.type(0) else x.dtype.type(0)) + ",
        replace="",
        says="log(1 + e^-|z|) is only the difference from ReLU: add max(z, 0)",
    ),
    Mutant(
        name="slope times beta",
        kernel="softplus_backward_x_cpu",
        find="else slope * grad_y[i]",
        replace="else x.dtype.type(beta) * slope * grad_y[i]",
        says="the inner derivative beta and the factor 1 / beta cancel",
    ),
    Mutant(
        name="sigmoid of x",
        kernel="softplus_backward_x_cpu",
        find="z = x.dtype.type(beta) * x[i]",
        replace="z = x[i]",
        says="the derivative is the sigmoid of beta times x",
    ),
]
