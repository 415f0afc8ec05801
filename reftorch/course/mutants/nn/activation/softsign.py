"""Classic mistakes in Softsign."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="absolute value forgotten",
        kernel="softsign_forward_cpu",
        find="abs(x[i])",
        replace="x[i]",
        says="the denominator is 1 + |x|; without the absolute value it is 0 for x = -1",
    ),
    Mutant(
        name="absolute value in the numerator",
        kernel="softsign_forward_cpu",
        find="x[i] / (",
        replace="abs(x[i]) / (",
        says="the output keeps the sign of x",
    ),
    Mutant(
        name="square forgotten",
        kernel="softsign_backward_x_cpu",
        find="rest * rest",
        replace="rest",
        says="the derivative is the square of 1 - |y|",
    ),
    Mutant(
        name="absolute value forgotten backward",
        kernel="softsign_backward_x_cpu",
        find="abs(y[i])",
        replace="y[i]",
        says="the derivative is the same on both sides: 1 - |y|, squared",
    ),
]
