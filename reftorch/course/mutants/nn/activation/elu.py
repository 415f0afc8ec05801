"""Classic mistakes in ELU."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="one not subtracted",
        kernel="elu_forward_cpu",
        find="math.expm1(x[i])",
        replace="math.exp(x[i])",
        says="below zero it is the exponential minus 1, so that both sides meet at zero",
    ),
    Mutant(
        name="alpha on both sides",
        kernel="elu_forward_cpu",
        find="y[i] = x[i] if",
        replace="y[i] = x.dtype.type(alpha) * x[i] if",
        says="alpha is a factor below zero only; above zero x does not change",
    ),
    Mutant(
        name="side exchanged",
        kernel="elu_forward_cpu",
        find="x[i] > x.dtype.type(0)",
        replace="x[i] < x.dtype.type(0)",
        says="elements above zero do not change; the exponential is for the others",
    ),
    Mutant(
        name="slope 1 at zero",
        kernel="elu_backward_x_cpu",
        find="x[i] > x.dtype.type(0)",
        replace="x[i] >= x.dtype.type(0)",
        says="at zero the slope is that of the left side, which is alpha",
    ),
    Mutant(
        name="alpha forgotten",
        kernel="elu_backward_x_cpu",
        find="x.dtype.type(alpha) * math.exp(x[i])",
        replace="math.exp(x[i])",
        says="the derivative below zero is alpha times the exponential",
    ),
    Mutant(
        name="value for slope",
        kernel="elu_backward_x_cpu",
        find="math.exp(x[i])",
        replace="math.expm1(x[i])",
        says="the derivative of e^x - 1 is e^x",
    ),
    Mutant(
        name="alpha not added",
        kernel="elu_backward_x_in_place_cpu",
        find="(y[i] + y.dtype.type(alpha))",
        replace="y[i]",
        says="in place, the slope below zero is y + alpha",
    ),
]
