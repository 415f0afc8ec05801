"""Classic mistakes in Tanh."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="sigmoid",
        kernel="tanh_forward_cpu",
        find="math.tanh(x[i])",
        replace="(math.tanh(x[i] / x.dtype.type(2)) + x.dtype.type(1)) / x.dtype.type(2)",
        says="this is the sigmoid, with values from 0 to 1; the hyperbolic tangent goes from -1 to 1",
    ),
    Mutant(
        name="half the slope",
        kernel="tanh_forward_cpu",
        find="math.tanh(x[i])",
        replace="math.tanh(x[i] / x.dtype.type(2))",
        says="the argument is x itself: near 0 the curve has slope 1",
    ),
    Mutant(
        name="derivative of the input",
        kernel="tanh_backward_x_cpu",
        find="y.dtype.type(1) - y[i] * y[i]",
        replace="y.dtype.type(1) - math.tanh(y[i]) * math.tanh(y[i])",
        says="backward saves the output y, and the derivative is 1 - y²; here tanh is applied a second time",
    ),
    Mutant(
        name="square forgotten",
        kernel="tanh_backward_x_cpu",
        find="y[i] * y[i]",
        replace="y[i]",
        says="the derivative is 1 - y², not 1 - y",
    ),
    Mutant(
        name="derivative of the sigmoid",
        kernel="tanh_backward_x_cpu",
        find="(y.dtype.type(1) - y[i] * y[i])",
        replace="y[i] * (y.dtype.type(1) - y[i])",
        says="y (1 - y) is the derivative of the sigmoid; that of the hyperbolic tangent is 1 - y²",
    ),
]
