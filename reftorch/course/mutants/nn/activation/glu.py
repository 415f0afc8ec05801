"""Classic mistakes in GLU."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="halves exchanged",
        kernel="glu_forward_cpu",
        find="y[n, k] = x[n, 0, k] * s",
        replace="y[n, k] = b / (x.dtype.type(1) + math.exp(-x[n, 0, k]))",
        says="the gate is the second half, not the first",
    ),
    Mutant(
        name="gate without the sigmoid",
        kernel="glu_forward_cpu",
        find="x[n, 0, k] * s",
        replace="x[n, 0, k] * b",
        says="the gate is the sigmoid of the second half",
    ),
    Mutant(
        name="derivative of the sigmoid",
        kernel="glu_backward_x_cpu",
        find=" * s * (x.dtype.type(1) - s)",
        replace=" * s",
        says="the derivative of the sigmoid is s (1 - s)",
    ),
    Mutant(
        name="first half forgotten",
        kernel="glu_backward_x_cpu",
        find="grad_y[n, k] * x[n, 0, k] * s",
        replace="grad_y[n, k] * s",
        says="the first half is a factor of the gate's gradient",
    ),
    Mutant(
        name="gradients exchanged",
        kernel="glu_backward_x_cpu",
        find="grad_x[n, 0, k] = grad_y[n, k] * s",
        replace="grad_x[n, 0, k] = grad_y[n, k] * b",
        says="the first half gets the gradient times the sigmoid of the gate",
    ),
]
