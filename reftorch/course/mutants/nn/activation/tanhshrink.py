"""Classic mistakes in Tanhshrink."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="only tanh",
        kernel="tanhshrink_forward_cpu",
        find="x[i] - math.tanh(x[i])",
        replace="math.tanh(x[i])",
        says="the hyperbolic tangent is subtracted from x",
    ),
    Mutant(
        name="exchanged",
        kernel="tanhshrink_forward_cpu",
        find="x[i] - math.tanh(x[i])",
        replace="math.tanh(x[i]) - x[i]",
        says="the hyperbolic tangent is subtracted from x, not the other way round",
    ),
    Mutant(
        name="derivative of tanh",
        kernel="tanhshrink_backward_x_cpu",
        find="t * t * grad_y[i]",
        replace="(x.dtype.type(1) - t * t) * grad_y[i]",
        says="1 - tanh² is the derivative of tanh; that of x - tanh x is tanh²",
    ),
    Mutant(
        name="square forgotten",
        kernel="tanhshrink_backward_x_cpu",
        find="t * t * grad_y[i]",
        replace="t * grad_y[i]",
        says="the derivative is the square of the hyperbolic tangent",
    ),
]
