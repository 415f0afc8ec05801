"""Classic mistakes in SELU."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="scale above zero only",
        kernel="selu_forward_cpu",
        find="scale * (x[i] if x[i] > x.dtype.type(0) else alpha * math.expm1(x[i]))",
        replace="scale * x[i] if x[i] > x.dtype.type(0) else alpha * math.expm1(x[i])",
        says="the scale is a factor on both sides",
    ),
    Mutant(
        name="constants exchanged",
        kernel="selu_forward_cpu",
        find="alpha * math.expm1(x[i])",
        replace="scale * math.expm1(x[i])",
        says="below zero the factor is scale times alpha; here it is scale times scale",
    ),
    Mutant(
        name="one not subtracted",
        kernel="selu_forward_cpu",
        find="math.expm1(x[i])",
        replace="math.exp(x[i])",
        says="below zero it is the exponential minus 1, so that both sides meet at zero",
    ),
    Mutant(
        name="scale forgotten",
        kernel="selu_backward_x_cpu",
        find="scale * slope * grad_y[i]",
        replace="slope * grad_y[i]",
        says="the scale is a factor of the output, so it is a factor of the derivative",
    ),
    Mutant(
        name="value for slope",
        kernel="selu_backward_x_cpu",
        find="math.exp(x[i])",
        replace="math.expm1(x[i])",
        says="the derivative of e^x - 1 is e^x",
    ),
    Mutant(
        name="scale forgotten in place",
        kernel="selu_backward_x_in_place_cpu",
        find="y[i] + scale * alpha",
        replace="y[i] + alpha",
        says="below zero the slope is y + scale * alpha",
    ),
]
