"""Classic mistakes in ReLU."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "relu_forward_cpu", "relu_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="NaN becomes 0",
        kernel=FORWARD,
        find="zero if x[i] < zero else x[i]",
        replace="x[i] if x[i] > zero else zero",
        says="NaN became 0: every comparison with NaN is false, so test whether x is negative, not whether it is positive",
    ),
    Mutant(
        name="absolute value",
        kernel=FORWARD,
        find="zero if x[i] < zero",
        replace="-x[i] if x[i] < zero",
        says="a negative number became positive: ReLU makes it zero",
    ),
    Mutant(
        name="leaky",
        kernel=FORWARD,
        find="zero if x[i] < zero",
        replace="x[i] * x.dtype.type(0.01) if x[i] < zero",
        says="negative numbers were multiplied by 0.01: that is LeakyReLU",
    ),
    Mutant(
        name="gradient passes at zero",
        kernel=BACKWARD,
        find="y[i] <= zero",
        replace="y[i] < zero",
        says="y is never negative, so the gradient always passes; where y is 0, it must be 0",
    ),
    Mutant(
        name="gradient is the output",
        kernel=BACKWARD,
        find="else grad_y[i]",
        replace="else y[i]",
        says="grad_x is grad_y where x was positive; the value of y only decides whether it passes",
    ),
    Mutant(
        name="derivative without the chain rule",
        kernel=BACKWARD,
        find="else grad_y[i]",
        replace="else y.dtype.type(1)",
        says="this is the derivative of ReLU alone; backward multiplies it by the gradient of the output, grad_y",
    ),
    Mutant(
        name="gradient times the mask",
        kernel=BACKWARD,
        find="zero if y[i] <= zero else grad_y[i]",
        replace="grad_y[i] * (y[i] > zero)",
        says="0 times an infinite or NaN gradient is NaN, and a gradient must pass where y is NaN: use an if, do not multiply",
    ),
]
