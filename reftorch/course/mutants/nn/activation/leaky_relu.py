"""Classic mistakes in LeakyReLU."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "leaky_relu_forward_cpu", "leaky_relu_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="no leak",
        kernel=FORWARD,
        find="else slope * x[i]",
        replace="else x.dtype.type(0)",
        says="negative numbers became zero: that is ReLU; here they are multiplied by the slope",
    ),
    Mutant(
        name="slope on the wrong side",
        kernel=FORWARD,
        find="x[i] > x.dtype.type(0)",
        replace="x[i] < x.dtype.type(0)",
        says="elements above zero were multiplied by the slope: only the others should be",
    ),
    Mutant(
        name="maximum of both sides",
        kernel=FORWARD,
        find="x[i] > x.dtype.type(0)",
        replace="x[i] >= slope * x[i]",
        says="max(x, slope * x) is right only for slopes up to 1: test whether x is above zero",
    ),
    Mutant(
        name="absolute value",
        kernel=FORWARD,
        find="else slope * x[i]",
        replace="else -slope * x[i]",
        says="a negative number became positive: the slope is multiplied with x itself, which keeps its sign",
    ),
    Mutant(
        name="zero counted as positive",
        kernel=BACKWARD,
        find="x[i] > x.dtype.type(0)",
        replace="x[i] >= x.dtype.type(0)",
        says="at x = 0 the gradient is multiplied by the slope: it passes unchanged only above zero",
    ),
    Mutant(
        name="gradient stops",
        kernel=BACKWARD,
        find="else slope * grad_y[i]",
        replace="else x.dtype.type(0)",
        says="where x is negative, the gradient is multiplied by the slope; here it became 0, as in ReLU",
    ),
    Mutant(
        name="derivative without the chain rule",
        kernel=BACKWARD,
        find="else slope * grad_y[i]",
        replace="else slope",
        says="this is the derivative of LeakyReLU alone; backward multiplies it by the gradient of the output, grad_y",
    ),
    Mutant(
        name="gradient times the output",
        kernel=BACKWARD,
        find="else slope * grad_y[i]",
        replace="else slope * x[i] * grad_y[i]",
        says="slope * x is the value of LeakyReLU; its derivative is the slope alone",
    ),
]
