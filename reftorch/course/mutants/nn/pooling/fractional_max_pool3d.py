"""Classic mistakes in fractional max pooling."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "fractional_max_pool3d_forward_cpu", "fractional_max_pool3d_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="numbers exchanged",
        kernel=FORWARD,
        find="u_w = samples[n, c, 2]",
        replace="u_w = samples[n, c, 1]",
        says="the random numbers of width and height were exchanged",
    ),
    Mutant(
        name="last window not at the end",
        kernel=FORWARD,
        find="w_out == W_out - 1",
        replace="w_out == W_out",
        says="the last window begins at the size of the input minus the window",
    ),
    Mutant(
        name="step by the number of outputs",
        kernel=FORWARD,
        find="x.dtype.type(W_out - 1)",
        replace="x.dtype.type(W_out)",
        says="between O windows there are O - 1 steps",
    ),
    Mutant(
        name="last of equals",
        kernel=FORWARD,
        find="value > best",
        replace="value >= best",
        says="if elements are equal, the first one counts: > instead of >=",
    ),
    Mutant(
        name="only the last window",
        kernel=BACKWARD,
        find="] += grad_y[",
        replace="] = grad_y[",
        says="an element that is the largest of several windows gets the sum of their gradients",
    ),
]
