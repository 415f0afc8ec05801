"""Classic mistakes in CELU."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="not divided by alpha",
        kernel="celu_forward_cpu",
        find="x[i] / a",
        replace="x[i]",
        says="the exponent is x / alpha; without it this is ELU",
    ),
    Mutant(
        name="alpha forgotten",
        kernel="celu_forward_cpu",
        find="a * math.expm1",
        replace="math.expm1",
        says="alpha is the factor of the exponential, too",
    ),
    Mutant(
        name="slope times alpha",
        kernel="celu_backward_x_cpu",
        find="math.exp(x[i] / a) * grad_y[i]",
        replace="a * math.exp(x[i] / a) * grad_y[i]",
        says="the factor alpha and the inner derivative 1 / alpha cancel",
    ),
    Mutant(
        name="inner derivative twice",
        kernel="celu_backward_x_cpu",
        find="math.exp(x[i] / a) * grad_y[i]",
        replace="math.exp(x[i] / a) / a * grad_y[i]",
        says="the factor alpha and the inner derivative 1 / alpha cancel",
    ),
    Mutant(
        name="not divided in place",
        kernel="celu_backward_x_in_place_cpu",
        find="y[i] / a + y.dtype.type(1)",
        replace="y[i] + y.dtype.type(1)",
        says="in place, the slope below zero is y / alpha + 1",
    ),
]
